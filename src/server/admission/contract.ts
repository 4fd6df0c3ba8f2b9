import type { KubeObject } from '../../api/object.ts';
import type { ResourceInfo } from '../../api/catalogue.ts';
import type { RequestAttributes } from '../access/contract.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** One change on its way into the store, as the plugins see it. */
export interface AdmissionRequest {
  readonly operation: Operation;
  readonly attributes: RequestAttributes;
  readonly resource: ResourceInfo;
  readonly namespace: string;
  /** Empty on create with generateName until the name is made. */
  readonly name: string;
  /** The object as it shall be (mutating plugins change it in place); undefined on DELETE. For subresources the body's object (Binding, Eviction, TokenRequest ...), or the whole parent for status, resize and ephemeralcontainers. */
  readonly object: KubeObject | undefined;
  /** The object as it is, on UPDATE and DELETE. Not to be changed. */
  readonly oldObject: KubeObject | undefined;
  /** The options of the request (CreateOptions, UpdateOptions, DeleteOptions). */
  readonly options: Readonly<Record<string, unknown>>;
  readonly dryRun: boolean;
  /** Sends a Warning header to the client. */
  warn(message: string): void;
}

/**
 * A plugin refuses by throwing ApiError. Mutating plugins run first, in order,
 * before defaulting and validation of the object; validating ones after.
 */
export interface AdmissionPlugin {
  /** Upstream's name, e.g. `NamespaceLifecycle`. */
  readonly name: string;
  /** Cheap filter: is it interested at all? */
  handles(request: AdmissionRequest): boolean;
  mutate?(request: AdmissionRequest): void | Promise<void>;
  validate?(request: AdmissionRequest): void | Promise<void>;
}

/**
 * What plugins and authorizers know of the cluster: reads served from the watch
 * caches, parsed. Returned objects are shared: never change them.
 */
export interface ClusterView {
  /** `namespace` is '' for cluster-scoped resources. Any served version's ResourceInfo names the resource; objects come in the storage version. */
  get(group: string, resource: string, namespace: string, name: string): KubeObject | undefined;
  /** All of a namespace, or of the cluster where `namespace` is undefined. */
  list(group: string, resource: string, namespace?: string): Iterable<KubeObject>;
  /** Resolves once the view has everything that was written before the call, by whichever server. */
  fresh(): Promise<void>;
  /** Calls back after any change of the resource with its key; used to drop what was derived. Returns the end of it. */
  onChange(group: string, resource: string, callback: (change: { namespace: string; name: string; deleted: boolean }) => void): () => void;
}

/** Writes that plugins need (ResourceQuota's usage, for one): the registry's own optimistic update. */
export interface ClusterWriter {
  create(group: string, version: string, resource: string, namespace: string, object: KubeObject): Promise<KubeObject>;
  /** Reads, changes and writes until there is no conflict; `change` may be called again with a fresher object. */
  update(
    group: string,
    version: string,
    resource: string,
    namespace: string,
    name: string,
    change: (current: KubeObject) => KubeObject,
    options?: { readonly subresource?: 'status' },
  ): Promise<KubeObject>;
}
