/** One pod of each DaemonSet on every node that it fits. */
import type { DaemonSet, DaemonSetStatus } from '../../api/types/apps-v1.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { keyOf } from '../../client/resource.ts';
import { controllerRevisions, daemonSets, nodes, pods } from '../../client/resources.ts';
import { claim } from '../runtime/claim.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { Expectations } from '../runtime/expectations.ts';
import { followPods } from '../runtime/follow-pods.ts';
import { orphansIn, ownerIndex } from '../runtime/owner.ts';
import { PodControl, podFromTemplate } from '../runtime/pod-control.ts';
import { isAvailable, isReady } from '../runtime/pod-state.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import { currentRevision, pruneRevisions, revisionHash, revisionHashLabel } from '../runtime/revisions.ts';
import { selectorOf } from '../runtime/selector.ts';
import { slowStart } from '../runtime/slow-start.ts';
import { byAge, nodeOfDaemonPod, planDaemons, type DaemonPlan } from './daemon-plan.ts';
import { FailedPodsBackoff } from './failed-pods-backoff.ts';
import { daemonPodSpec, fitOf } from './node-fit.ts';

const burst = 250;
const gatherMs = 50;

export const daemonSetController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const all = context.informers.get(daemonSets);
  const allNodes = context.informers.get(nodes);
  const allPods = context.informers.get(pods);
  const revisions = context.informers.get(controllerRevisions);
  const recorder = context.recorder('daemonset-controller');
  const control = new PodControl(client, recorder);
  const backoff = new FailedPodsBackoff(clock);
  const expectations = new Expectations(clock);
  const loop = reconciler(context, { name: 'daemonset', reconcile });
  revisions.addIndex(ownerIndex.name, ownerIndex.valuesOf);
  enqueueChanges(all, loop.queue);
  const wakeAll = () => {
    for (const key of all.keys()) loop.queue.addAfter(key, gatherMs);
  };
  allNodes.addHandler({
    onAdd: wakeAll,
    onDelete: wakeAll,
    onUpdate: (old, node) => (equal(old.spec?.taints, node.spec?.taints) && equal(old.metadata.labels, node.metadata.labels) ? undefined : wakeAll()),
  });
  const wake = (key: string) => loop.queue.addAfter(key, gatherMs);
  followPods({ kind: 'DaemonSet', owners: all, pods: allPods, expectations, selectorOf: ({ spec }) => selectorOf(spec?.selector), now: wake, soon: wake });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const set = all.get(key);
    if (!set) expectations.forget(key);
    if (!set?.spec || set.metadata.deletionTimestamp) return;
    const candidates = [...allPods.byIndex(ownerIndex.name, set.metadata.uid ?? ''), ...allPods.byIndex(ownerIndex.name, orphansIn(set.metadata.namespace))];
    const owned = await claim(client, daemonSets, pods, set, selectorOf(set.spec.selector), candidates, signal);
    const known = revisions.byIndex(ownerIndex.name, set.metadata.uid ?? '');
    const hash = revisionHash(await currentRevision(client, set, known, signal));
    const byNode = Map.groupBy(owned, nodeOfDaemonPod);
    const nowMs = clock.now();
    const heldBack = (node: string) => {
      const leftMs = backoff.leftMs(backoffKey(set, node));
      if (leftMs > 0) loop.queue.addAfter(key, leftMs);
      return leftMs > 0;
    };
    if (expectations.satisfied(key)) await order(key, set, planDaemons({ set, nodes: [...allNodes.values()], pods: byNode, hash, nowMs, heldBack }), hash, signal);
    const status = daemonStatus(set, [...allNodes.values()], byNode, hash, nowMs);
    if (!equal(status, set.status)) await client.updateStatus(daemonSets, { ...set, status }, { signal });
    await pruneRevisions(client, set, known, new Set([hash, ...owned.map(({ metadata }) => metadata.labels?.[revisionHashLabel] ?? '')]), signal);
    if (set.spec.minReadySeconds && status.numberReady !== (status.numberAvailable ?? 0)) loop.queue.addAfter(key, set.spec.minReadySeconds * 1000);
  }

  async function order(key: string, set: DaemonSet, plan: DaemonPlan, hash: string, signal: AbortSignal): Promise<void> {
    const create = plan.create.slice(0, burst);
    const remove = plan.remove.slice(0, burst);
    if (create.length === 0 && remove.length === 0) return;
    expectations.expect(key, create.length, remove.map(keyOf));
    for (const pod of remove) tellOfEnded(set, pod);
    const deleting = Promise.all(
      remove.map((pod) =>
        control.delete(set, pod, signal).catch((error: unknown) => {
          expectations.deletionObserved(key, keyOf(pod));
          if (!isNotFound(error)) throw error;
        }),
      ),
    );
    const { failed, error } = await slowStart(create.length, async (i) => {
      const pod = podFromTemplate(set.spec?.template ?? {}, set);
      pod.metadata.labels = { ...pod.metadata.labels, [revisionHashLabel]: hash };
      await control.create(set, { ...pod, spec: daemonPodSpec(pod.spec, create[i]!) }, signal);
    });
    expectations.creationObserved(key, failed);
    await deleting;
    if (error !== undefined && !isNamespaceTerminating(error)) throw error;
  }

  function tellOfEnded(set: DaemonSet, pod: Pod): void {
    const node = nodeOfDaemonPod(pod);
    const subject = `${pod.metadata.namespace}/${pod.metadata.name} on node ${node}`;
    if (pod.status?.phase === 'Succeeded') recorder.event(set, 'Normal', 'SucceededDaemonPod', `Found succeeded daemon pod ${subject}, will try to delete it`);
    if (pod.status?.phase !== 'Failed') return;
    backoff.next(backoffKey(set, node));
    recorder.event(set, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${subject}, will try to kill it`);
  }
};

/** A changed DaemonSet may try again at once. */
function backoffKey({ metadata, status }: DaemonSet, node: string): string {
  return `${metadata.uid}/${status?.observedGeneration ?? 0}/${node}`;
}

function daemonStatus(set: DaemonSet, allNodes: readonly Node[], byNode: ReadonlyMap<string, readonly Pod[]>, hash: string, nowMs: number): DaemonSetStatus {
  const count = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 };
  const template = set.spec?.template.spec ?? { containers: [] };
  for (const node of allNodes) {
    const [pod] = (byNode.get(node.metadata.name ?? '') ?? []).toSorted(byAge);
    if (!fitOf(template, node).shouldRun) {
      if (pod) count.misscheduled++;
      continue;
    }
    count.desired++;
    if (!pod) continue;
    count.current++;
    if (isReady(pod)) count.ready++;
    if (isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)) count.available++;
    if (pod.metadata.labels?.[revisionHashLabel] === hash) count.updated++;
  }
  return {
    currentNumberScheduled: count.current,
    desiredNumberScheduled: count.desired,
    numberMisscheduled: count.misscheduled,
    numberReady: count.ready,
    observedGeneration: set.metadata.generation,
    updatedNumberScheduled: count.updated || undefined,
    numberAvailable: count.available || undefined,
    numberUnavailable: count.desired - count.available || undefined,
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
    ...(set.status?.collisionCount === undefined ? {} : { collisionCount: set.status.collisionCount }),
  };
}
