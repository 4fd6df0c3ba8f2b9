/**
 * Keeps the number of pods that an owner asks for: one mechanism for
 * ReplicationController and ReplicaSet, which differ in their selector and
 * their status only.
 *
 * Pods are ordered in bursts of at most 500, slowly at first; what is ordered
 * is expected (runtime/expectations.ts) until the informer shows it, and no
 * more is ordered before that.
 */
import type { LabelSelector as LabelSelectorSpec } from '../../api/object.ts';
import type { LabelSelector } from '../../api/selectors/label-selector.ts';
import type { Pod, PodTemplateSpec } from '../../api/types/core-v1.ts';
import { isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { keyOf } from '../../client/resource.ts';
import type { ApiObject, Resource } from '../../client/resource.ts';
import { pods, replicaSets, replicationControllers } from '../../client/resources.ts';
import { claim } from '../runtime/claim.ts';
import type { Controller, ControllerContext, ControllerFactory } from '../runtime/context.ts';
import { podsToDelete } from '../runtime/deletion-order.ts';
import { equal } from '../../base/equality.ts';
import { Expectations } from '../runtime/expectations.ts';
import { followPods, namespaceIndex } from '../runtime/follow-pods.ts';
import { controllerOf, orphansIn, ownerIndex } from '../runtime/owner.ts';
import { PodControl, podFromTemplate } from '../runtime/pod-control.ts';
import { isActive, isTerminating, nextAvailableMs } from '../runtime/pod-state.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import { selectorOf, selectorOfLabels } from '../runtime/selector.ts';
import { slowStart } from '../runtime/slow-start.ts';
import { replicaStatus } from './replica-status.ts';
import type { ReplicaStatus } from './replica-status.ts';

/** What ReplicationController and ReplicaSet have in common. */
interface ReplicationOwner extends ApiObject {
  spec: {
    replicas?: number | undefined;
    minReadySeconds?: number | undefined;
    template?: PodTemplateSpec | undefined;
    selector?: unknown;
  };
  status?: ReplicaStatus | undefined;
}

interface ReplicationKind {
  readonly name: string;
  readonly resource: Resource<ReplicationOwner>;
  readonly component: string;
  readonly countsTerminating: boolean;
  selectorOf(owner: ReplicationOwner): LabelSelector;
}

const burst = 500;
/**
 * Changes of pods that need no action are gathered this long before the status is
 * written; longer where there are many pods, as each of them is looked at again.
 */
const statusDelayMs = 50;
const statusDelayMsAPod = 0.05;
const statusDelayMaxMs = 500;

export const replicaSetController: ControllerFactory = (context) =>
  replicationController(context, {
    name: 'replicaset',
    resource: replicaSets as Resource<ReplicationOwner>,
    component: 'replicaset-controller',
    countsTerminating: true,
    selectorOf: ({ spec }) => selectorOf(spec.selector as LabelSelectorSpec | undefined),
  });

export const replicationControllerController: ControllerFactory = (context) =>
  replicationController(context, {
    name: 'replicationcontroller',
    resource: replicationControllers as Resource<ReplicationOwner>,
    component: 'replication-controller',
    countsTerminating: false,
    selectorOf: ({ spec }) => selectorOfLabels((spec.selector as Record<string, string> | undefined) ?? {}),
  });

function replicationController(context: ControllerContext, kind: ReplicationKind): Controller {
  const { client, clock } = context;
  const owners = context.informers.get(kind.resource);
  const podInformer = context.informers.get(pods);
  const expectations = new Expectations(clock);
  const control = new PodControl(client, context.recorder(kind.component));
  const loop = reconciler(context, { name: kind.name, workers: 20, reconcile });
  enqueueChanges(owners, loop.queue);
  followPods({
    kind: kind.resource.kind,
    owners,
    pods: podInformer,
    expectations,
    selectorOf: kind.selectorOf,
    now: (key) => loop.queue.add(key),
    soon: (key) => {
      const podCount = podInformer.countByIndex(ownerIndex.name, owners.get(key)?.metadata.uid ?? '');
      loop.queue.addAfter(key, Math.min(statusDelayMs + podCount * statusDelayMsAPod, statusDelayMaxMs));
    },
  });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const owner = owners.get(key);
    if (!owner) {
      expectations.forget(key);
      return;
    }
    const mayOrder = expectations.satisfied(key) && owner.metadata.deletionTimestamp === undefined;
    const known = [...podInformer.byIndex(ownerIndex.name, owner.metadata.uid ?? ''), ...podInformer.byIndex(ownerIndex.name, orphansIn(owner.metadata.namespace))];
    const selector = kind.selectorOf(owner);
    const active = await claim(client, kind.resource, pods, owner, selector, known.filter(isActive), signal);
    let failure: unknown;
    if (mayOrder) failure = await manage(key, owner, active, signal);
    const nowMs = clock.now();
    const minReadySeconds = owner.spec.minReadySeconds ?? 0;
    const terminating = known.filter((pod) => isTerminating(pod) && controllerOf(pod)?.uid === owner.metadata.uid && selector.matches(pod.metadata.labels));
    const status = replicaStatus({
      old: owner.status,
      generation: owner.metadata.generation,
      wanted: wantedOf(owner),
      minReadySeconds,
      template: owner.spec.template,
      active,
      terminating: kind.countsTerminating ? terminating.length : undefined,
      failure,
      nowMs,
    });
    if (!equal(status, owner.status)) await client.updateStatus(kind.resource, { ...owner, status }, { signal });
    if (failure !== undefined) throw failure;
    const waitMs = nextAvailableMs(active, minReadySeconds, nowMs);
    if (waitMs !== undefined) loop.queue.addAfter(key, waitMs);
  }

  /** Creates or deletes; what failed, if anything. */
  async function manage(key: string, owner: ReplicationOwner, active: readonly Pod[], signal: AbortSignal): Promise<unknown> {
    const missing = wantedOf(owner) - active.length;
    if (missing > 0) return createPods(key, owner, Math.min(missing, burst), signal);
    if (missing < 0) return deletePods(key, owner, active, Math.min(-missing, burst), signal);
    return undefined;
  }

  async function createPods(key: string, owner: ReplicationOwner, count: number, signal: AbortSignal): Promise<unknown> {
    const pod = podFromTemplate(owner.spec.template ?? {}, owner);
    expectations.expectCreations(key, count);
    const { failed, error } = await slowStart(count, async () => {
      try {
        await control.create(owner, pod, signal);
      } catch (refused) {
        // Nothing will be created there any more, and the owner will go too.
        if (!isNamespaceTerminating(refused)) throw refused;
      }
    });
    expectations.creationObserved(key, failed);
    return error;
  }

  async function deletePods(key: string, owner: ReplicationOwner, active: readonly Pod[], count: number, signal: AbortSignal): Promise<unknown> {
    const doomed = podsToDelete(active, relatedPods(owner, active), count, clock.now());
    expectations.expectDeletions(key, doomed.map(keyOf));
    let failure: unknown;
    await Promise.all(
      doomed.map(async (pod) => {
        try {
          await control.delete(owner, pod, signal);
        } catch (error) {
          expectations.deletionObserved(key, keyOf(pod));
          if (!isNotFound(error)) failure ??= error;
        }
      }),
    );
    return failure;
  }

  /** The pods of all owners with the same controller (a Deployment's old and new ReplicaSets): they share nodes as siblings. */
  function relatedPods(owner: ReplicationOwner, active: readonly Pod[]): readonly Pod[] {
    const parent = controllerOf(owner);
    if (!parent) return active;
    const siblings = owners.byIndex(namespaceIndex, owner.metadata.namespace ?? '').filter((other) => controllerOf(other)?.uid === parent.uid);
    return siblings.flatMap((sibling) => podInformer.byIndex(ownerIndex.name, sibling.metadata.uid ?? ''));
  }
}

function wantedOf(owner: ReplicationOwner): number {
  return owner.spec.replicas ?? 1;
}
