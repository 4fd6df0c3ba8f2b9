/** One pod of each DaemonSet on every node that it fits. */
import type { DaemonSet, DaemonSetStatus } from '../../api/types/apps-v1.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { formatKey, keyOf } from '../../client/resource.ts';
import { controllerRevisions, daemonSets, nodes, pods } from '../../client/resources.ts';
import { claim } from '../runtime/claim.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { Expectations } from '../runtime/expectations.ts';
import { scaledValue } from '../runtime/int-or-percent.ts';
import { controllerOf, orphansIn, ownerIndex } from '../runtime/owner.ts';
import { PodControl, podFromTemplate } from '../runtime/pod-control.ts';
import { isAvailable, isReady, isTerminal } from '../runtime/pod-state.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import { currentRevision, pruneRevisions, revisionHash, revisionHashLabel } from '../runtime/revisions.ts';
import { selectorOf } from '../runtime/selector.ts';
import { slowStart } from '../runtime/slow-start.ts';
import { daemonPodSpec, fitOf } from './node-fit.ts';

const burst = 250;
const gatherMs = 50;

/** What a round orders. */
export interface DaemonPlan {
  /** The nodes that lack a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
}

export interface DaemonInput {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  /** By node. */
  readonly pods: ReadonlyMap<string, readonly Pod[]>;
  readonly hash: string;
  readonly nowMs: number;
}

/** The node that a pod is on, or made for. */
export function nodeOfDaemonPod({ spec }: Pod): string {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return spec.nodeName ?? terms?.[0]?.matchFields?.find(({ key }) => key === 'metadata.name')?.values?.[0] ?? '';
}

export function planDaemons({ set, nodes: allNodes, pods: byNode, hash, nowMs }: DaemonInput): DaemonPlan {
  const create: string[] = [];
  const remove: Pod[] = [];
  const template = set.spec?.template.spec ?? { containers: [] };
  const outdated: Pod[] = [];
  let unavailable = 0;
  let desired = 0;
  for (const node of allNodes) {
    const name = node.metadata.name ?? '';
    const here = byNode.get(name) ?? [];
    const { shouldRun, mayContinue } = fitOf(template, node);
    const [live, dead] = [here.filter((pod) => !isTerminal(pod)), here.filter(isTerminal)];
    // A daemon that ended is replaced: its pod goes first, the next round makes another.
    remove.push(...dead.filter(({ metadata }) => !metadata.deletionTimestamp));
    if (!mayContinue) remove.push(...live.filter(({ metadata }) => !metadata.deletionTimestamp));
    if (!shouldRun) continue;
    desired++;
    if (here.length === 0) create.push(name);
    const [kept, ...surplus] = live.filter(({ metadata }) => !metadata.deletionTimestamp).toSorted(byAge);
    remove.push(...surplus);
    if (!kept || !isAvailable(kept, set.spec?.minReadySeconds ?? 0, nowMs)) unavailable++;
    if (kept && kept.metadata.labels?.[revisionHashLabel] !== hash) outdated.push(kept);
  }
  if (set.spec?.updateStrategy?.type !== 'OnDelete') remove.push(...nextOutdated(set, outdated, unavailable, desired, nowMs));
  // Names of nodes that are gone: podgc deletes what was assigned, we what was not.
  const known = new Set(allNodes.map(({ metadata }) => metadata.name));
  for (const [name, here] of byNode) if (!known.has(name)) remove.push(...here.filter(({ spec, metadata }) => !spec.nodeName && !metadata.deletionTimestamp));
  return { create, remove };
}

/** Old pods that serve nothing go at once; of the others as many as may be missing. */
function nextOutdated(set: DaemonSet, outdated: readonly Pod[], unavailable: number, desired: number, nowMs: number): Pod[] {
  const available = outdated.filter((pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs));
  const idle = outdated.filter((pod) => !available.includes(pod));
  const max = Math.max(1, scaledValue(set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, desired, true));
  return [...idle, ...available.slice(0, Math.max(0, max - unavailable))];
}

function byAge(a: Pod, b: Pod): number {
  return Number(!a.spec.nodeName) - Number(!b.spec.nodeName) || ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1);
}

export const daemonSetController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const all = context.informers.get(daemonSets);
  const allNodes = context.informers.get(nodes);
  const allPods = context.informers.get(pods);
  const revisions = context.informers.get(controllerRevisions);
  const control = new PodControl(client, context.recorder('daemonset-controller'));
  const expectations = new Expectations(clock);
  const loop = reconciler(context, { name: 'daemonset', reconcile });
  allPods.addIndex(ownerIndex.name, ownerIndex.valuesOf);
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
  const seen = (pod: Pod, note: (key: string) => void) => {
    const owner = controllerOf(pod);
    if (owner?.kind !== 'DaemonSet') return;
    const key = formatKey({ namespace: pod.metadata.namespace, name: owner.name });
    note(key);
    loop.queue.addAfter(key, gatherMs);
  };
  allPods.addHandler({
    onAdd: (pod) => seen(pod, (key) => expectations.creationObserved(key)),
    onUpdate: (_, pod) => seen(pod, (key) => (pod.metadata.deletionTimestamp ? expectations.deletionObserved(key, keyOf(pod)) : undefined)),
    onDelete: (pod) => seen(pod, (key) => expectations.deletionObserved(key, keyOf(pod))),
  });
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
    if (expectations.satisfied(key)) await order(key, set, planDaemons({ set, nodes: [...allNodes.values()], pods: byNode, hash, nowMs }), hash, signal);
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
};

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
