/**
 * From key to versions, in key order: the index that the stores which keep
 * their own log hold in memory.
 *
 * A key's versions are a chain from the newest to the oldest. Keys stand sorted
 * in chunks of at most `chunkCapacity`: finding is two binary searches,
 * inserting moves at most one chunk, and a range walks plain arrays. A map
 * beside it finds a single key without comparing strings.
 */
import { assert } from '../../base/assert.ts';
import type { KeyValue, LeaseId, Revision } from '../contract.ts';

export interface Version {
  readonly history: KeyHistory;
  readonly revision: Revision;
  /** 0 marks a deletion. */
  readonly createRevision: Revision;
  readonly lease: LeaseId | undefined;
  /** The bytes, where they are held in memory; always undefined for a deletion. */
  value: Uint8Array | undefined;
  /** The version that this one replaced, until that one is forgotten. */
  previous: Version | undefined;
}

export interface KeyHistory {
  readonly key: string;
  /** The newest version, which may not be durable yet. Undefined only while the first is being made. */
  latest: Version | undefined;
}

const chunkCapacity = 512;

/** What stands there as a value: undefined for a deletion as for nothing. */
export function alive(version: Version | undefined): Version | undefined {
  return version !== undefined && version.createRevision !== 0 ? version : undefined;
}

/** The version of the key at `revision`, or undefined where it did not exist. */
export function versionAt(history: KeyHistory, revision: Revision): Version | undefined {
  let version = history.latest;
  while (version !== undefined && version.revision > revision) version = version.previous;
  return alive(version);
}

export function keyValue(version: Version, value: Uint8Array, hint?: unknown): KeyValue {
  const { revision, createRevision, history } = version;
  const base = { key: history.key, value, createRevision, modRevision: revision };
  return hint === undefined ? base : { ...base, hint };
}

export class KeyIndex {
  readonly #byKey = new Map<string, KeyHistory>();
  /** Never an empty chunk; the first key of each chunk is greater than the last of the one before. */
  readonly #chunks: KeyHistory[][] = [];

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): KeyHistory | undefined {
    return this.#byKey.get(key);
  }

  /** The history of `key`; a new one, without versions, where there was none. */
  ensure(key: string): KeyHistory {
    const known = this.#byKey.get(key);
    if (known) return known;
    const history: KeyHistory = { key, latest: undefined };
    this.#byKey.set(key, history);
    const at = Math.max(0, this.#chunkFor(key));
    const chunk = this.#chunks[at];
    if (chunk === undefined) this.#chunks.push([history]);
    else {
      chunk.splice(lowerBound(chunk, key), 0, history);
      if (chunk.length > chunkCapacity) this.#split(at, chunk);
    }
    return history;
  }

  remove(history: KeyHistory): void {
    if (!this.#byKey.delete(history.key)) return;
    const at = this.#chunkFor(history.key);
    const chunk = this.#chunks[at];
    assert(chunk !== undefined, 'an indexed key has a chunk');
    const place = lowerBound(chunk, history.key);
    assert(chunk[place] === history, 'an indexed key stands in its chunk');
    chunk.splice(place, 1);
    this.#shrink(at, chunk);
  }

  /** Calls `visit` for each key in [from, to) in order, until it returns false. */
  scan(from: string, to: string, visit: (history: KeyHistory) => boolean): void {
    let at = Math.max(0, this.#chunkFor(from));
    let chunk = this.#chunks[at];
    let place = chunk === undefined ? 0 : lowerBound(chunk, from);
    while (chunk !== undefined) {
      for (; place < chunk.length; place++) {
        const history = chunk[place] as KeyHistory;
        if (history.key >= to || !visit(history)) return;
      }
      chunk = this.#chunks[++at];
      place = 0;
    }
  }

  /** The last chunk whose first key is not after `key`; -1 where there is none. */
  #chunkFor(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle] as [KeyHistory])[0].key <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The last chunk is split near its end: keys that arrive in order then leave full chunks behind. */
  #split(at: number, chunk: KeyHistory[]): void {
    const last = at === this.#chunks.length - 1;
    this.#chunks.splice(at + 1, 0, chunk.splice(last ? chunkCapacity - 8 : chunkCapacity >>> 1));
  }

  #shrink(at: number, chunk: KeyHistory[]): void {
    if (chunk.length === 0) {
      this.#chunks.splice(at, 1);
      return;
    }
    const next = this.#chunks[at + 1];
    if (next === undefined || chunk.length + next.length > chunkCapacity >>> 1) return;
    for (const history of next) chunk.push(history);
    this.#chunks.splice(at + 1, 1);
  }
}

function lowerBound(chunk: readonly KeyHistory[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((chunk[middle] as KeyHistory).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
