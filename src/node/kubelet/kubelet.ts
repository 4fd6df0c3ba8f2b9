/**
 * The node agent: follows the pods bound to its node and runs one worker for
 * each. It holds no pod object but those in its workers.
 */
import type { Clock } from '../../base/clock.ts';
import { formatTime } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import type { ObjectReference, Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { objectPath } from '../../client/client.ts';
import { Reflector, type ReflectorSink } from '../../client/reflector.ts';
import { pods } from '../../client/resources.ts';
import { shareEqual } from '../../client/sharing.ts';
import type { WatchEvent } from '../../client/watch-decoder.ts';
import { Heartbeat } from './heartbeat.ts';
import { hasEnded } from './node/managed-node.ts';
import type { ManagedNode } from './node/managed-node.ts';
import type { NodeManager } from './node/node-manager.ts';
import type { StaticPodsHost } from './node/static-pods.ts';
import { isMirror, isStatic, StaticPods } from './node/static-pods.ts';
import type { NodeDescription } from './node-status.ts';
import { PodWorker } from './pod-worker.ts';
import type { PodStartMetrics } from './pod-start-metrics.ts';
import type { Runtime, RuntimePod } from './runtime.ts';
import type { LocalVolumes, MeasuredNode, ServedNode } from './server/served-node.ts';
import type { ContainerField, MachineParts, WorkerHost } from './worker-host.ts';

export interface KubeletOptions {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly description: NodeDescription;
  /** See HeartbeatOptions. */
  readonly heartbeatPhase: number;
  readonly starts: PodStartMetrics;
  /** Left out: the node only pretends to have a machine. */
  readonly machine?: MachineParts;
  /** Where manifests of static pods lie. Left out: there are none. */
  readonly manifests?: string;
  /** Looks after the machine itself: pressure, images, the node's status. Left out: nothing of the node changes. */
  readonly manager?: NodeManager;
  /** Opens the node's server; resolves to its port. Left out: the node has none. */
  serve?(node: ServedNode): Promise<number>;
  /** See ServedNode. */
  readonly localVolumes?: LocalVolumes;
  /** Follows the node's pods instead of the kubelet's own watch. */
  follow?(sink: ReflectorSink<Pod>): void;
  /** Left out: no events are recorded. */
  record?(subject: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

const discardRetryMs = 10_000;

export class Kubelet implements WorkerHost, ServedNode {
  readonly name: string;
  readonly client: Client;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hostIps: readonly string[];
  readonly setup: MachineParts['setup'];
  readonly pulls: MachineParts['pulls'];
  readonly hooks: MachineParts['hooks'];
  readonly probes: MachineParts['probes'];
  readonly #options: KubeletOptions;
  /** By uid: two pods of one name may follow each other. */
  readonly #workers = new Map<string, PodWorker>();
  readonly #views = new Map<string, RuntimePod>();
  readonly #statics: StaticPods | undefined;
  /** Pods that the machine held when this agent began. */
  #leftovers: readonly string[] | undefined;
  /** The next pod is likely to be like its pod. */
  #newest: PodWorker | undefined;

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.name = options.description.name;
    this.client = options.client;
    this.runtime = options.runtime;
    this.clock = options.clock;
    this.logger = options.logger;
    this.hostIps = options.description.internalIps;
    if (options.manifests !== undefined) this.#statics = new StaticPods(this.#staticHost());
    this.setup = options.machine?.setup;
    this.pulls = options.machine?.pulls;
    this.hooks = options.machine?.hooks;
    this.probes = options.machine?.probes;
  }

  get localVolumes(): LocalVolumes | undefined {
    return this.#options.localVolumes;
  }

  get podCount(): number {
    return this.#workers.size;
  }

  worker(uid: string): PodWorker | undefined {
    return this.#workers.get(uid);
  }

  /** Resolves once the node is registered; pods are followed until the signal aborts. */
  async start(): Promise<void> {
    const { client, clock, random, logger, signal, heartbeatPhase, manager, serve } = this.#options;
    for (const view of await this.runtime.list()) this.#views.set(view.uid, view);
    this.#leftovers = await this.setup?.leftovers();
    const unsubscribe = this.runtime.subscribe((view) => this.#workers.get(view.uid)?.observe(view));
    signal.addEventListener('abort', () => this.#close(unsubscribe), { once: true });
    const description = serve ? { ...this.#options.description, kubeletPort: await serve(this) } : this.#options.description;
    await this.#followManifests();
    const observed = manager && { observe: () => manager.observe(), record: (reason: string) => this.#recordNode('Normal', reason, `Node ${this.name} status is now: ${reason}`) };
    await new Heartbeat({ client, clock, logger, signal, description, phase: heartbeatPhase, ...observed }).start();
    if (signal.aborted) return;
    manager?.start(this.#managed(), signal);
    const sink: ReflectorSink<Pod> = { replace: (all) => this.#replace(all), apply: (events) => this.#apply(events) };
    if (this.#options.follow) {
      this.#options.follow(sink);
      return;
    }
    const reflector = new Reflector<Pod>(
      client,
      pods,
      sink,
      { clock, random, logger, fieldSelector: `spec.nodeName=${description.name}` },
    );
    void reflector.run(signal);
  }

  /** Resolves when no pod is under way: for tests and for a drain. */
  get settled(): boolean {
    for (const worker of this.#workers.values()) if (!worker.settled) return false;
    return true;
  }

  #replace(all: readonly Pod[]): void {
    const seen = new Set<string>();
    for (const pod of all) {
      seen.add(pod.metadata.uid ?? '');
      this.#put(pod);
    }
    this.#statics?.onMirrors(all);
    for (const [uid, worker] of this.#workers) if (!seen.has(uid) && !isStatic(worker.pod)) worker.forget();
    // What an earlier life of this agent left behind and nobody wants any more.
    for (const uid of new Set([...this.#views.keys(), ...(this.#leftovers ?? [])])) if (!this.#workers.has(uid)) void this.#discard(uid);
    this.#views.clear();
    this.#leftovers = undefined;
  }

  #apply(events: readonly WatchEvent<Pod>[]): void {
    for (const { type, object } of events) {
      if (type !== 'DELETED') this.#put(object);
      else if (this.#statics && isMirror(object)) this.#statics.onMirrorGone(object);
      else this.#workers.get(object.metadata.uid ?? '')?.forget();
    }
  }

  #put(pod: Pod): void {
    if (this.#statics && isMirror(pod)) {
      const shown = this.#statics.onMirror(pod);
      if (shown) this.#workers.get(shown.metadata.uid ?? '')?.update(shown);
      return;
    }
    const uid = pod.metadata.uid ?? '';
    this.#options.starts.observe(pod);
    const known = this.#workers.get(uid);
    if (known) {
      known.update(shareEqual(known.pod, pod));
      return;
    }
    const refusal = hasRun(pod) || hasEnded(pod) ? undefined : this.#options.manager?.refusal(pod);
    const worker = new PodWorker(shareEqual(this.#newest?.pod ?? pod, pod), this);
    this.#newest = worker;
    this.#workers.set(uid, worker);
    if (!refusal) return worker.begin();
    this.record(pod, 'Warning', refusal.reason, refusal.message);
    worker.fail({ reason: refusal.reason, message: `Pod was rejected: ${refusal.message}`, refused: true });
  }

  /** Frees all that runtime and machine hold of a pod that is no more. */
  async #discard(uid: string): Promise<void> {
    const { runtime, setup, clock, logger } = this;
    try {
      await runtime.stopSandbox(uid);
      await setup?.release(uid);
      await runtime.removeSandbox(uid);
      await setup?.discard(uid);
    } catch (error) {
      logger.warn('removing what is left of a pod failed, will retry', { pod: uid, error });
      clock.after(discardRetryMs, () => {
        if (!this.#options.signal.aborted && !this.#workers.has(uid)) void this.#discard(uid);
      });
    }
  }

  #close(unsubscribe: () => void): void {
    unsubscribe();
    for (const worker of this.#workers.values()) worker.close();
    this.#workers.clear();
  }

  /** Resolves when those that are there now run: they are not to look like leftovers, and need no API. */
  async #followManifests(): Promise<void> {
    const { manifests, clock, logger, signal } = this.#options;
    if (manifests === undefined) return;
    // With it come the defaults of all kinds, which a fleet has no use for.
    const { followManifests } = await import('./node/pod-manifests.ts');
    await new Promise<void>((resolve) => {
      void followManifests({ folder: manifests, nodeName: this.name, clock, logger }, signal, (wanted) => {
        this.#statics?.set(wanted);
        resolve();
      });
    });
  }

  #staticHost(): StaticPodsHost {
    return {
      name: this.name,
      client: this.client,
      logger: this.logger,
      statics: () => [...this.#workers.values()].map(({ pod }) => pod).filter(isStatic),
      run: (pod) => this.#put(pod),
      end: (pod) => {
        if (pod.metadata.deletionTimestamp) return;
        const metadata = { ...pod.metadata, deletionTimestamp: formatTime(this.clock.now()), deletionGracePeriodSeconds: pod.spec.terminationGracePeriodSeconds ?? 30 };
        this.#workers.get(pod.metadata.uid ?? '')?.update({ ...pod, metadata });
      },
    };
  }

  #managed(): ManagedNode {
    return {
      name: this.name,
      pods: () => this.pods(),
      activePods: () => [...this.#workers.values()].filter(({ pod, state, forgotten }) => state !== 'ended' && !forgotten && !hasEnded(pod)).map(({ pod }) => pod),
      holds: (uid) => !['ended', 'gone', undefined].includes(this.#workers.get(uid)?.state),
      failPod: (uid, failure) => {
        const worker = this.#workers.get(uid);
        if (!worker || ['stopping', 'cleaning', 'ended', 'gone'].includes(worker.state)) return false;
        worker.fail(failure);
        return true;
      },
      recordPod: (...event) => this.record(...event),
      recordNode: (...event) => this.#recordNode(...event),
    };
  }

  /** A node's events name it by its name: its uid is not known to all who tell of it. */
  #recordNode(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#options.record?.({ kind: 'Node', name: this.name, uid: this.name }, type, reason, message);
  }

  // What the node's server asks.

  get measured(): MeasuredNode | undefined {
    return this.#options.manager;
  }

  pods(): Pod[] {
    return [...this.#workers.values()].map((worker) => ({ ...worker.pod, status: worker.status() }));
  }

  /** The latest of that name. */
  pod(namespace: string, name: string): Pod | undefined {
    const worker = [...this.#workers.values()].findLast(({ pod: { metadata } }) => metadata.name === name && metadata.namespace === namespace);
    return worker && { ...worker.pod, status: worker.status() };
  }

  // What workers ask.

  view(pod: Pod): RuntimePod | undefined {
    const uid = pod.metadata.uid ?? '';
    const known = this.#views.get(uid);
    if (known) return known;
    if (!hasRun(pod)) return undefined;
    return this.runtime.adopt?.(pod);
  }

  async patchStatus(pod: Pod, patch: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.#statics && isStatic(pod)) return this.#statics.patchStatus(pod, patch);
    const body = { metadata: { uid: pod.metadata.uid }, status: patch };
    // The answer is not parsed: the watch brings what is needed of it.
    await this.#options.client.send('PATCH', `${objectPath(pods, pod.metadata)}/status`, body, {
      contentType: 'application/strategic-merge-patch+json',
      signal: this.#options.signal,
    });
  }

  async deletePod(pod: Pod): Promise<void> {
    const { uid } = pod.metadata;
    if (this.#statics && isStatic(pod)) {
      await this.#statics.remove(pod);
      this.#workers.get(uid ?? '')?.forget();
      return;
    }
    await this.#options.client.delete(pods, pod.metadata, {
      gracePeriodSeconds: 0,
      ...(uid === undefined ? {} : { preconditions: { uid } }),
      signal: this.#options.signal,
    });
  }

  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, field?: ContainerField): void {
    if (!this.#options.record) return;
    const { namespace, name, uid, resourceVersion } = pod.metadata;
    const list = field?.kind === 'main' ? 'containers' : 'initContainers';
    const fieldPath = field && `spec.${list}{${field.container}}`;
    this.#options.record({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid, resourceVersion, fieldPath }, type, reason, message);
  }

  refusal(pod: Pod): { readonly message: string } | undefined {
    return this.#options.manager?.refusal(pod);
  }

  onImagePulled({ metadata }: Pod, tookMs: number): void {
    this.#options.starts.imagePulled(metadata.uid ?? '', tookMs);
  }

  onGone(worker: PodWorker): void {
    const uid = worker.pod.metadata.uid ?? '';
    this.#options.starts.forget(uid);
    if (this.#workers.get(uid) === worker) this.#workers.delete(uid);
    this.#statics?.reconcile();
    this.probes?.forget(uid);
    if (this.setup) void this.#discard(uid);
  }
}

/** Whether the API says that containers of the pod have been started here. */
function hasRun({ status }: Pod): boolean {
  return [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].some((container) => container.containerID);
}
