/** Which objects a quota's scopes take in. */
import { isDeepStrictEqual } from 'node:util';
import { qosOf } from '../qos.ts';
import type {
  PersistentVolumeClaim,
  Pod,
  PodAffinityTerm,
  ResourceQuotaSpec,
  ScopedResourceSelectorRequirement,
} from '../types/core-v1.ts';

/** Scopes and scope selector as one list: an object must match all. */
export function scopesOf(spec: ResourceQuotaSpec | undefined): ScopedResourceSelectorRequirement[] {
  const scopes = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' }));
  return [...scopes, ...(spec?.scopeSelector?.matchExpressions ?? [])];
}

/** `names` are the values the object has of what the scope is about. */
function matchesSelector(
  { operator, values = [] }: ScopedResourceSelectorRequirement,
  names: readonly string[],
): boolean {
  switch (operator) {
    case 'In':
      return names.some((name) => values.includes(name));
    case 'NotIn':
      return names.length === 0 || names.some((name) => !values.includes(name));
    case 'Exists':
      return names.length > 0;
    case 'DoesNotExist':
      return names.length === 0;
    default:
      return false;
  }
}

export function isTerminating({ spec }: Pod): boolean {
  return spec?.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds >= 0;
}

export function podMatchesScope(pod: Pod, scope: ScopedResourceSelectorRequirement): boolean {
  switch (scope.scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return qosOf(pod) === 'BestEffort';
    case 'NotBestEffort':
      return qosOf(pod) !== 'BestEffort';
    case 'PriorityClass':
      return matchesSelector(scope, pod.spec?.priorityClassName ? [pod.spec.priorityClassName] : []);
    case 'CrossNamespacePodAffinity':
      return reachesOtherNamespaces(pod);
    default:
      return false;
  }
}

function reachesOtherNamespaces({ spec }: Pod): boolean {
  const isWide = (term: PodAffinityTerm | undefined) =>
    (term?.namespaces?.length ?? 0) > 0 || term?.namespaceSelector !== undefined;
  return [spec?.affinity?.podAffinity, spec?.affinity?.podAntiAffinity].some(
    (affinity) =>
      affinity?.requiredDuringSchedulingIgnoredDuringExecution?.some(isWide) === true ||
      affinity?.preferredDuringSchedulingIgnoredDuringExecution?.some((weighted) =>
        isWide(weighted.podAffinityTerm),
      ) === true,
  );
}

/** Every class a claim has, had or shall have. */
export function attributesClassesOf({ spec, status }: PersistentVolumeClaim): string[] {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.filter((name) => name !== undefined && name !== ''))] as string[];
}

export function claimMatchesScope(
  claim: PersistentVolumeClaim,
  scope: ScopedResourceSelectorRequirement,
): boolean {
  return scope.scopeName === 'VolumeAttributesClass' && matchesSelector(scope, attributesClassesOf(claim));
}

/** Whether a change of a claim's status changes what it counts for. */
export function claimStatusCounts(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  return (
    claim.status?.allocatedResources?.['storage'] !== old.status?.allocatedResources?.['storage'] ||
    !isDeepStrictEqual(attributesClassesOf(claim).sort(), attributesClassesOf(old).sort())
  );
}
