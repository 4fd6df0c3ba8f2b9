/**
 * Finds the watchers that an event could concern without asking the others.
 * Each watcher is in exactly one place, under the narrowest thing that all its
 * objects share: one object, a value of an indexed field, a label, a namespace,
 * or nothing.
 */
import type { CacheEntry } from './cache-entry.ts';
import type { Selection } from './selection.ts';

export interface Selecting {
  readonly selection: Selection;
}

type Bucket<W> = Set<W>;

export class WatcherIndex<W extends Selecting> {
  readonly #namespaced: boolean;
  readonly #every: Bucket<W> = new Set();
  readonly #byNamespace = new Map<string, Bucket<W>>();
  readonly #byKey = new Map<string, Bucket<W>>();
  /** By index of the field, then value. */
  readonly #byField = new Map<number, Map<string, Bucket<W>>>();
  /** By label key, then value. */
  readonly #byLabel = new Map<string, Map<string, Bucket<W>>>();
  #size = 0;

  constructor(namespaced: boolean) {
    this.#namespaced = namespaced;
  }

  get size(): number {
    return this.#size;
  }

  add(watcher: W): void {
    this.#bucketOf(watcher).add(watcher);
    this.#size++;
  }

  delete(watcher: W): void {
    if (this.#bucketOf(watcher).delete(watcher)) this.#size--;
    this.#prune(watcher.selection);
  }

  /** Visits each watcher that could see `current` or could have seen `previous`, once. */
  visit(current: CacheEntry | undefined, previous: CacheEntry | undefined, see: (watcher: W) => void): void {
    const known = (current ?? previous) as CacheEntry;
    visitAll(this.#every, see);
    if (this.#byNamespace.size > 0) visitAll(this.#byNamespace.get(known.namespace), see);
    if (this.#byKey.size > 0) visitAll(this.#byKey.get(known.key), see);
    for (const [index, buckets] of this.#byField) {
      const [now, before] = [current?.fields[index], previous?.fields[index]];
      if (now !== undefined) visitAll(buckets.get(now), see);
      if (before !== undefined && before !== now) visitAll(buckets.get(before), see);
    }
    for (const [key, buckets] of this.#byLabel) {
      const [now, before] = [current?.labels?.[key], previous?.labels?.[key]];
      if (now !== undefined) visitAll(buckets.get(now), see);
      if (before !== undefined && before !== now) visitAll(buckets.get(before), see);
    }
  }

  *all(): Generator<W> {
    yield* this.#every;
    for (const bucket of this.#byNamespace.values()) yield* bucket;
    for (const bucket of this.#byKey.values()) yield* bucket;
    for (const buckets of this.#byField.values()) for (const bucket of buckets.values()) yield* bucket;
    for (const buckets of this.#byLabel.values()) for (const bucket of buckets.values()) yield* bucket;
  }

  #bucketOf({ selection }: W): Bucket<W> {
    const { namespace, name, exactField, exactLabel } = selection;
    const key = this.#keyOf(namespace, name);
    if (key !== undefined) return bucket(this.#byKey, key);
    if (exactField) return bucket(nested(this.#byField, exactField.index), exactField.value);
    if (exactLabel) return bucket(nested(this.#byLabel, exactLabel.key), exactLabel.value);
    return namespace !== '' ? bucket(this.#byNamespace, namespace) : this.#every;
  }

  #keyOf(namespace: string, name: string | undefined): string | undefined {
    if (name === undefined) return undefined;
    if (!this.#namespaced) return name;
    return namespace === '' ? undefined : `${namespace}/${name}`;
  }

  /** Takes away what an ended watcher leaves empty. */
  #prune({ namespace, name, exactField, exactLabel }: Selection): void {
    const key = this.#keyOf(namespace, name);
    if (key !== undefined) dropEmpty(this.#byKey, key);
    else if (exactField) {
      const buckets = nested(this.#byField, exactField.index);
      dropEmpty(buckets, exactField.value);
      dropEmpty(this.#byField, exactField.index);
    } else if (exactLabel) {
      const buckets = nested(this.#byLabel, exactLabel.key);
      dropEmpty(buckets, exactLabel.value);
      dropEmpty(this.#byLabel, exactLabel.key);
    } else if (namespace !== '') dropEmpty(this.#byNamespace, namespace);
  }
}

function visitAll<W>(bucket: Bucket<W> | undefined, see: (watcher: W) => void): void {
  if (bucket) for (const watcher of bucket) see(watcher);
}

function bucket<K, W>(buckets: Map<K, Bucket<W>>, key: K): Bucket<W> {
  let found = buckets.get(key);
  if (!found) buckets.set(key, (found = new Set()));
  return found;
}

function nested<K, W>(outer: Map<K, Map<string, Bucket<W>>>, key: K): Map<string, Bucket<W>> {
  let found = outer.get(key);
  if (!found) outer.set(key, (found = new Map()));
  return found;
}

function dropEmpty<K>(buckets: Map<K, { readonly size: number }>, key: K): void {
  if (buckets.get(key)?.size === 0) buckets.delete(key);
}
