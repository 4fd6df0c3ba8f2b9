/**
 * Deletes what has lost its owners, in the background or in the foreground, and
 * frees what is to be left behind. Every decision is taken on a live read of
 * the object and of its owners; the graph only says where to look.
 */
import { ApiError } from '../../api/errors.ts';
import { isNotFound } from '../../client/failure.ts';
import type { ApiObject, Resource } from '../../client/resource.ts';
import { customResourceDefinitions } from '../../client/resources.ts';
import { RecentlyUsed } from '../../client/recently-used.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { workQueueMetrics } from '../../client/work-queue-metrics.ts';
import type { ControllerContext, ControllerFactory } from '../runtime/context.ts';
import { onChange, periodically } from '../runtime/reconciler.ts';
import { Monitors } from './monitors.ts';
import { OwnerGraph, foregroundFinalizer, orphanFinalizer, ownerCoordinates } from './owner-graph.ts';
import type { Coordinates, GraphNode } from './owner-graph.ts';
import { verdictOf } from './verdict.ts';
import type { OwnerState } from './verdict.ts';

const workers = 40;
const refreshPeriodMs = 30_000;
/** A new custom resource is served a moment after its definition appears. */
const definitionDelayMs = 1000;
/** Owners that are known to be gone: as many are remembered. */
const absentMax = 4096;

export const garbageCollector: ControllerFactory = (context) => {
  const collector = new GarbageCollector(context);
  return { name: 'garbagecollector', run: (signal) => collector.run(signal) };
};

class GarbageCollector {
  readonly #context: ControllerContext;
  readonly #graph: OwnerGraph;
  readonly #monitors: Monitors;
  readonly #toExamine: WorkQueue;
  readonly #toOrphan: WorkQueue;
  readonly #absent = new RecentlyUsed<true>(absentMax);
  readonly #refreshes: WorkQueue;

  constructor(context: ControllerContext) {
    this.#context = context;
    const { clock } = context;
    const metrics = (queue: string) => workQueueMetrics(context.metrics, `garbage_collector_${queue}`);
    this.#toExamine = new WorkQueue({ clock, metrics: metrics('attempt_to_delete'), maxDelayMs: 60_000, retriesPerSecond: 100, retryBurst: 1000 });
    this.#toOrphan = new WorkQueue({ clock, metrics: metrics('attempt_to_orphan'), maxDelayMs: 60_000 });
    this.#refreshes = new WorkQueue({ clock, maxDelayMs: refreshPeriodMs });
    this.#graph = new OwnerGraph({
      examine: ({ uid }) => this.#toExamine.add(uid),
      orphan: ({ uid }) => this.#toOrphan.add(uid),
    });
    this.#monitors = new Monitors(context, this.#graph);
    context.informers.get(customResourceDefinitions).addHandler(onChange(() => this.#refreshes.addAfter('refresh', definitionDelayMs)));
  }

  async run(signal: AbortSignal): Promise<void> {
    const logger = this.#context.logger.child({ controller: 'garbagecollector' });
    const retried = (key: string, error: unknown) => logger.debug('look again', { key, error });
    const first = new Promise<void>((resolve) => {
      this.#refreshes.add('refresh');
      void this.#refreshes.run(1, async () => {
        await this.#monitors.refresh(signal);
        resolve();
      }, signal, (_, error) => logger.warn('discovery failed', { error }));
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await first;
    const refreshing = periodically(this.#context, 'garbagecollector', refreshPeriodMs, signal, async () => this.#refreshes.add('refresh'));
    await this.#monitors.synced(signal).catch(() => {});
    await Promise.all([
      refreshing,
      this.#toExamine.run(workers, (uid) => this.#examine(uid, signal), signal, retried),
      this.#toOrphan.run(5, (uid) => this.#orphan(uid, signal), signal, retried),
    ]);
  }

  async #examine(uid: string, signal: AbortSignal): Promise<void> {
    const node = this.#graph.get(uid);
    if (!node) return;
    if (!node.virtual && node.deleting && !node.waitsForDependents) return;
    const object = await this.#read(node.at, uid, signal);
    if (!object) {
      if (node.virtual) {
        this.#absent.set(absentKey(uid, node.at), true);
        this.#graph.virtualAbsent(node);
      } else this.#graph.remove(uid);
      return;
    }
    // Its own watch will show it; look again in case none does.
    if (node.virtual) throw new Error(`owner ${node.at.kind} "${node.at.name}" exists but has not been seen`);
    if (node.waitsForDependents) await this.#endWaiting(node, object, signal);
    else await this.#judge(node, object, signal);
  }

  /** In the foreground an object goes when none is left that blocks it. */
  async #endWaiting(node: GraphNode, object: ApiObject, signal: AbortSignal): Promise<void> {
    const blocking = [...node.dependents].filter(({ owners }) => owners.some((owner) => owner.uid === node.uid && owner.blockOwnerDeletion));
    if (blocking.length === 0) {
      await this.#removeFinalizer(node, object, foregroundFinalizer, signal);
      return;
    }
    for (const dependent of blocking) if (!dependent.waitsForDependents) this.#toExamine.add(dependent.uid);
  }

  async #judge(node: GraphNode, object: ApiObject, signal: AbortSignal): Promise<void> {
    const references = object.metadata.ownerReferences ?? [];
    const states = await Promise.all(references.map((reference) => this.#ownerState(ownerCoordinates(reference, node), reference.uid, signal)));
    const verdict = verdictOf({
      owners: references.map((reference, i) => ({ reference, state: states[i]! })),
      finalizers: object.metadata.finalizers ?? [],
      hasDependents: node.dependents.size > 0,
      dependentWaits: [...node.dependents].some(({ waitsForDependents }) => waitsForDependents),
    });
    if (verdict.action === 'keep') return;
    const resource = this.#resourceAt(node.at);
    const { resourceVersion, uid } = object.metadata;
    if (verdict.action === 'prune') {
      const ownerReferences = references.filter((reference) => !verdict.uids.includes(reference.uid));
      await this.#patch(resource, object, { metadata: { resourceVersion, ownerReferences } }, signal);
      return;
    }
    if (verdict.unblock) {
      const ownerReferences = references.map((reference) => ({ ...reference, blockOwnerDeletion: false }));
      await this.#patch(resource, object, { metadata: { uid, ownerReferences } }, signal);
    }
    try {
      await this.#context.client.delete(resource, object.metadata, {
        // An owner that was added since we looked must save it.
        preconditions: verdict.unblock ? { uid } : { uid, resourceVersion },
        propagationPolicy: verdict.propagation,
        signal,
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async #ownerState(at: Coordinates, uid: string, signal: AbortSignal): Promise<OwnerState> {
    if (this.#absent.get(absentKey(uid, at))) return 'absent';
    const owner = await this.#read(at, uid, signal);
    if (!owner) {
      this.#absent.set(absentKey(uid, at), true);
      return 'absent';
    }
    const { deletionTimestamp, finalizers } = owner.metadata;
    return deletionTimestamp !== undefined && finalizers?.includes(foregroundFinalizer) ? 'waiting' : 'solid';
  }

  /** Leaves the dependents behind, then lets the owner go. */
  async #orphan(uid: string, signal: AbortSignal): Promise<void> {
    const node = this.#graph.get(uid);
    if (!node) return;
    await Promise.all([...node.dependents].map((dependent) => this.#leaveBehind(dependent, uid, signal)));
    const object = await this.#read(node.at, uid, signal);
    if (object) await this.#removeFinalizer(node, object, orphanFinalizer, signal);
  }

  async #leaveBehind(dependent: GraphNode, ownerUid: string, signal: AbortSignal): Promise<void> {
    const object = await this.#read(dependent.at, dependent.uid, signal);
    if (!object) return;
    const { ownerReferences = [], resourceVersion } = object.metadata;
    const rest = ownerReferences.filter(({ uid }) => uid !== ownerUid);
    if (rest.length === ownerReferences.length) return;
    await this.#patch(this.#resourceAt(dependent.at), object, { metadata: { resourceVersion, ownerReferences: rest } }, signal);
  }

  async #removeFinalizer(node: GraphNode, object: ApiObject, finalizer: string, signal: AbortSignal): Promise<void> {
    const { finalizers = [], resourceVersion } = object.metadata;
    if (!finalizers.includes(finalizer)) return;
    const rest = finalizers.filter((other) => other !== finalizer);
    await this.#patch(this.#resourceAt(node.at), object, { metadata: { resourceVersion, finalizers: rest } }, signal);
  }

  async #patch(resource: Resource, object: ApiObject, patch: unknown, signal: AbortSignal): Promise<void> {
    try {
      await this.#context.client.patch(resource, object.metadata, patch, { type: 'merge', signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** The object that has this uid at this place; undefined where there is none. */
  async #read(at: Coordinates, uid: string, signal: AbortSignal): Promise<ApiObject | undefined> {
    const resource = this.#resourceAt(at);
    if (resource.namespaced && at.namespace === '') throw new Error(`a cluster-scoped object names the namespaced owner ${at.kind} "${at.name}"`);
    try {
      const object = await this.#context.client.getMetadata(resource, at, { signal });
      return object.metadata.uid === uid ? object : undefined;
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  #resourceAt(at: Coordinates): Resource {
    const resource = this.#monitors.resourceOf(at.apiVersion, at.kind);
    if (!resource) throw new Error(`the server does not serve ${at.kind} of ${at.apiVersion}`);
    return resource;
  }
}

function absentKey(uid: string, { apiVersion, kind, namespace, name }: Coordinates): string {
  return `${uid} ${apiVersion} ${kind} ${namespace}/${name}`;
}
