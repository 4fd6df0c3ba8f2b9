/** Conditions as all status objects carry them. */
import { formatTime } from '../../base/clock.ts';

export interface StatusCondition {
  type: string;
  status: string;
  reason?: string | undefined;
  message?: string | undefined;
  lastTransitionTime?: string | undefined;
}

export function conditionOf<C extends { type: string }>(conditions: readonly C[] | undefined, type: string): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** The list with `wanted` in it; the time of transition is kept where the status is. The same list where nothing changes. */
export function withCondition<C extends StatusCondition>(conditions: readonly C[] | undefined, wanted: C, nowMs: number): C[] {
  const list = [...(conditions ?? [])];
  const at = list.findIndex(({ type }) => type === wanted.type);
  const old = list[at];
  if (old && old.status === wanted.status && old.reason === wanted.reason && old.message === wanted.message) return list;
  const lastTransitionTime = old?.status === wanted.status ? old.lastTransitionTime : formatTime(nowMs);
  const next = { ...wanted, lastTransitionTime };
  if (at < 0) list.push(next);
  else list[at] = next;
  return list;
}

export function withoutCondition<C extends { type: string }>(conditions: readonly C[] | undefined, type: string): C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
