/**
 * What Coxswain asks of a store. The semantics are etcd's: one revision for the
 * whole store, raised by one with every commit; a key carries the revision that
 * created it and the one that last changed it; the past can be read and watched
 * until it is compacted.
 *
 * Implementations: memory/, sqlite/, etcd/. `conformance/` holds the one suite
 * that all of them pass.
 */
export type Revision = number;

export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  /** The `hint` of the put that made this version, where the store still has it in this process. */
  readonly hint?: unknown;
}

export interface RangeOptions {
  /** Keys in [from, to), in byte order. */
  readonly from: string;
  readonly to: string;
  /** As of this revision; now if left out. A compacted one throws CompactedError, a future one FutureRevisionError. */
  readonly revision?: Revision;
  /** At most so many items; the rest is counted in `count`. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

export interface RangeResult {
  readonly items: readonly KeyValue[];
  /** True where `limit` left some out. */
  readonly more: boolean;
  /** How many keys the whole range holds. */
  readonly count: number;
  /** The store's revision at the time of the read. */
  readonly revision: Revision;
}

/** One conditional change of one key. */
export interface Commit {
  readonly key: string;
  /** The modRevision that the key must have; 0 = it must not exist; undefined = whatever it has. */
  readonly expected: Revision | undefined;
  /** The new value; undefined deletes the key. */
  readonly value: Uint8Array | undefined;
  /** The key goes when the lease does. */
  readonly lease?: LeaseId;
  /** Handed, as it is, to watchers in this process: saves them parsing what the writer knew. Never stored. */
  readonly hint?: unknown;
}

export type CommitResult =
  /** Durable: it survives a crash from here on. `previous` is what was there before. */
  | { readonly outcome: 'committed'; readonly revision: Revision; readonly previous: KeyValue | undefined }
  /**
   * Nothing changed; `current` is what stands there instead of what was expected (undefined = nothing). It may not be
   * durable yet: another commit can build on it at once, but nobody may be told of it before `settled`.
   */
  | { readonly outcome: 'conflict'; readonly current: KeyValue | undefined; readonly settled: Promise<void> };

export interface WatchOptions {
  readonly from: string;
  readonly to: string;
  /** The first revision that is wanted. A compacted one ends the watch with CompactedError. */
  readonly startRevision: Revision;
  readonly signal?: AbortSignal;
}

export type WatchEvent =
  | { readonly type: 'put'; readonly current: KeyValue; readonly previous: KeyValue | undefined }
  | {
      readonly type: 'delete';
      readonly key: string;
      /** The revision of the deletion. */
      readonly revision: Revision;
      readonly previous: KeyValue | undefined;
    };

/**
 * Events in revision order, each exactly once, never before they are durable.
 * An empty batch is a progress mark: nothing in the range up to `revision` is
 * still to come.
 */
export interface WatchBatch {
  readonly events: readonly WatchEvent[];
  /** Everything up to and including this revision has been delivered. */
  readonly revision: Revision;
  /** When the first of the events became readable, in monotonic milliseconds; left out where that was before this watch began. */
  readonly readableAt?: number;
}

export type LeaseId = string;

export interface Store {
  /** The latest durable revision. Linearizable: asks the quorum where there is one. */
  currentRevision(): Promise<Revision>;
  get(key: string, options?: { readonly revision?: Revision; readonly signal?: AbortSignal }): Promise<KeyValue | undefined>;
  range(options: RangeOptions): Promise<RangeResult>;
  commit(commit: Commit): Promise<CommitResult>;
  /** Bounded: a reader that falls too far behind gets SlowReaderError and starts again. */
  watch(options: WatchOptions): AsyncIterable<WatchBatch>;
  /** Asks for a progress batch on every watch soon. */
  requestProgress(): void;
  /** Forgets all revisions before `revision` but for each key's latest. */
  compact(revision: Revision): Promise<void>;
  compactedRevision(): Revision;
  /** Grants a lease of `ttlSeconds`; keys put with it vanish when it ends unrenewed. */
  grantLease(ttlSeconds: number): Promise<LeaseId>;
  /** Starts the time of a lease anew; false if it has ended. */
  renewLease(lease: LeaseId): Promise<boolean>;
  /** Ends a lease now, and deletes its keys. */
  revokeLease(lease: LeaseId): Promise<void>;
  /** Size on disk (or in memory) in bytes. */
  sizeBytes(): Promise<number>;
  /** Commits under way finish; later ones reject with StoreClosedError. */
  close(): Promise<void>;
}

export class CompactedError extends Error {
  override readonly name = 'CompactedError';
  readonly compactedRevision: Revision;
  constructor(compactedRevision: Revision) {
    super(`required revision has been compacted (compacted: ${compactedRevision})`);
    this.compactedRevision = compactedRevision;
  }
}

export class FutureRevisionError extends Error {
  override readonly name = 'FutureRevisionError';
  readonly currentRevision: Revision;
  constructor(currentRevision: Revision) {
    super(`required revision is a future revision (current: ${currentRevision})`);
    this.currentRevision = currentRevision;
  }
}

export class SlowReaderError extends Error {
  override readonly name = 'SlowReaderError';
}

export class StoreClosedError extends Error {
  override readonly name = 'StoreClosedError';
}

/** The end of the range of all keys that start with `prefix`. */
export function prefixEnd(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
