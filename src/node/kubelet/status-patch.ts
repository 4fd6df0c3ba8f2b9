/**
 * The strategic-merge patch that turns one pod status into another: only what
 * differs, so that a write is small and leaves alone what others own. Lists of
 * addresses and conditions merge by key; lists of container statuses are replaced.
 */
import { isDeepStrictEqual } from 'node:util';
import type { PodCondition, PodStatus } from '../../api/types/core-v1.ts';

/** Undefined where nothing differs. */
export function statusPatch(from: PodStatus, to: PodStatus): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  const fields = new Set([...Object.keys(from), ...Object.keys(to)]) as Set<keyof PodStatus>;
  for (const field of fields) {
    const before = from[field];
    const after = to[field];
    if (before === after || isDeepStrictEqual(before, after)) continue;
    if (field === 'conditions') {
      const changed = changedConditions(from.conditions ?? [], to.conditions ?? []);
      if (changed.length > 0) patch['conditions'] = changed;
    } else if (field === 'podIPs' || field === 'hostIPs') {
      const gone = ((before ?? []) as readonly { ip: string }[]).filter(({ ip }) => !(after as readonly { ip: string }[] | undefined)?.some((other) => other.ip === ip));
      patch[field] = [...((after ?? []) as readonly object[]), ...gone.map(({ ip }) => ({ $patch: 'delete', ip }))];
    } else {
      patch[field] = after === undefined ? null : after;
    }
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function changedConditions(from: readonly PodCondition[], to: readonly PodCondition[]): object[] {
  const changed: object[] = [];
  for (const condition of to) {
    const before = from.find(({ type }) => type === condition.type);
    if (!before) {
      changed.push(condition);
      continue;
    }
    const difference: Record<string, unknown> = {};
    for (const field of new Set([...Object.keys(before), ...Object.keys(condition)]) as Set<keyof PodCondition>) {
      if (before[field] === condition[field]) continue;
      // A null that others wrote (lastProbeTime) is not ours to take away.
      if (condition[field] === undefined && (before[field] ?? undefined) === undefined) continue;
      difference[field] = condition[field] ?? null;
    }
    if (Object.keys(difference).length > 0) changed.push({ ...difference, type: condition.type });
  }
  return changed;
}
