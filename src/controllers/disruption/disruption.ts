/** Keeps the status of PodDisruptionBudgets, by which the server allows or refuses evictions. */
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts';
import { keyOf } from '../../client/resource.ts';
import { deployments, podDisruptionBudgets, pods, replicaSets, replicationControllers, statefulSets } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { controllerOf } from '../runtime/owner.ts';
import { isReady, isTerminal } from '../runtime/pod-state.ts';
import { enqueueChanges, onChange, reconciler } from '../runtime/reconciler.ts';
import { selectorOf } from '../runtime/selector.ts';
import { budgetStatus } from './disruption-budget.ts';

const namespaceIndex = 'namespace';
const gatherMs = 50;
const recheckMs = 2 * 60_000;

export const disruptionController: ControllerFactory = (context) => {
  const { client, clock, informers } = context;
  const budgets = informers.get(podDisruptionBudgets);
  const allPods = informers.get(pods);
  const sets = informers.get(replicaSets);
  const owners = { ReplicaSet: sets, Deployment: informers.get(deployments), StatefulSet: informers.get(statefulSets), ReplicationController: informers.get(replicationControllers) } as const;
  const recorder = context.recorder('controllermanager');
  const loop = reconciler(context, { name: 'disruption', reconcile });
  budgets.addIndex(namespaceIndex, ({ metadata }) => [metadata?.namespace ?? '']);
  allPods.addIndex(namespaceIndex, ({ metadata }) => [metadata.namespace ?? '']);
  enqueueChanges(budgets, loop.queue);
  const wake = (pod: Pod) => {
    for (const budget of budgets.byIndex(namespaceIndex, pod.metadata.namespace ?? '')) {
      if (selects(budget, pod)) loop.queue.addAfter(keyOf(budget), gatherMs);
    }
  };
  allPods.addHandler({
    ...onChange(wake),
    onUpdate(old, pod) {
      if (isReady(old) !== isReady(pod) || old.metadata.deletionTimestamp !== pod.metadata.deletionTimestamp || !equal(old.metadata.labels, pod.metadata.labels)) {
        wake(old);
        wake(pod);
      }
    },
  });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const budget = budgets.get(key);
    if (!budget) return;
    const selected = allPods.byIndex(namespaceIndex, budget.metadata?.namespace ?? '').filter((pod) => !isTerminal(pod) && selects(budget, pod));
    const outcome = budgetStatus({ budget, pods: selected, wantedByControllers: wantedByControllers(selected), nowMs: clock.now() });
    if (!outcome.ok) {
      recorder.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${outcome.message}`);
      return;
    }
    if (!equal(outcome.status, budget.status)) await client.updateStatus(podDisruptionBudgets, { ...budget, status: outcome.status }, { signal });
    if (outcome.status.disruptedPods) loop.queue.addAfter(key, recheckMs);
  }

  function wantedByControllers(selected: readonly Pod[]): number | undefined {
    const wanted = new Map<string, number>();
    for (const pod of selected) {
      let owner = controllerOf(pod);
      const set = owner?.kind === 'ReplicaSet' ? sets.find({ namespace: pod.metadata.namespace, name: owner.name }) : undefined;
      owner = (set && controllerOf(set)) ?? owner;
      const informer = owner && owner.kind in owners ? owners[owner.kind as keyof typeof owners] : undefined;
      const found = informer?.find({ namespace: pod.metadata.namespace, name: owner?.name });
      if (!owner || !found || found.metadata.uid !== owner.uid) return undefined;
      wanted.set(owner.uid, found.spec?.replicas ?? 1);
    }
    let sum = 0;
    for (const count of wanted.values()) sum += count;
    return sum;
  }
};

function selects(budget: PodDisruptionBudget, pod: Pod): boolean {
  return selectorOf(budget.spec?.selector).matches(pod.metadata.labels);
}
