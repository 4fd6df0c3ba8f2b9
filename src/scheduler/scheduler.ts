/**
 * The scheduler: what it knows of the cluster, the queue of pods, and the loop
 * between them. A pod's scheduling cycle is synchronous; its binding cycle runs
 * beside the next cycles, which see the pod as placed already (it is assumed).
 *
 * Invariants: a pod is in one place: queued, being scheduled, assumed, or on a
 * node. An assumption ends by the API saying that it is so, or by a failure to
 * bind, which gives back what was taken and queues the pod again.
 */
import { setImmediate } from 'node:timers';
import { formatTime } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { MetricRegistry } from '../base/metrics/registry.ts';
import type { Random } from '../base/random.ts';
import type { Node, Pod, PodCondition } from '../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../api/types/policy-v1.ts';
import type { Client } from '../client/client.ts';
import { isNotFound } from '../client/failure.ts';
import type { ClusterEvent } from './framework/cluster-event.ts';
import { EquivalenceCache } from './framework/equivalence.ts';
import type { FitError } from './framework/fit-error.ts';
import { Rejected } from './framework/framework.ts';
import type { Framework } from './framework/framework.ts';
import { dynamicResources } from './plugins/dynamic-resources.ts';
import { defaultPreemption } from './plugins/default-preemption.ts';
import type { Owners } from './plugins/owners.ts';
import type { VolumeListers } from './plugins/volume-listers.ts';
import { defaultProfile } from './profile.ts';
import { Nominator } from './queue/nominator.ts';
import { SchedulingQueue, updateMatters } from './queue/scheduling-queue.ts';
import type { QueuedPod } from './queue/scheduling-queue.ts';
import { noNodesMessage, ScheduleOne } from './schedule-one.ts';
import type { SchedulerApi } from './scheduler-api.ts';
import { SchedulerMetrics } from './scheduler-metrics.ts';
import type { NodeInfo } from './snapshot/node-info.ts';
import { isSameForScheduling, podKey } from './snapshot/pod-info.ts';
import type { PodInfo } from './snapshot/pod-info.ts';
import { Snapshot } from './snapshot/snapshot.ts';

export interface SchedulerOptions {
  readonly api: SchedulerApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly owners: Owners;
  readonly volumes: VolumeListers;
  /** For volumes only. */
  readonly client?: Client;
  readonly schedulerName?: string;
  readonly percentageOfNodesToScore?: number;
  /** Bindings under way at the same time. */
  readonly bindingsMax?: number;
  budgets(): Iterable<PodDisruptionBudget>;
  /** The newest version of a pod, by `namespace/name`. */
  currentPod(key: string): Pod | undefined;
}

/** A pod that takes room on a node. */
interface Placed {
  info: PodInfo;
  readonly nodeName: string;
  /** The API has not said so yet. */
  assumed: boolean;
}

/** How long the loop works before it lets others have their turn. */
const sliceMs = 5;
const eventMessageMax = 1024;

export class Scheduler {
  readonly snapshot = new Snapshot();
  readonly queue: SchedulingQueue;
  readonly #options: SchedulerOptions;
  readonly #framework: Framework;
  readonly #nominator = new Nominator();
  readonly #cycle: ScheduleOne;
  readonly #placed = new Map<string, Placed>();
  readonly #schedulerName: string;
  readonly #metrics: SchedulerMetrics;
  #bindings = 0;
  #running = false;
  #due = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { api, clock, random, logger, owners, volumes, client } = options;
    const { snapshot } = this;
    const nominator = this.#nominator;
    this.#schedulerName = options.schedulerName ?? 'default-scheduler';
    // The profile needs its preemption, which needs what is worked out for the profile.
    const late: { equivalences?: EquivalenceCache } = {};
    const preemption = defaultPreemption({
      snapshot,
      get equivalences() {
        return late.equivalences as EquivalenceCache;
      },
      cycle: () => this.#cycle,
      nominator,
      api,
      clock,
      random,
      logger,
      budgets: () => options.budgets(),
      onDemoted: (pod) => this.#demote(pod),
    });
    this.#framework = defaultProfile({ owners, volumes, clock, api, ...(client ? { client } : {}), postFilter: [dynamicResources, preemption] });
    const equivalences = new EquivalenceCache(this.#framework, snapshot);
    late.equivalences = equivalences;
    const percentage = options.percentageOfNodesToScore;
    this.#cycle = new ScheduleOne({ snapshot, equivalences, nominator, random, ...(percentage === undefined ? {} : { percentageOfNodesToScore: percentage }) });
    this.queue = new SchedulingQueue({ clock, framework: this.#framework, onReady: () => this.#wake() });
    this.#metrics = new SchedulerMetrics(options.metrics, this.#schedulerName, this.queue);
  }

  /** Begins to schedule; what is known until then is what the first decisions rest on. */
  start(): void {
    this.#running = true;
    this.#wake();
  }

  stop(): void {
    this.#running = false;
    this.queue.close();
  }

  // What has changed in the cluster.

  setNode(node: Node): void {
    const change = this.snapshot.setNode(node);
    const about = change.node;
    if (change.added) return this.notify({ kind: 'nodeAdded', node: about });
    if (change.allocatable) this.notify({ kind: 'nodeAllocatable', node: about });
    if (change.labels) this.notify({ kind: 'nodeLabels', node: about });
    if (change.taints) this.notify({ kind: 'nodeTaints', node: about });
    if (change.unschedulable) this.notify({ kind: 'nodeUnschedulable', node: about });
  }

  removeNode(node: Node): void {
    this.snapshot.removeNode(node.metadata.name ?? '');
  }

  setPod(pod: Pod): void {
    const { phase } = pod.status ?? {};
    // A pod that has ended takes no room, though its object may stay for long.
    if (phase === 'Succeeded' || phase === 'Failed') return this.removePod(pod);
    if (pod.spec.nodeName) this.#setPlaced(pod, pod.spec.nodeName);
    else if ((pod.spec.schedulerName ?? 'default-scheduler') === this.#schedulerName) this.#setWaiting(pod);
  }

  removePod(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    this.#nominator.delete(uid);
    const queued = this.queue.delete(uid);
    if (queued) this.snapshot.release(queued.info);
    const placed = this.#placed.get(uid);
    if (!placed) return;
    this.#unplace(placed);
    this.notify({ kind: 'podDeleted', pod: placed.info });
  }

  notify(event: ClusterEvent): void {
    this.queue.onEvent(event);
  }

  #setPlaced(pod: Pod, nodeName: string): void {
    const uid = pod.metadata.uid ?? '';
    const queued = this.queue.delete(uid);
    if (queued) this.snapshot.release(queued.info);
    this.#nominator.delete(uid);
    const placed = this.#placed.get(uid);
    if (placed?.nodeName === nodeName && (placed.assumed || isSameForScheduling(placed.info.pod, pod)) && !isNewlyTerminating(placed.info, pod)) {
      placed.info.pod = pod;
      if (!placed.assumed) return;
      placed.assumed = false;
      this.notify({ kind: 'podAdded', pod: placed.info });
      return;
    }
    if (placed) this.#unplace(placed);
    const info = this.snapshot.info(pod);
    this.#place(info, nodeName, false);
    this.notify({ kind: placed ? 'podUpdated' : 'podAdded', pod: info });
  }

  #setWaiting(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    // The API is behind: its binding is under way.
    if (this.#placed.has(uid)) return;
    const queued = this.queue.get(uid);
    const nominated = pod.status?.nominatedNodeName;
    if (!queued) {
      if (pod.metadata.deletionTimestamp) return;
      const info = this.snapshot.info(pod);
      if (nominated) this.#nominator.set(info, nominated);
      this.queue.add(info);
      return;
    }
    const before = queued.info;
    if (!updateMatters(before.pod, pod)) {
      before.pod = pod;
      return;
    }
    this.snapshot.release(before);
    this.queue.update(this.snapshot.info(pod), true);
  }

  #place(info: PodInfo, nodeName: string, assumed: boolean): Placed {
    const placed: Placed = { info, nodeName, assumed };
    this.#placed.set(info.uid, placed);
    this.snapshot.addPod(info, nodeName);
    return placed;
  }

  #unplace({ info, nodeName }: Placed): void {
    this.#placed.delete(info.uid);
    this.snapshot.removePod(info, nodeName);
    this.snapshot.release(info);
  }

  // The loop.

  #wake(): void {
    if (this.#due || !this.#running) return;
    this.#due = true;
    setImmediate(() => {
      this.#due = false;
      this.#work();
    });
  }

  /** Schedules until there is nothing to do, too many bindings are under way, or the slice is over. */
  #work(): void {
    const { clock, bindingsMax = 200 } = this.#options;
    const end = clock.monotonic() + sliceMs;
    while (this.#running && this.#bindings < bindingsMax) {
      const queued = this.queue.pop();
      if (!queued) return;
      this.#scheduleOne(queued);
      if (clock.monotonic() >= end) return this.#wake();
    }
  }

  #scheduleOne(queued: QueuedPod): void {
    const { info } = queued;
    if (info.pod.metadata.deletionTimestamp) {
      this.#options.api.record(info.pod, 'Warning', 'FailedScheduling', `skip schedule deleting pod: ${podKey(info.pod)}`);
      this.snapshot.release(info);
      return;
    }
    const result = this.#cycle.schedule(info);
    this.#metrics.algorithm.observe((this.#options.clock.monotonic() - queued.attemptStarted) / 1000);
    switch (result.kind) {
      case 'placed':
        return this.#assume(queued, result.node);
      case 'noNodes':
        return this.#onUnschedulable(queued, noNodesMessage, new Set(), '');
      case 'unfit':
        return this.#onUnfit(queued, result.error);
    }
  }

  #onUnfit(queued: QueuedPod, error: FitError): void {
    const nominatedNode = this.#runPostFilter(queued.info, error);
    this.#onUnschedulable(queued, error.message, error.plugins, nominatedNode);
  }

  /** The node that the pod may hope for. Once there is one, what other plugins said is of no interest. */
  #runPostFilter(info: PodInfo, error: FitError): string | undefined {
    this.#metrics.preemptions.add();
    const messages: string[] = [];
    let nominatedNode: string | undefined;
    for (const plugin of this.#framework.plugins.postFilter) {
      const outcome = plugin.postFilter(info, error);
      nominatedNode = outcome.nominatedNode;
      if (nominatedNode) return nominatedNode;
      if (outcome.message !== '') messages.push(outcome.message);
    }
    error.postFilterMessage = messages.join(', ');
    return nominatedNode;
  }

  #assume(queued: QueuedPod, node: NodeInfo): void {
    const { info } = queued;
    const placed = this.#place(info, node.name, true);
    this.#nominator.delete(info.uid);
    const refused = this.#framework.runReserve(info, node);
    if (refused) {
      this.#forget(placed);
      return this.#onUnschedulable(queued, refused.reasons.join(', '), new Set([refused.plugin]), '');
    }
    this.#bindings++;
    this.#framework.runBindingCycle(info, node).then(
      () => this.#onBound(queued, node.name),
      (error: unknown) => this.#onBindFailed(queued, placed, error),
    );
  }

  #onBound(queued: QueuedPod, nodeName: string): void {
    const { pod } = queued.info;
    this.#bindingEnded();
    this.#attempted(queued, 'scheduled');
    this.#metrics.bound(queued.attempts, this.#options.clock.now() - queued.triableSince);
    this.#options.api.record(pod, 'Normal', 'Scheduled', `Successfully assigned ${podKey(pod)} to ${nodeName}`);
  }

  #onBindFailed(queued: QueuedPod, placed: Placed, error: unknown): void {
    this.#bindingEnded();
    const { info } = queued;
    this.#framework.runUnreserve(info, placed.nodeName);
    // Deleted meanwhile, or bound after all: then the API has told, and there is nothing to give back.
    if (!this.#placed.has(info.uid) || !placed.assumed) return;
    this.#forget(placed);
    this.notify({ kind: 'podDeleted', pod: info });
    if (isNotFound(error)) {
      this.snapshot.release(info);
      return;
    }
    if (error instanceof Rejected) this.#onUnschedulable(queued, error.message, new Set([error.status.plugin]), '');
    else this.#onError(queued, error);
  }

  #bindingEnded(): void {
    this.#bindings--;
    this.#wake();
  }

  /** Takes back an assumption; the pod's shape stays in use. */
  #forget({ info, nodeName }: Placed): void {
    this.#placed.delete(info.uid);
    this.snapshot.removePod(info, nodeName);
  }

  #attempted({ attemptStarted }: QueuedPod, result: 'scheduled' | 'unschedulable' | 'error'): void {
    this.#metrics.attempted(result, this.#options.clock.monotonic() - attemptStarted);
  }

  #onUnschedulable(queued: QueuedPod, message: string, rejectedBy: ReadonlySet<string>, nominatedNode: string | undefined): void {
    this.#attempted(queued, 'unschedulable');
    if (!this.#requeue(queued, rejectedBy)) return;
    if (nominatedNode) this.#nominator.set(queued.info, nominatedNode);
    else if (nominatedNode === '') this.#nominator.delete(queued.info.uid);
    this.#report(queued.info.pod, 'Unschedulable', message, nominatedNode);
  }

  #onError(queued: QueuedPod, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#attempted(queued, 'error');
    this.#options.logger.warn('binding a pod failed, will retry', { pod: podKey(queued.info.pod), error });
    if (this.#requeue(queued, new Set())) this.#report(queued.info.pod, 'SchedulerError', message, '');
  }

  /** False where the pod is no longer ours to schedule. */
  #requeue(queued: QueuedPod, rejectedBy: ReadonlySet<string>): boolean {
    const { info } = queued;
    const current = this.#options.currentPod(podKey(info.pod));
    if (!current || current.spec.nodeName || current.metadata.uid !== info.uid) {
      this.snapshot.release(info);
      return false;
    }
    // It may have changed while it was bound; its shape, if so, is found out by the next update.
    info.pod = current;
    this.queue.putBack(queued, rejectedBy);
    return true;
  }

  #report(pod: Pod, reason: string, message: string, nominatedNode: string | undefined): void {
    const { api, logger } = this.#options;
    api.record(pod, 'Warning', 'FailedScheduling', message.length <= eventMessageMax ? message : `${message.slice(0, eventMessageMax - 4)} ...`);
    const status: Record<string, unknown> = {};
    const condition = this.#condition(pod, reason, message);
    if (condition) status['conditions'] = [condition];
    if (nominatedNode !== undefined && (pod.status?.nominatedNodeName ?? '') !== nominatedNode) status['nominatedNodeName'] = nominatedNode === '' ? null : nominatedNode;
    if (Object.keys(status).length === 0) return;
    api.patchPodStatus(pod, status).catch((error: unknown) => {
      if (!isNotFound(error)) logger.warn('reporting on a pod failed', { pod: podKey(pod), error });
    });
  }

  /** Undefined where the pod says so already. */
  #condition({ metadata, status }: Pod, reason: string, message: string): PodCondition | undefined {
    const before = status?.conditions?.find(({ type }) => type === 'PodScheduled');
    if (before?.status === 'False' && before.reason === reason && before.message === message) return undefined;
    return {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      ...(metadata.generation ? { observedGeneration: metadata.generation } : {}),
      ...(before?.status === 'False' ? {} : { lastTransitionTime: formatTime(this.#options.clock.now()) }),
    };
  }

  #demote(pod: PodInfo): void {
    this.#nominator.delete(pod.uid);
    this.#options.api.patchPodStatus(pod.pod, { nominatedNodeName: null }).catch(() => {});
  }
}

function isNewlyTerminating({ terminating }: PodInfo, pod: Pod): boolean {
  return !terminating && Boolean(pod.metadata.deletionTimestamp);
}
