/**
 * Fields that a write through a (sub)resource cannot change, because its
 * strategy puts them back: nobody comes to own them that way. The rule is that
 * the status belongs to the status subresource and everything else does not;
 * the table has what upstream's strategies say beyond it.
 */
import type { ResourceInfo } from '../../../api/catalogue.ts';
import { difference, isLeaf, leaf, recursiveDifference, self, withSelf, type FieldSet } from './field-set.ts';

export interface ResetFields {
  readonly excluded: FieldSet | undefined;
  /** Where it is set, nothing but these is tracked; `*` stands for any item. */
  readonly only?: FieldSet;
}

const spec: FieldSet = { 'f:spec': leaf };
const status: FieldSet = { 'f:status': leaf };
const specAndMetadata: FieldSet = { 'f:metadata': leaf, 'f:spec': leaf };
const containerResources: FieldSet = { '*': { 'f:resources': leaf, 'f:resizePolicy': leaf } };

/** By `group/resource/subresource`. */
const particular: Readonly<Record<string, ResetFields>> = {
  '/namespaces/finalize': { excluded: status },
  '/pods/status': { excluded: { 'f:metadata': { 'f:deletionTimestamp': leaf, 'f:ownerReferences': leaf }, 'f:spec': leaf } },
  '/pods/ephemeralcontainers': { excluded: undefined, only: { 'f:spec': { 'f:ephemeralContainers': leaf } } },
  '/pods/resize': { excluded: undefined, only: { 'f:spec': { 'f:containers': containerResources, 'f:initContainers': containerResources } } },
  'admissionregistration.k8s.io/validatingadmissionpolicies/status': { excluded: specAndMetadata },
  'apiregistration.k8s.io/apiservices/status': { excluded: specAndMetadata },
  'apps/deployments/status': { excluded: { 'f:metadata': { 'f:labels': leaf }, 'f:spec': leaf } },
  'certificates.k8s.io/certificatesigningrequests/': { excluded: { 'f:spec': leaf, 'f:status': leaf } },
  'certificates.k8s.io/certificatesigningrequests/approval': { excluded: { 'f:spec': leaf, 'f:status': { 'f:certificate': leaf } } },
  'certificates.k8s.io/certificatesigningrequests/status': { excluded: { 'f:spec': leaf, 'f:status': { 'f:conditions': leaf } } },
  'flowcontrol.apiserver.k8s.io/flowschemas/status': { excluded: specAndMetadata },
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations/status': { excluded: specAndMetadata },
  'networking.k8s.io/servicecidrs/status': { excluded: specAndMetadata },
  'resource.k8s.io/resourceclaims/status': { excluded: specAndMetadata },
  'storage.k8s.io/volumeattachments/status': { excluded: specAndMetadata },
};

const none: ResetFields = { excluded: undefined };

export function resetFieldsOf({ group, resource, subresources }: ResourceInfo, subresource: string): ResetFields {
  const found = particular[`${group}/${resource}/${subresource}`];
  if (found) return found;
  if (subresource === 'status') return { excluded: spec };
  return subresource === '' && subresources.some(({ name }) => name === 'status') ? { excluded: status } : none;
}

/** What of `set` a write through the (sub)resource can touch. */
export function withoutReset(set: FieldSet | undefined, { excluded, only }: ResetFields): FieldSet | undefined {
  const rest = recursiveDifference(set, excluded);
  return only && rest ? matching(rest, only) : rest;
}

function matching(set: FieldSet, pattern: FieldSet): FieldSet | undefined {
  let result: FieldSet | undefined;
  for (const element in set) {
    const node = set[element] as FieldSet;
    const below = pattern[element] ?? pattern['*'];
    if (element === self) result = { ...result, [self]: leaf };
    else if (below !== undefined) {
      const kept = isLeaf(below) || isLeaf(node) ? node : matching(node, below);
      if (kept) result = { ...result, [element]: kept };
    }
  }
  return result;
}

const identity: FieldSet = {
  'f:clusterName': leaf,
  'f:creationTimestamp': leaf,
  'f:generation': leaf,
  'f:managedFields': leaf,
  'f:name': leaf,
  'f:namespace': leaf,
  'f:resourceVersion': leaf,
  'f:selfLink': leaf,
  'f:uid': leaf,
};

/** Never in a set of the one who writes: what an object is called, and what only the server says of it. */
export const unowned: FieldSet = { 'f:apiVersion': leaf, 'f:kind': leaf, 'f:metadata': identity };

/** `set` of the one who writes, without what nobody owns. */
export function withoutUnowned(set: FieldSet | undefined): FieldSet | undefined {
  return difference(set, unownedWithMetadata);
}

const unownedWithMetadata: FieldSet = { ...unowned, 'f:metadata': withSelf(identity) };
