/** How code names a resource of the API, and the objects in it. */
import type { ObjectMeta } from '../api/object.ts';

/** What every object has. The generated interfaces of src/api/types satisfy it. */
export interface ApiObject {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
}

/** A resource and, for the compiler only, the type of its objects. */
export interface Resource<T extends ApiObject = ApiObject> {
  readonly group: string;
  readonly version: string;
  /** Plural, lower case: `pods`. */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: carries T so that `client.get(pods, ...)` knows that it returns a Pod. */
  readonly objectType?: T;
}

/** An object's metadata can be handed in as its name. */
export interface ObjectName {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/** `namespace/name`, or the name alone for cluster-scoped objects: what stores and work queues use as a key. */
export function keyOf(object: { readonly metadata: ObjectName }): string {
  return formatKey(object.metadata);
}

export function formatKey({ namespace, name }: ObjectName): string {
  return namespace ? `${namespace}/${name ?? ''}` : (name ?? '');
}

/** `apps/v1`, or `v1`: the apiVersion of the resource's objects. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}
