/**
 * Who owns the claims of a StatefulSet's pods, which decides when the garbage
 * collector takes them: with the set, with a pod that was scaled away, or never.
 * Claims that another controller manages are left to it. Pure.
 */
import type { OwnerReference } from '../../api/object.ts';
import type { StatefulSet } from '../../api/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { ApiObject } from '../../client/resource.ts';
import { controllerReference } from '../runtime/owner.ts';
import { firstOrdinal, ordinalOf } from './stateful-plan.ts';

type Claimed = Pick<PersistentVolumeClaim, 'metadata'>;

/** The owners that the claim should have; undefined: it has them. */
export function wantedOwners(set: StatefulSet, pod: Pod, { metadata }: Claimed): OwnerReference[] | undefined {
  const refs = metadata.ownerReferences ?? [];
  // Of a set or a pod that had the name before: the garbage collector is at it.
  if (refs.some((ref) => isNamesakeOf(ref, set) || isNamesakeOf(ref, pod))) return undefined;
  const owners = isConflicting(set, pod, { metadata }) ? [] : ownersOf(set, pod);
  const ours = refs.filter(({ uid }) => uid === set.metadata.uid || uid === pod.metadata.uid);
  const same = ours.length === owners.length && owners.every((owner) => ours.some(({ uid, controller }) => uid === owner.metadata.uid && controller));
  return same ? undefined : [...refs.filter((ref) => !ours.includes(ref)), ...owners.map(controllerReference)];
}

/** Another controller owns the claim, so the policy cannot be kept. */
export function isConflicting(set: StatefulSet, pod: Pod, { metadata }: Claimed): boolean {
  if (!deletes(set, 'whenScaled') && !deletes(set, 'whenDeleted')) return false;
  return metadata.ownerReferences?.some(({ uid, controller }) => controller && uid !== set.metadata.uid && uid !== pod.metadata.uid) ?? false;
}

/** The claim goes with a pod of the past: one that is to have it now must wait for a new one. */
export function isStale(set: StatefulSet, podName: string, { metadata }: Claimed): boolean {
  return deletes(set, 'whenScaled') && (metadata.ownerReferences?.some(({ kind, name }) => kind === 'Pod' && name === podName) ?? false);
}

function ownersOf(set: StatefulSet, pod: Pod): ApiObject[] {
  const start = firstOrdinal(set);
  const ordinal = ordinalOf(pod);
  const scaledAway = ordinal < start || ordinal >= start + (set.spec?.replicas ?? 1);
  if (deletes(set, 'whenScaled') && scaledAway) return [{ apiVersion: 'v1', kind: 'Pod', ...pod }];
  return deletes(set, 'whenDeleted') ? [set] : [];
}

function deletes({ spec }: StatefulSet, when: 'whenScaled' | 'whenDeleted'): boolean {
  return spec?.persistentVolumeClaimRetentionPolicy?.[when] === 'Delete';
}

function isNamesakeOf({ kind, name, uid }: OwnerReference, object: ApiObject): boolean {
  return kind === (object.kind ?? 'Pod') && name === object.metadata.name && uid !== object.metadata.uid;
}
