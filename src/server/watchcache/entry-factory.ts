/**
 * Makes cached entries of what the store delivers: bytes into an arena with
 * their resourceVersion, labels and fields from the writer's hint or, where
 * there is none, from the object. Values that repeat (namespaces, node names,
 * label sets of one workload) are kept once.
 */
import type { Labels } from '../../api/selectors/label-selector.ts';
import type { KeyValue } from '../../storage/contract.ts';
import { Arena, type ArenaSpace } from './arena.ts';
import { CacheEntry, type EntryIdentity } from './cache-entry.ts';
import type { CachedResource } from './cached-resource.ts';
import type { DerivedEncodings } from './derived-encodings.ts';
import type { IndexHint } from './index-hint.ts';
import { Projection } from './projection.ts';
import {
  inStorageForm,
  parseBytes,
  resourceVersionBytesMax,
  resourceVersionOffset,
  spliceInto,
  spliceResourceVersion,
} from './encoding.ts';

/** Beyond so many, a pool is emptied and fills anew. */
const poolMax = 16_384;

export class EntryFactory {
  readonly #resource: CachedResource;
  readonly #space: ArenaSpace;
  readonly #encodings: DerivedEncodings;
  readonly #projection: Projection;
  readonly #strings = new Map<string, string>();
  readonly #labelSets = new Map<string, Labels>();

  constructor(resource: CachedResource, space: ArenaSpace, encodings: DerivedEncodings) {
    this.#resource = resource;
    this.#space = space;
    this.#encodings = encodings;
    this.#projection = new Projection([['metadata', 'labels'], ...resource.selectable.paths]);
  }

  make(item: KeyValue): CacheEntry {
    const stored = inStorageForm(item.value);
    const arena = this.#space.reserve(stored.length + resourceVersionBytesMax);
    const offset = arena.used;
    const length = spliceInto(arena.buffer, offset, stored, resourceVersionOffset(stored), item.modRevision);
    const entry = new CacheEntry(this.#identity(item), this.#encodings, arena, offset, length);
    this.#space.adopt(entry);
    return entry;
  }

  /** An entry outside the arenas, for one answer. */
  makeTransient(item: KeyValue): CacheEntry {
    const bytes = spliceResourceVersion(item.value, item.modRevision);
    return new CacheEntry(this.#identity(item), this.#encodings, new Arena(bytes), 0, bytes.length);
  }

  #identity(item: KeyValue): EntryIdentity {
    const { labels, fields } = this.#hintOf(item);
    const key = item.key.slice(this.#resource.storagePrefix.length);
    const slash = this.#resource.namespaced ? key.indexOf('/') : -1;
    return {
      key,
      namespace: slash < 0 ? '' : this.#string(key.slice(0, slash)),
      modRevision: item.modRevision,
      createRevision: item.createRevision,
      labels: this.#labelSet(labels),
      fields: fields.map((value) => this.#string(value)),
    };
  }

  #hintOf(item: KeyValue): IndexHint {
    const hint = item.hint as Partial<IndexHint> | undefined;
    const { selectable } = this.#resource;
    if (hint?.fields?.length === selectable.names.length) return hint as IndexHint;
    const object = this.#projection.of(item.value) ?? parseBytes(item.value);
    return { labels: object.metadata?.labels, fields: selectable.valuesOf(object) };
  }

  #string(value: string): string {
    if (value === '') return '';
    const known = this.#strings.get(value);
    if (known !== undefined) return known;
    if (this.#strings.size >= poolMax) this.#strings.clear();
    this.#strings.set(value, value);
    return value;
  }

  #labelSet(labels: Labels | undefined): Labels | undefined {
    if (labels === undefined) return undefined;
    let text = '';
    for (const key in labels) text += `${key}=${labels[key]},`;
    if (text === '') return undefined;
    const known = this.#labelSets.get(text);
    if (known) return known;
    if (this.#labelSets.size >= poolMax) this.#labelSets.clear();
    this.#labelSets.set(text, labels);
    return labels;
  }
}
