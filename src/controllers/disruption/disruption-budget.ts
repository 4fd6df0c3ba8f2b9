/** How many pods of a budget may be evicted now. Pure. */
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/types/policy-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { withCondition } from '../runtime/conditions.ts';
import { scaledValue } from '../runtime/int-or-percent.ts';
import { isReady } from '../runtime/pod-state.ts';

/** An eviction that was allowed must have shown by then, or it is forgotten. */
const evictionShowsMs = 2 * 60_000;

export interface BudgetInput {
  readonly budget: PodDisruptionBudget;
  readonly pods: readonly Pod[];
  /** The sum of what the pods' controllers want; undefined where one of them cannot be asked. */
  readonly wantedByControllers: number | undefined;
  readonly nowMs: number;
}

export type BudgetOutcome = { readonly ok: true; readonly status: PodDisruptionBudgetStatus } | { readonly ok: false; readonly message: string };

export function budgetStatus({ budget, pods, wantedByControllers, nowMs }: BudgetInput): BudgetOutcome {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  const needsControllers = maxUnavailable !== undefined || typeof minAvailable === 'string';
  if (needsControllers && wantedByControllers === undefined) return { ok: false, message: 'found no controllers for some of the pods' };
  const expectedPods = needsControllers ? (wantedByControllers ?? 0) : pods.length;
  let desiredHealthy = 0;
  if (maxUnavailable !== undefined) desiredHealthy = Math.max(0, expectedPods - scaledValue(maxUnavailable, expectedPods, true));
  else if (minAvailable !== undefined) desiredHealthy = scaledValue(minAvailable, expectedPods, true);

  const disruptedPods = pendingEvictions(budget, pods, nowMs);
  const currentHealthy = pods.filter((pod) => !pod.metadata.deletionTimestamp && isReady(pod) && !(pod.metadata.name && pod.metadata.name in disruptedPods)).length;
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const condition = {
    type: 'DisruptionAllowed',
    status: disruptionsAllowed > 0 ? 'True' : 'False',
    reason: disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration: budget.metadata?.generation,
    lastTransitionTime: formatTime(nowMs),
  };
  const conditions = withCondition(budget.status?.conditions, condition, nowMs);
  const status: PodDisruptionBudgetStatus = { currentHealthy, desiredHealthy, disruptionsAllowed, expectedPods, observedGeneration: budget.metadata?.generation, conditions };
  if (Object.keys(disruptedPods).length > 0) status.disruptedPods = disruptedPods;
  return { ok: true, status };
}

/** Evictions that were let through and whose deletion has not been seen. */
function pendingEvictions({ status }: PodDisruptionBudget, pods: readonly Pod[], nowMs: number): Record<string, string> {
  const pending: Record<string, string> = {};
  for (const [name, time] of Object.entries(status?.disruptedPods ?? {})) {
    const pod = pods.find(({ metadata }) => metadata.name === name);
    if (pod && !pod.metadata.deletionTimestamp && Date.parse(time) + evictionShowsMs > nowMs) pending[name] = time;
  }
  return pending;
}
