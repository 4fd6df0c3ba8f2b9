/**
 * A local copy of a collection, with indexes, that tells its handlers of every
 * change. Many readers of one process share one informer (informer-set.ts).
 *
 * Objects in the store are shared and must not be changed by those who read
 * them. Handlers are called synchronously, in the order of the changes, after
 * the store has them; `onBatchEnd` follows the last change that arrived together.
 */
import type { Logger } from '../base/logger.ts';
import { assert } from '../base/assert.ts';
import type { Client } from './client.ts';
import { Reflector } from './reflector.ts';
import type { ReflectorOptions, ReflectorSink } from './reflector.ts';
import { formatKey, keyOf } from './resource.ts';
import type { ApiObject, ObjectName, Resource } from './resource.ts';
import { shareEqual } from './sharing.ts';
import type { WatchEvent } from './watch-decoder.ts';

export interface InformerHandler<T> {
  onAdd?(object: T): void;
  /** `current` may be equal to `old` but for its resource version. */
  onUpdate?(old: T, current: T): void;
  /** `object` is the last state known. */
  onDelete?(object: T): void;
  onBatchEnd?(): void;
}

export type InformerOptions<T> = ReflectorOptions<T>;

/** Under which values an object is found; none leaves it out. */
export type IndexFunction<T> = (object: T) => readonly string[];

interface Index<T> {
  readonly valuesOf: IndexFunction<T>;
  readonly entries: Map<string, Map<string, T>>;
}

export class Informer<T extends ApiObject> {
  readonly resource: Resource<T>;
  readonly #reflector: Reflector<T>;
  readonly #logger: Logger;
  readonly #store = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #handlers = new Set<InformerHandler<T>>();
  readonly #onSynced: (() => void)[] = [];
  /** What is new is often like the one before it. */
  #newest: T | undefined;
  #synced = false;

  constructor(client: Client, resource: Resource<T>, options: InformerOptions<T>) {
    this.resource = resource;
    this.#logger = options.logger;
    const sink: ReflectorSink<T> = {
      replace: (objects) => this.#replace(objects),
      apply: (events) => this.#apply(events),
    };
    this.#reflector = new Reflector(client, resource, sink, options);
  }

  /** Follows the server until `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#reflector.run(signal);
  }

  /** True once the store holds everything there was at the start. */
  get hasSynced(): boolean {
    return this.#synced;
  }

  synced(signal?: AbortSignal): Promise<void> {
    if (this.#synced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal?.reason as Error);
      if (signal?.aborted) {
        onAbort();
        return;
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#onSynced.push(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  /** The last version heard of. */
  get resourceVersion(): string | undefined {
    return this.#reflector.resourceVersion;
  }

  get size(): number {
    return this.#store.size;
  }

  get(key: string): T | undefined {
    return this.#store.get(key);
  }

  find(name: ObjectName): T | undefined {
    return this.#store.get(formatKey(name));
  }

  values(): IterableIterator<T> {
    return this.#store.values();
  }

  keys(): IterableIterator<string> {
    return this.#store.keys();
  }

  /** At any time; an index of the same name must be the same index, and is kept. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    if (this.#indexes.has(name)) return;
    const index: Index<T> = { valuesOf, entries: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#store) addToIndex(index, key, object);
  }

  byIndex(name: string, value: string): T[] {
    const found = this.#entries(name).get(value);
    return found ? [...found.values()] : [];
  }

  countByIndex(name: string, value: string): number {
    return this.#entries(name).get(value)?.size ?? 0;
  }

  #entries(name: string): Index<T>['entries'] {
    const index = this.#indexes.get(name);
    assert(index, `informer of ${this.resource.resource} has no index "${name}"`);
    return index.entries;
  }

  /** What is in the store already is told as added. Returns how to take the handler away. */
  addHandler(handler: InformerHandler<T>): () => void {
    this.#handlers.add(handler);
    if (this.#store.size > 0) {
      for (const object of this.#store.values()) this.#call(() => handler.onAdd?.(object));
      this.#call(() => handler.onBatchEnd?.());
    }
    return () => this.#handlers.delete(handler);
  }

  #replace(objects: readonly T[]): void {
    const gone = new Set(this.#store.keys());
    for (const object of objects) {
      const key = keyOf(object);
      gone.delete(key);
      const old = this.#store.get(key);
      if (!old || old.metadata.resourceVersion !== object.metadata.resourceVersion) this.#put(key, object);
    }
    for (const key of gone) this.#remove(key, undefined);
    this.#endBatch();
    if (this.#synced) return;
    this.#synced = true;
    for (const callback of this.#onSynced.splice(0)) callback();
  }

  #apply(events: readonly WatchEvent<T>[]): void {
    for (const { type, object } of events) {
      const key = keyOf(object);
      if (type === 'DELETED') this.#remove(key, object);
      else this.#put(key, object);
    }
    this.#endBatch();
  }

  #put(key: string, arrived: T): void {
    const old = this.#store.get(key);
    // Another object may have taken the name while we were not looking: that is an end and a beginning.
    if (old && old.metadata.uid !== arrived.metadata.uid) {
      this.#remove(key, undefined);
      this.#put(key, arrived);
      return;
    }
    const object = shareEqual(old ?? this.#newest ?? arrived, arrived);
    if (!old) this.#newest = object;
    this.#store.set(key, object);
    for (const index of this.#indexes.values()) {
      if (old) moveInIndex(index, key, old, object);
      else addToIndex(index, key, object);
    }
    for (const handler of this.#handlers) {
      try {
        if (old) handler.onUpdate?.(old, object);
        else handler.onAdd?.(object);
      } catch (error) {
        this.#onHandlerFailed(error);
      }
    }
  }

  #remove(key: string, last: T | undefined): void {
    const old = this.#store.get(key);
    if (!old) return;
    this.#store.delete(key);
    for (const index of this.#indexes.values()) for (const value of index.valuesOf(old)) removeFromIndex(index, key, value);
    const object = last ?? old;
    for (const handler of this.#handlers) this.#call(() => handler.onDelete?.(object));
  }

  #endBatch(): void {
    for (const handler of this.#handlers) this.#call(() => handler.onBatchEnd?.());
  }

  #call(notify: () => void): void {
    try {
      notify();
    } catch (error) {
      this.#onHandlerFailed(error);
    }
  }

  /** One handler's bug must not keep changes from the others. */
  #onHandlerFailed(error: unknown): void {
    this.#logger.error('informer handler failed', { resource: this.resource.resource, error });
  }
}

function addToIndex<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.valuesOf(object)) put(index, value, key, object);
}

function put<T>(index: Index<T>, value: string, key: string, object: T): void {
  const entry = index.entries.get(value);
  if (entry) entry.set(key, object);
  else index.entries.set(value, new Map([[key, object]]));
}

function moveInIndex<T>(index: Index<T>, key: string, old: T, object: T): void {
  const after = index.valuesOf(object);
  for (const value of index.valuesOf(old)) if (!after.includes(value)) removeFromIndex(index, key, value);
  for (const value of after) put(index, value, key, object);
}

function removeFromIndex<T>(index: Index<T>, key: string, value: string): void {
  const entry = index.entries.get(value);
  entry?.delete(key);
  if (entry?.size === 0) index.entries.delete(value);
}
