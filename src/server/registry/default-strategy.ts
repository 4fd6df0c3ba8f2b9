/**
 * What holds for every resource unless its strategy says otherwise: status
 * belongs to the status subresource, and generation counts changes of the rest.
 */
import type { ResourceInfo } from '../../api/catalogue.ts';
import type { KubeObject } from '../../api/object.ts';
import { equalObjects } from './equality.ts';
import type { Strategy } from './strategy.ts';

export function defaultPrepareForCreate(object: KubeObject, strategy: Strategy): void {
  if (strategy.prepareForCreate) return;
  delete object['status'];
  object.metadata.generation = 1;
}

export function defaultPrepareForUpdate(
  object: KubeObject,
  old: KubeObject,
  subresource: string,
  strategy: Strategy,
  resource: ResourceInfo,
): void {
  if (strategy.prepareForUpdate) return;
  if (subresource === 'status') {
    const status = object['status'];
    for (const field of Object.keys(object)) if (field !== 'metadata') delete object[field];
    Object.assign(object, { ...old, metadata: object.metadata, status });
    return;
  }
  if (resource.subresources.some((sub) => sub.name === 'status')) {
    if (old['status'] === undefined) delete object['status'];
    else object['status'] = old['status'];
  }
  if (old.metadata.generation !== undefined && !equalBut(object, old)) object.metadata.generation = old.metadata.generation + 1;
}

const notCounted = new Set(['metadata', 'status', 'apiVersion', 'kind']);

function equalBut(left: KubeObject, right: KubeObject): boolean {
  for (const field of new Set([...Object.keys(left), ...Object.keys(right)]))
    if (!notCounted.has(field) && !equalObjects(left[field], right[field])) return false;
  return true;
}
