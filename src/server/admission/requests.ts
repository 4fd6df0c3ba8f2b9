/** What plugins ask of a request again and again, and how they refuse it. */
import { forbidden } from '../../api/errors.ts';
import type { ApiError } from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { AdmissionRequest } from './contract.ts';

export const mirrorPodAnnotation = 'kubernetes.io/config.mirror';

/** True for the resource itself, or that subresource of it. */
export function concerns(
  { resource, attributes }: AdmissionRequest,
  group: string,
  name: string,
  subresource = '',
): boolean {
  return resource.resource === name && resource.group === group && attributes.subresource === subresource;
}

export function concernsPods(request: AdmissionRequest): boolean {
  return concerns(request, '', 'pods');
}

/** The 403 of a plugin: about the object, under the name it has or will be made from. */
export function refuse({ resource, name, object }: AdmissionRequest, why: string): ApiError {
  const known = name || object?.metadata?.name || object?.metadata?.generateName || 'Unknown';
  return forbidden({ group: resource.group, kind: resource.resource, name: known }, why);
}

export function podOf(object: KubeObject | undefined): Pod {
  return object as unknown as Pod;
}

export function isMirrorPod({ metadata }: Pod): boolean {
  return metadata.annotations !== undefined && mirrorPodAnnotation in metadata.annotations;
}
