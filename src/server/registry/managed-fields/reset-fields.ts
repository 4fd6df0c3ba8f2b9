/**
 * Fields that a write through a (sub)resource cannot change, because its
 * strategy puts them back: nobody comes to own them that way. The rule is that
 * the status belongs to the status subresource and everything else does not;
 * the table has what upstream's strategies say beyond it.
 */
import type { ResourceInfo } from '../../../api/catalogue.ts';
import { difference, leaf, withSelf, type FieldSet } from './field-set.ts';

const spec: FieldSet = { 'f:spec': leaf };
const status: FieldSet = { 'f:status': leaf };
const specAndMetadata: FieldSet = { 'f:metadata': leaf, 'f:spec': leaf };

/** By `group/resource/subresource`. */
const particular: Readonly<Record<string, FieldSet>> = {
  '/namespaces/finalize': status,
  '/pods/status': { 'f:metadata': { 'f:deletionTimestamp': leaf, 'f:ownerReferences': leaf }, 'f:spec': leaf },
  'admissionregistration.k8s.io/validatingadmissionpolicies/status': specAndMetadata,
  'apiregistration.k8s.io/apiservices/status': specAndMetadata,
  'apps/deployments/status': { 'f:metadata': { 'f:labels': leaf }, 'f:spec': leaf },
  'certificates.k8s.io/certificatesigningrequests/': { 'f:spec': leaf, 'f:status': leaf },
  'certificates.k8s.io/certificatesigningrequests/approval': { 'f:spec': leaf, 'f:status': { 'f:certificate': leaf } },
  'certificates.k8s.io/certificatesigningrequests/status': { 'f:spec': leaf, 'f:status': { 'f:conditions': leaf } },
  'flowcontrol.apiserver.k8s.io/flowschemas/status': specAndMetadata,
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations/status': specAndMetadata,
  'networking.k8s.io/servicecidrs/status': specAndMetadata,
  'resource.k8s.io/resourceclaims/status': specAndMetadata,
  'storage.k8s.io/volumeattachments/status': specAndMetadata,
};

/** Undefined where there is nothing of the kind. */
export function resetFieldsOf({ group, resource, subresources }: ResourceInfo, subresource: string): FieldSet | undefined {
  const found = particular[`${group}/${resource}/${subresource}`];
  if (found) return found;
  if (subresource === 'status') return spec;
  return subresource === '' && subresources.some(({ name }) => name === 'status') ? status : undefined;
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
