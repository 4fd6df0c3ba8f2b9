/** Who owns an object: the one owner reference marked as controller. */
import { assert } from '../../base/assert.ts';
import type { OwnerReference } from '../../api/object.ts';
import type { ApiObject } from '../../client/resource.ts';

export function controllerOf(object: ApiObject): OwnerReference | undefined {
  for (const owner of object.metadata.ownerReferences ?? []) if (owner.controller) return owner;
  return undefined;
}

export function isControlledBy(object: ApiObject, owner: ApiObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

/** The reference that marks `owner` as the controller of what carries it. */
export function controllerReference(owner: ApiObject): OwnerReference {
  const { apiVersion, kind } = owner;
  const { name, uid } = owner.metadata;
  assert(apiVersion && kind && name && uid, 'an owner needs apiVersion, kind, name and uid');
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

const controllerIndex = 'controller';

/** Finds objects by the uid of their controller, and orphans by namespace. */
export const ownerIndex = {
  name: controllerIndex,
  valuesOf: (object: ApiObject): readonly string[] => [controllerOf(object)?.uid ?? orphansIn(object.metadata.namespace)],
};

/** The index value under which a namespace's orphans stand. */
export function orphansIn(namespace: string | undefined): string {
  return `orphan/${namespace ?? ''}`;
}
