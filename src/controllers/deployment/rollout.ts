/**
 * How far each ReplicaSet of a Deployment goes in the next step. Pure: the
 * numbers in, the wanted sizes out; the controller writes them and comes back
 * when pods have followed.
 */
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.ts';
import { equal } from '../../base/equality.ts';
import { scaledValue } from '../runtime/int-or-percent.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const historyAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';
export const hashLabel = 'pod-template-hash';

const historyCharsMax = 2000;

export interface Resize {
  readonly replicaSet: ReplicaSet;
  readonly replicas: number;
}

export interface Limits {
  readonly desired: number;
  readonly surge: number;
  readonly unavailable: number;
}

export function limitsOf({ spec }: Deployment): Limits {
  const desired = spec.replicas ?? 1;
  if (spec.strategy?.type === 'Recreate') return { desired, surge: 0, unavailable: 0 };
  const surge = scaledValue(spec.strategy?.rollingUpdate?.maxSurge ?? '25%', desired, true);
  let unavailable = scaledValue(spec.strategy?.rollingUpdate?.maxUnavailable ?? '25%', desired, false);
  // Neither more nor fewer would let nothing move.
  if (surge === 0 && unavailable === 0) unavailable = 1;
  return { desired, surge, unavailable: Math.min(unavailable, desired) };
}

export function sizeOf({ spec }: ReplicaSet): number {
  return spec.replicas ?? 1;
}

export function totalSize(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + sizeOf(set), 0);
}

export function availableIn(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, { status }) => sum + (status?.availableReplicas ?? 0), 0);
}

export function oldestFirst(sets: readonly ReplicaSet[]): ReplicaSet[] {
  return sets.toSorted((a, b) => {
    const [left, right] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
    return left === right ? ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1) : left < right ? -1 : 1;
  });
}

/** The ReplicaSet that has the Deployment's template; the oldest, should there be several. */
export function findNew(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return oldestFirst(sets).find(({ spec }) => sameTemplate(spec.template, deployment.spec.template));
}

function sameTemplate(a: ReplicaSet['spec']['template'], b: ReplicaSet['spec']['template']): boolean {
  return equal(withoutHash(a), withoutHash(b));
}

function withoutHash(template: ReplicaSet['spec']['template']): unknown {
  const { [hashLabel]: _, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels, creationTimestamp: undefined } };
}

/** How many the new one may have now: the surge allows no more. */
export function newSize(limits: Limits, sets: readonly ReplicaSet[], current: number): number {
  const room = limits.desired + limits.surge - totalSize(sets);
  if (room <= 0) return current;
  return current + Math.min(room, limits.desired - current);
}

/** The next step of a rolling update; empty: it waits, or is done. */
export function rollingStep(limits: Limits, current: ReplicaSet, olds: readonly ReplicaSet[]): Resize[] {
  const all = [...olds, current];
  const size = sizeOf(current);
  const next = size > limits.desired ? limits.desired : newSize(limits, all, size);
  if (next !== size) return [{ replicaSet: current, replicas: next }];
  return scaleDownOld(limits, current, oldestFirst(olds.filter((set) => sizeOf(set) > 0)));
}

/** Old pods go as new ones become available; those that serve nothing go first. */
function scaleDownOld({ desired, unavailable }: Limits, current: ReplicaSet, olds: readonly ReplicaSet[]): Resize[] {
  const minAvailable = desired - unavailable;
  const newUnavailable = sizeOf(current) - (current.status?.availableReplicas ?? 0);
  let spare = totalSize([...olds, current]) - minAvailable - newUnavailable;
  if (spare <= 0) return [];
  const sizes = new Map(olds.map((set) => [set, sizeOf(set)]));
  const shrink = (set: ReplicaSet, by: number) => sizes.set(set, (sizes.get(set) ?? 0) - by);
  for (const set of olds) {
    const count = Math.min(spare, sizeOf(set) - (set.status?.availableReplicas ?? 0));
    if (count <= 0) continue;
    shrink(set, count);
    spare -= count;
  }
  let surplus = availableIn([...olds, current]) - minAvailable;
  for (const set of olds) {
    const count = Math.min(surplus, sizes.get(set) ?? 0);
    if (count <= 0) continue;
    shrink(set, count);
    surplus -= count;
  }
  return changes(sizes);
}

/** Recreate: the old ones go first, and the new one waits until their pods are gone. */
export function recreateStep({ desired }: Limits, current: ReplicaSet | undefined, olds: readonly ReplicaSet[], oldPodsRemain: boolean): Resize[] {
  const leaving = olds.filter((set) => sizeOf(set) > 0).map((replicaSet) => ({ replicaSet, replicas: 0 }));
  if (leaving.length > 0 || oldPodsRemain || !current || sizeOf(current) === desired) return leaving;
  return [{ replicaSet: current, replicas: desired }];
}

/** The size was changed, or the Deployment is paused: every active ReplicaSet takes its share. */
export function proportionalSizes(limits: Limits, current: ReplicaSet | undefined, olds: readonly ReplicaSet[], rolling: boolean, statusReplicas: number): Resize[] {
  const active = (current ? [...olds, current] : [...olds]).filter((set) => sizeOf(set) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? current ?? oldestFirst(olds).at(-1);
    return only && sizeOf(only) !== limits.desired ? [{ replicaSet: only, replicas: limits.desired }] : [];
  }
  const saturated =
    current && sizeOf(current) === limits.desired && current.metadata.annotations?.[desiredAnnotation] === String(limits.desired) && current.status?.availableReplicas === limits.desired;
  if (saturated) return changes(new Map(active.filter((set) => set !== current).map((set) => [set, 0])));
  if (!rolling) return [];
  const allowed = limits.desired > 0 ? limits.desired + limits.surge : 0;
  const toAdd = allowed - totalSize(active);
  const ordered = oldestFirst(active).toSorted((a, b) => sizeOf(b) - sizeOf(a));
  let added = 0;
  const sizes = new Map<ReplicaSet, number>();
  for (const set of ordered) {
    const left = toAdd - added;
    const share = left === 0 ? 0 : fractionOf(set, limits, statusReplicas);
    const proportion = toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
    sizes.set(set, sizeOf(set) + proportion);
    added += proportion;
  }
  const [largest] = ordered;
  if (largest) sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + toAdd - added));
  return [...sizes].map(([replicaSet, replicas]) => ({ replicaSet, replicas }));
}

function fractionOf(set: ReplicaSet, { desired, surge }: Limits, statusReplicas: number): number {
  if (desired === 0) return -sizeOf(set);
  const before = Number(set.metadata.annotations?.[maxAnnotation]) || statusReplicas;
  return before === 0 ? 0 : Math.round((sizeOf(set) * (desired + surge)) / before) - sizeOf(set);
}

function changes(sizes: ReadonlyMap<ReplicaSet, number>): Resize[] {
  return [...sizes].filter(([set, size]) => size !== sizeOf(set)).map(([replicaSet, replicas]) => ({ replicaSet, replicas }));
}

/** Old ones beyond the history limit that nobody uses any more. */
export function beyondHistory(olds: readonly ReplicaSet[], limit: number | undefined): ReplicaSet[] {
  if (limit === undefined) return [];
  const idle = olds.filter(({ metadata }) => !metadata.deletionTimestamp);
  const excess = idle.length - limit;
  if (excess <= 0) return [];
  return idle
    .toSorted((a, b) => (revisionOf(a) < revisionOf(b) ? -1 : 1))
    .slice(0, excess)
    .filter(({ metadata, spec, status }) => !spec.replicas && !status?.replicas && (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0));
}

/** 64 bits wide, as people can set it. */
export function revisionOf({ metadata }: Annotated): bigint {
  const text = metadata.annotations?.[revisionAnnotation] ?? '';
  return /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
}

export function lastRevision(sets: readonly Annotated[]): bigint {
  return sets.map(revisionOf).reduce((last, revision) => (revision > last ? revision : last), 0n);
}

/** The annotation that tells of the revisions a ReplicaSet had before it became the new one again; empty where it has not. */
export function historyOf(set: ReplicaSet, revision: bigint): Record<string, string> {
  const before = set.metadata.annotations?.[revisionAnnotation];
  if (!before || revisionOf(set) === revision) return {};
  const history = [...(set.metadata.annotations?.[historyAnnotation]?.split(',') ?? []), before];
  while (history.join(',').length > historyCharsMax) history.shift();
  return { [historyAnnotation]: history.join(',') };
}

interface Annotated {
  readonly metadata: { readonly annotations?: Record<string, string> | undefined };
}
