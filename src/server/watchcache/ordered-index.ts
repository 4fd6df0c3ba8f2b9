/**
 * All current entries in key order, in chunks that are copied only when a
 * snapshot still refers to them. Taking a snapshot costs nothing; keeping one
 * costs the chunks that changed since.
 */
import type { CacheEntry } from './cache-entry.ts';

interface Chunk {
  readonly entries: CacheEntry[];
  /** The generation that may change it in place. */
  readonly generation: number;
}

const chunkMax = 256;
const chunkMin = 48;

export class OrderedIndex {
  #chunks: Chunk[] = [];
  #size = 0;
  #generation = 0;
  /** True while a snapshot shares the outer array. */
  #shared = false;

  get size(): number {
    return this.#size;
  }

  /** Puts `entry` in the place of the one with its key, or adds it. */
  set(entry: CacheEntry): void {
    const { key } = entry;
    if (this.#chunks.length === 0) {
      this.#outer().push({ entries: [entry], generation: this.#generation });
      this.#size = 1;
      return;
    }
    const at = chunkFor(this.#chunks, key);
    const place = lowerBound((this.#chunks[at] as Chunk).entries, key);
    const entries = this.#writable(at);
    if (place < entries.length && (entries[place] as CacheEntry).key === key) {
      entries[place] = entry;
      return;
    }
    this.#size++;
    if (entries.length < chunkMax) {
      entries.splice(place, 0, entry);
      return;
    }
    // Appending in order, as a load does, fills chunks instead of halving them.
    if (place === entries.length && at === this.#chunks.length - 1) {
      this.#outer().push({ entries: [entry], generation: this.#generation });
      return;
    }
    entries.splice(place, 0, entry);
    const upper = entries.splice(entries.length >> 1);
    this.#outer().splice(at + 1, 0, { entries: upper, generation: this.#generation });
  }

  delete(key: string): void {
    if (this.#chunks.length === 0) return;
    const at = chunkFor(this.#chunks, key);
    const place = lowerBound((this.#chunks[at] as Chunk).entries, key);
    if ((this.#chunks[at] as Chunk).entries[place]?.key !== key) return;
    const entries = this.#writable(at);
    entries.splice(place, 1);
    this.#size--;
    if (entries.length === 0) {
      this.#outer().splice(at, 1);
      return;
    }
    const next = this.#chunks[at + 1];
    if (entries.length < chunkMin && next && entries.length + next.entries.length <= chunkMax - chunkMin) {
      entries.push(...next.entries);
      this.#outer().splice(at + 1, 1);
    }
  }

  snapshot(): IndexSnapshot {
    this.#shared = true;
    this.#generation++;
    return new IndexSnapshot(this.#chunks, this.#size);
  }

  #outer(): Chunk[] {
    if (this.#shared) {
      this.#chunks = this.#chunks.slice();
      this.#shared = false;
    }
    return this.#chunks;
  }

  #writable(at: number): CacheEntry[] {
    const chunk = this.#chunks[at] as Chunk;
    if (chunk.generation === this.#generation) return chunk.entries;
    const copy: Chunk = { entries: chunk.entries.slice(), generation: this.#generation };
    this.#outer()[at] = copy;
    return copy.entries;
  }
}

/** The entries as they were when it was taken. */
export class IndexSnapshot {
  readonly #chunks: readonly Chunk[];
  readonly size: number;

  constructor(chunks: readonly Chunk[], size: number) {
    this.#chunks = chunks;
    this.size = size;
  }

  /** Runs of the entries in [from, to) in order; '' as `to` means the end. */
  *runs(from: string, to: string): Generator<readonly CacheEntry[]> {
    if (this.#chunks.length === 0) return;
    for (let at = chunkFor(this.#chunks, from); at < this.#chunks.length; at++) {
      const { entries } = this.#chunks[at] as Chunk;
      const [first, last] = [entries[0] as CacheEntry, entries[entries.length - 1] as CacheEntry];
      if (to !== '' && first.key >= to) return;
      const whole = first.key >= from && (to === '' || last.key < to);
      const run = whole
        ? entries
        : entries.slice(lowerBound(entries, from), to === '' ? entries.length : lowerBound(entries, to));
      if (run.length > 0) yield run;
    }
  }

  count(from: string, to: string): number {
    if (from === '' && to === '') return this.size;
    let count = 0;
    for (const run of this.runs(from, to)) count += run.length;
    return count;
  }
}

/** The last chunk that begins at or before `key`, or the first. */
function chunkFor(chunks: readonly Chunk[], key: string): number {
  let low = 0;
  let high = chunks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (((chunks[middle] as Chunk).entries[0] as CacheEntry).key <= key) low = middle;
    else high = middle - 1;
  }
  return low;
}

function lowerBound(entries: readonly CacheEntry[], key: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle] as CacheEntry).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
