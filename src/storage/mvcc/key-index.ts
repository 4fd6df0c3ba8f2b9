/**
 * From key to versions, in key order: the index that the stores which keep
 * their own log hold in memory.
 *
 * A key's versions are a chain from the newest to the oldest. Keys stand sorted
 * in chunks of at most `chunkCapacity`: finding is two binary searches,
 * inserting moves at most one chunk, and a range walks plain arrays. Each chunk
 * counts its live keys, so that counting a range does not walk it. A map
 * beside it finds a single key without comparing strings. The chunks are made at
 * the first scan: a start brings its keys unordered, and one sort costs a tenth
 * of as many insertions.
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
  /** The newest version, which may not be durable yet; set by KeyIndex.setLatest. Undefined until the first. */
  readonly latest: Version | undefined;
}

const chunkCapacity = 512;

interface Chunk {
  readonly histories: MutableHistory[];
  /** How many of them have a newest version that is not a deletion. */
  live: number;
}

interface MutableHistory extends KeyHistory {
  latest: Version | undefined;
}

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
  readonly #byKey = new Map<string, MutableHistory>();
  /** Never an empty chunk; the first key of each chunk is greater than the last of the one before. */
  #chunks: Chunk[] | undefined;

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
    const history: MutableHistory = { key, latest: undefined };
    this.#byKey.set(key, history);
    if (this.#chunks) insert(this.#chunks, history);
    return history;
  }

  setLatest(version: Version): void {
    const history = version.history as MutableHistory;
    const change = Number(alive(version) !== undefined) - Number(alive(history.latest) !== undefined);
    history.latest = version;
    if (change !== 0 && this.#chunks) chunkOf(this.#chunks, history.key).live += change;
  }

  /** Takes out a key whose newest version is a deletion. */
  remove(history: KeyHistory): void {
    assert(alive(history.latest) === undefined, 'only a deleted key leaves the index');
    if (this.#byKey.delete(history.key) && this.#chunks) remove(this.#chunks, history);
  }

  /** Calls `visit` for each key in [from, to) in order, until it returns false. */
  scan(from: string, to: string, visit: (history: KeyHistory) => boolean): void {
    this.#chunks ??= chunksOf(this.#byKey);
    let at = Math.max(0, chunkFor(this.#chunks, from));
    let place = lowerBound(this.#chunks[at]?.histories ?? [], from);
    for (let chunk = this.#chunks[at]; chunk !== undefined; chunk = this.#chunks[++at]) {
      for (; place < chunk.histories.length; place++) {
        const history = chunk.histories[place] as KeyHistory;
        if (history.key >= to || !visit(history)) return;
      }
      place = 0;
    }
  }

  /** How many keys in [from, to) have a newest version that is not a deletion. */
  countLive(from: string, to: string): number {
    if (from >= to) return 0;
    this.#chunks ??= chunksOf(this.#byKey);
    return liveBefore(this.#chunks, to) - liveBefore(this.#chunks, from);
  }
}

function liveBefore(chunks: readonly Chunk[], key: string): number {
  const last = chunkFor(chunks, key);
  let live = 0;
  for (let at = 0; at < last; at++) live += (chunks[at] as Chunk).live;
  const edge = chunks[last]?.histories ?? [];
  return live + countLive(edge, lowerBound(edge, key));
}

function countLive(histories: readonly KeyHistory[], end = histories.length): number {
  let live = 0;
  for (let place = 0; place < end; place++) if (alive(histories[place]?.latest)) live++;
  return live;
}

function chunk(histories: MutableHistory[]): Chunk {
  return { histories, live: countLive(histories) };
}

function chunksOf(byKey: ReadonlyMap<string, MutableHistory>): Chunk[] {
  const keys = [...byKey.keys()].sort();
  const chunks: Chunk[] = [];
  const fill = chunkCapacity * 0.75;
  for (let at = 0; at < keys.length; at += fill) {
    chunks.push(chunk(keys.slice(at, at + fill).map((key) => byKey.get(key) as MutableHistory)));
  }
  return chunks;
}

function insert(chunks: Chunk[], history: MutableHistory): void {
  const at = Math.max(0, chunkFor(chunks, history.key));
  const histories = chunks[at]?.histories;
  if (histories === undefined) {
    chunks.push(chunk([history]));
    return;
  }
  histories.splice(lowerBound(histories, history.key), 0, history);
  if (histories.length <= chunkCapacity) return;
  // The last is split near its end: keys that arrive in order leave full chunks behind.
  const last = at === chunks.length - 1;
  const upper = histories.splice(last ? chunkCapacity - 8 : chunkCapacity >>> 1);
  chunks.splice(at, 1, chunk(histories), chunk(upper));
}

function remove(chunks: Chunk[], history: KeyHistory): void {
  const at = chunkFor(chunks, history.key);
  const { histories } = chunkOf(chunks, history.key);
  const place = lowerBound(histories, history.key);
  assert(histories[place] === history, 'an indexed key stands in its chunk');
  histories.splice(place, 1);
  const next = chunks[at + 1];
  if (histories.length === 0) chunks.splice(at, 1);
  else if (next !== undefined && histories.length + next.histories.length <= chunkCapacity >>> 1) {
    chunks.splice(at, 2, chunk([...histories, ...next.histories]));
  }
}

function chunkOf(chunks: readonly Chunk[], key: string): Chunk {
  const found = chunks[chunkFor(chunks, key)];
  assert(found !== undefined, 'an indexed key has a chunk');
  return found;
}

/** The last chunk whose first key is not after `key`; -1 where there is none. */
function chunkFor(chunks: readonly Chunk[], key: string): number {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const first = chunks[middle]?.histories[0] as KeyHistory;
    if (first.key <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function lowerBound(histories: readonly KeyHistory[], key: string): number {
  let low = 0;
  let high = histories.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((histories[middle] as KeyHistory).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
