/** A ClusterView and ClusterWriter over plain maps, for tests. */
import { conflict, notFound } from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import type { ClusterView, ClusterWriter } from './contract.ts';

type ChangeListener = Parameters<ClusterView['onChange']>[2];

export class MemoryView implements ClusterView, ClusterWriter {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #listeners = new Map<string, Set<ChangeListener>>();
  /** How often objects were read: what caches must keep low. */
  reads = 0;

  put(group: string, resource: string, object: KubeObject): this {
    const { namespace = '', name = '' } = object.metadata;
    this.#of(group, resource).set(`${namespace}/${name}`, object);
    this.#announce(group, resource, namespace, name, false);
    return this;
  }

  remove(group: string, resource: string, namespace: string, name: string): void {
    this.#of(group, resource).delete(`${namespace}/${name}`);
    this.#announce(group, resource, namespace, name, true);
  }

  get(group: string, resource: string, namespace: string, name: string): KubeObject | undefined {
    this.reads++;
    return this.#of(group, resource).get(`${namespace}/${name}`);
  }

  list(group: string, resource: string, namespace?: string): Iterable<KubeObject> {
    this.reads++;
    return [...this.#of(group, resource).values()].filter(
      (object) => namespace === undefined || object.metadata.namespace === namespace,
    );
  }

  /** What is on its way into the view. */
  arriving: () => Promise<void> = () => Promise.resolve();

  fresh(): Promise<void> {
    return this.arriving();
  }

  onChange(group: string, resource: string, callback: ChangeListener): () => void {
    const key = `${group}/${resource}`;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(callback));
    return () => listeners.delete(callback);
  }

  async create(
    group: string,
    _version: string,
    resource: string,
    namespace: string,
    object: KubeObject,
  ): Promise<KubeObject> {
    const stored = {
      ...object,
      metadata: { ...object.metadata, ...(namespace === '' ? {} : { namespace }) },
    };
    this.put(group, resource, stored);
    return stored;
  }

  async update(
    group: string,
    _version: string,
    resource: string,
    namespace: string,
    name: string,
    change: (current: KubeObject) => KubeObject,
  ): Promise<KubeObject> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const current = this.get(group, resource, namespace, name);
      if (!current) throw notFound({ group, kind: resource, name });
      const changed = change(current);
      await Promise.resolve();
      if (this.get(group, resource, namespace, name) !== current) continue;
      this.put(group, resource, changed);
      return changed;
    }
    throw conflict({ group, kind: resource, name }, 'too many attempts');
  }

  #of(group: string, resource: string): Map<string, KubeObject> {
    const key = `${group}/${resource}`;
    let objects = this.#objects.get(key);
    if (!objects) {
      objects = new Map();
      this.#objects.set(key, objects);
    }
    return objects;
  }

  #announce(group: string, resource: string, namespace: string, name: string, deleted: boolean): void {
    for (const listener of this.#listeners.get(`${group}/${resource}`) ?? [])
      listener({ namespace, name, deleted });
  }
}
