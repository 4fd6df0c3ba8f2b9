/**
 * The strategic-merge patch that turns one pod status into another: only what
 * differs, so that a write is small and leaves alone what others own. Lists of
 * addresses and conditions merge by key; lists of container statuses are replaced.
 */
import { equal } from '../../base/equality.ts';
import type { PodCondition, PodStatus } from '../../api/types/core-v1.ts';

type Patch = Record<string, unknown>;

/** Undefined where nothing differs. */
export function statusPatch(from: PodStatus, to: PodStatus): Patch | undefined {
  const patch: Patch = {};
  let differs = false;
  const look = (field: string) => {
    if (equal(from[field as keyof PodStatus], to[field as keyof PodStatus])) return;
    differs = describe(patch, field, from, to) || differs;
  };
  for (const field in to) look(field);
  for (const field in from) if (!(field in to)) look(field);
  return differs ? patch : undefined;
}

/** Puts into the patch how a field that is not the same differs; false where what differs does not matter. */
function describe(patch: Patch, field: string, from: PodStatus, to: PodStatus): boolean {
  if (field === 'conditions') {
    const changed = changedConditions(from.conditions ?? [], to.conditions ?? []);
    if (changed.length === 0) return false;
    patch['conditions'] = changed;
  } else if (field === 'podIPs' || field === 'hostIPs') {
    const before = (from[field] ?? []) as readonly { ip: string }[];
    const after = (to[field] ?? []) as readonly { ip: string }[];
    const gone = before.filter(({ ip }) => !after.some((other) => other.ip === ip));
    patch[field] = [...after, ...gone.map(({ ip }) => ({ $patch: 'delete', ip }))];
  } else {
    patch[field] = to[field as keyof PodStatus] ?? null;
  }
  return true;
}

function changedConditions(from: readonly PodCondition[], to: readonly PodCondition[]): object[] {
  const changed: object[] = [];
  for (const condition of to) {
    const before = from.find(({ type }) => type === condition.type);
    const difference = before ? conditionDifference(before, condition) : condition;
    if (difference) changed.push(difference);
  }
  for (const { type } of from) if (!to.some((condition) => condition.type === type)) changed.push({ $patch: 'delete', type });
  return changed;
}

function conditionDifference(before: PodCondition, after: PodCondition): Record<string, unknown> | undefined {
  let difference: Record<string, unknown> | undefined;
  const look = (field: string) => {
    // A null that others wrote (lastProbeTime) is not ours to take away.
    const was = before[field as keyof PodCondition] ?? null;
    const is = after[field as keyof PodCondition] ?? null;
    if (was !== is) (difference ??= { type: after.type })[field] = is;
  };
  for (const field in after) look(field);
  for (const field in before) if (!(field in after)) look(field);
  return difference;
}
