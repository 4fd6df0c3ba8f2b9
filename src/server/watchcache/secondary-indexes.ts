/**
 * From a field's or a label's value to the keys of the objects that have it.
 * Fields are indexed from the start; a label key only once a list has asked for
 * it, since most label keys never are and each costs memory.
 */
import type { CacheEntry } from './cache-entry.ts';
import type { CachedResource } from './cached-resource.ts';
import type { Selection } from './selection.ts';

const labelIndexesMax = 16;
/** Where a look-up finds more than this share of all objects, reading them in order is cheaper than sorting. */
const worthwhileShare = 1 / 8;

class Postings {
  readonly #keys = new Map<string, Set<string>>();

  add(value: string, key: string): void {
    let keys = this.#keys.get(value);
    if (!keys) this.#keys.set(value, (keys = new Set()));
    keys.add(key);
  }

  delete(value: string, key: string): void {
    const keys = this.#keys.get(value);
    if (keys?.delete(key) && keys.size === 0) this.#keys.delete(value);
  }

  get(value: string): ReadonlySet<string> | undefined {
    return this.#keys.get(value);
  }
}

const none: ReadonlySet<string> = new Set();

export class SecondaryIndexes {
  /** By index of the field. */
  readonly #fields = new Map<number, Postings>();
  /** By label key, least recently used first. */
  readonly #labels = new Map<string, Postings>();
  readonly #current: ReadonlyMap<string, CacheEntry>;

  constructor(resource: CachedResource, current: ReadonlyMap<string, CacheEntry>) {
    this.#current = current;
    for (const name of resource.indexedFields)
      this.#fields.set(resource.selectable.names.indexOf(name), new Postings());
  }

  change(current: CacheEntry | undefined, previous: CacheEntry | undefined): void {
    const key = (current ?? previous)?.key as string;
    for (const [index, postings] of this.#fields) {
      move(postings, key, current?.fields[index], previous?.fields[index]);
    }
    for (const [label, postings] of this.#labels) {
      move(postings, key, labelOf(current, label), labelOf(previous, label));
    }
  }

  /** All matches are among these, in key order; undefined where no index helps. */
  candidates(selection: Selection): CacheEntry[] | undefined {
    const keys = this.#lookUp(selection);
    if (!keys || keys.size > 64 + this.#current.size * worthwhileShare) return undefined;
    return [...keys].sort().map((key) => this.#current.get(key) as CacheEntry);
  }

  #lookUp({ exactField, exactLabel }: Selection): ReadonlySet<string> | undefined {
    if (exactField) return this.#fields.get(exactField.index)?.get(exactField.value) ?? none;
    if (exactLabel) return this.#labelPostings(exactLabel.key).get(exactLabel.value) ?? none;
    return undefined;
  }

  #labelPostings(label: string): Postings {
    let postings = this.#labels.get(label);
    if (postings) this.#labels.delete(label);
    else {
      postings = new Postings();
      for (const entry of this.#current.values()) {
        const value = labelOf(entry, label);
        if (value !== undefined) postings.add(value, entry.key);
      }
      if (this.#labels.size >= labelIndexesMax)
        this.#labels.delete(this.#labels.keys().next().value as string);
    }
    this.#labels.set(label, postings);
    return postings;
  }
}

function labelOf(entry: CacheEntry | undefined, label: string): string | undefined {
  const labels = entry?.labels;
  return labels !== undefined && Object.hasOwn(labels, label) ? labels[label] : undefined;
}

function move(postings: Postings, key: string, now: string | undefined, before: string | undefined): void {
  if (now === before) return;
  if (before !== undefined) postings.delete(before, key);
  if (now !== undefined) postings.add(now, key);
}
