/** What a StatefulSet does next: which ordinal to create, which pod to delete. Pure. */
import type { StatefulSet } from '../../api/types/apps-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { isAvailable, isReady, isTerminal } from '../runtime/pod-state.ts';
import { revisionHashLabel } from '../runtime/revisions.ts';

export interface StatefulPlan {
  readonly create: readonly { readonly ordinal: number; readonly revision: string }[];
  readonly remove: readonly Pod[];
}

export function ordinalOf({ metadata }: Pod): number {
  const match = /-(\d+)$/.exec(metadata.name ?? '');
  return match ? Number(match[1]) : -1;
}

export function firstOrdinal({ spec }: StatefulSet): number {
  return spec?.ordinals?.start ?? 0;
}

/** `current` and `update` are names of revisions; they are equal when no update is under way. */
export function planStateful(set: StatefulSet, pods: readonly Pod[], current: string, update: string, nowMs: number): StatefulPlan {
  const parallel = set.spec?.podManagementPolicy === 'Parallel';
  const start = firstOrdinal(set);
  const end = start + (set.spec?.replicas ?? 1);
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(pod), pod]));
  const create: { ordinal: number; revision: string }[] = [];
  const remove: Pod[] = [];
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const serves = (pod: Pod) => !pod.metadata.deletionTimestamp && isReady(pod) && isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);

  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod && serves(pod)) continue;
    if (!pod) create.push({ ordinal, revision: ordinal < start + partition ? current : update });
    else if (isTerminal(pod) && !pod.metadata.deletionTimestamp) remove.push(pod);
    // In order, nothing begins before the one below it serves.
    if (!parallel) return { create, remove };
  }
  const surplus = pods.filter((pod) => ordinalOf(pod) >= end || ordinalOf(pod) < start).toSorted((a, b) => ordinalOf(b) - ordinalOf(a));
  const firstIdle = surplus.findLast((pod) => !serves(pod));
  for (const pod of surplus) {
    // In order, one that does not serve holds up the others, unless it is the lowest of its kind.
    const mayGo = parallel || serves(pod) || pod === firstIdle;
    if (!pod.metadata.deletionTimestamp && mayGo) remove.push(pod);
    if (!parallel) return { create, remove };
  }
  if (create.length > 0 || remove.length > 0 || set.spec?.updateStrategy?.type === 'OnDelete') return { create, remove };
  // From the highest down, one at a time: each must serve before the next goes.
  for (let ordinal = end - 1; ordinal >= start + partition; ordinal--) {
    const pod = byOrdinal.get(ordinal);
    if (!pod) break;
    const outdated = pod.metadata.labels?.[revisionHashLabel] !== update;
    if (outdated && !pod.metadata.deletionTimestamp) return { create, remove: [pod] };
    if (!serves(pod)) break;
  }
  return { create, remove };
}
