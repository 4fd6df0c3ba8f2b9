/**
 * The current objects of one resource, found by key, in order, or by index.
 * Invariant: all three hold the same entries; each current entry is held once
 * in the arenas.
 */
import type { ArenaSpace } from './arena.ts';
import type { CacheEntry } from './cache-entry.ts';
import type { CachedResource } from './cached-resource.ts';
import type { DerivedEncodings } from './derived-encodings.ts';
import { OrderedIndex, type IndexSnapshot } from './ordered-index.ts';
import { SecondaryIndexes } from './secondary-indexes.ts';
import type { Selection } from './selection.ts';

export class ObjectTable {
  readonly #space: ArenaSpace;
  readonly #encodings: DerivedEncodings;
  readonly #byKey = new Map<string, CacheEntry>();
  readonly #ordered = new OrderedIndex();
  readonly #indexes: SecondaryIndexes;

  constructor(resource: CachedResource, space: ArenaSpace, encodings: DerivedEncodings) {
    this.#space = space;
    this.#encodings = encodings;
    this.#indexes = new SecondaryIndexes(resource, this.#byKey);
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): CacheEntry | undefined {
    return this.#byKey.get(key);
  }

  entries(): IterableIterator<CacheEntry> {
    return this.#byKey.values();
  }

  snapshot(): IndexSnapshot {
    return this.#ordered.snapshot();
  }

  /** See SecondaryIndexes. */
  candidates(selection: Selection): CacheEntry[] | undefined {
    return this.#indexes.candidates(selection);
  }

  /** Puts `entry` in the place of what has its key, and returns that. */
  put(entry: CacheEntry): CacheEntry | undefined {
    const previous = this.#byKey.get(entry.key);
    this.#byKey.set(entry.key, entry);
    this.#ordered.set(entry);
    this.#space.hold(entry);
    this.#indexes.change(entry, previous);
    if (previous) this.#retire(previous);
    return previous;
  }

  /** Takes the object out, and returns it. */
  remove(key: string): CacheEntry | undefined {
    const previous = this.#byKey.get(key);
    if (!previous) return undefined;
    this.#byKey.delete(key);
    this.#ordered.delete(key);
    this.#indexes.change(undefined, previous);
    this.#retire(previous);
    return previous;
  }

  #retire(entry: CacheEntry): void {
    this.#encodings.drop(entry);
    this.#space.release(entry);
  }
}
