/**
 * The store that decides for itself: memory/ and sqlite/ are this with two
 * journals. Compare-and-swap and revisions are decided on the caller's thread,
 * at the call, against an index in memory; the journal makes them last, a group
 * at a time: one is acknowledged, one is under way, one is gathering.
 *
 * Invariants: revisions up to `#durable` have been told to everyone, those after
 * it to nobody; reads and watches never see past `#durable`, later commits do.
 * Values held in memory are those not durable yet and the recent ones.
 */
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import { turns } from '../../base/turns.ts';
import {
  CompactedError,
  FutureRevisionError,
  StoreClosedError,
  type Commit,
  type CommitResult,
  type KeyValue,
  type LeaseId,
  type RangeOptions,
  type RangeResult,
  type Revision,
  type Store,
  type WatchBatch,
  type WatchOptions,
} from '../contract.ts';
import { LeaseNotFoundError, StoreFailedError, StoreOverloadedError } from '../errors.ts';
import { assertKey } from '../key.ts';
import type { Bytes, Journal, JournalRecord } from './journal.ts';
import { alive, keyValue, KeyIndex, versionAt, type Version } from './key-index.ts';
import { LeaseBook } from './lease-book.ts';
import { emptyRevision, RevisionLog } from './revision-log.ts';
import { ValueRing } from './value-ring.ts';
import { watchStore, type WatchSource } from './watch.ts';
import { WatchHub } from '../watch/watch-hub.ts';

export const pendingCommitsMax = 10_000;
export const pendingBytesMax = 64 * 1024 * 1024;
const groupCommitsMax = 1000;
const acknowledgedAtOnce = 32;
const groupBytesMax = 8 * 1024 * 1024;
/** How many versions one step of a compaction drops, and how many values one read fetches. */
const stepVersions = 500;

export interface StoredVersion {
  readonly key: string;
  readonly revision: Revision;
  readonly createRevision: Revision;
  readonly lease: LeaseId | undefined;
}

export interface MvccStoreOptions {
  readonly clock: Clock;
  readonly journal: Journal;
  /** How many bytes of recent values stay in memory. */
  readonly recentBytesMax: number;
  readonly compactedRevision?: Revision;
  readonly leases?: ReadonlyMap<LeaseId, number>;
}

interface PendingCommit {
  readonly version: Version;
  /** What was there: its `previous`, unless that was a deletion. */
  readonly replaced: Version | undefined;
  /** Its value, where memory still had it. */
  readonly replacedValue: Bytes;
  readonly hint: unknown;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: Error) => void;
}

export class MvccStore implements Store {
  readonly #journal: Journal;
  readonly #index = new KeyIndex();
  readonly #log: RevisionLog;
  readonly #ring: ValueRing;
  readonly #leases: LeaseBook;
  readonly #watchSource: WatchSource;
  readonly #clock: Clock;
  #hub: WatchHub;
  #durable: Revision = emptyRevision;
  #compacted: Revision;
  #underWay: readonly PendingCommit[] = [];
  #gathering: PendingCommit[] = [];
  #pendingCount = 0;
  #pendingBytes = 0;
  #writing = false;
  /** Of the group before the one under way. */
  #acknowledged: Promise<void> = Promise.resolve();
  #waiting: {
    readonly revision: Revision;
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  #compaction: Promise<void> = Promise.resolve();
  #leftovers: Version[] = [];
  #closed = false;
  #failure: StoreFailedError | undefined;

  constructor(options: MvccStoreOptions) {
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#hub = new WatchHub(emptyRevision, options.clock);
    this.#compacted = options.compactedRevision ?? 0;
    this.#log = new RevisionLog(Math.max(this.#compacted, emptyRevision + 1));
    this.#ring = new ValueRing(options.recentBytesMax);
    this.#leases = new LeaseBook(options.clock, (lease) => {
      // A failure has been told to every caller of commit; the lease returns with the next start.
      this.revokeLease(lease).catch(() => {});
    });
    for (const [lease, ttlSeconds] of options.leases ?? []) this.#leases.add(lease, ttlSeconds);
    this.#watchSource = {
      log: this.#log,
      durable: () => this.#durable,
      compacted: () => this.#compacted,
      closed: () => this.#closed,
      subscribe: (from, to, startRevision) => this.#hub.subscribe(from, to, startRevision),
      values: (versions) => this.#values(versions),
    };
  }

  /** Takes in what the journal holds, in revision order, before the first call. */
  load(stored: StoredVersion): void {
    const { key, revision, createRevision, lease } = stored;
    const history = this.#index.ensure(key);
    const version: Version = {
      history,
      revision,
      createRevision,
      lease,
      value: undefined,
      previous: history.latest,
    };
    this.#leases.move(key, history.latest?.lease, lease);
    this.#index.setLatest(version);
    this.#durable = revision;
    if (revision >= this.#log.first) {
      this.#log.append(version);
      return;
    }
    // What a compaction that was cut short has left behind.
    if (version.previous !== undefined) this.#leftovers.push(version.previous);
    version.previous = undefined;
    if (alive(version)) return;
    this.#leftovers.push(version);
    this.#index.remove(history);
  }

  /** After the last `load`. */
  start(): void {
    this.#hub = new WatchHub(this.#durable, this.#clock);
    if (this.#leftovers.length > 0) this.#compaction = this.#clearLeftovers();
  }

  currentRevision(): Promise<Revision> {
    return Promise.resolve(this.#durable);
  }

  async get(
    key: string,
    options: { readonly revision?: Revision; readonly signal?: AbortSignal } = {},
  ): Promise<KeyValue | undefined> {
    const revision = this.#readRevision(options.revision);
    const history = this.#index.get(key);
    const version = history === undefined ? undefined : versionAt(history, revision);
    if (version === undefined) return undefined;
    if (version.value !== undefined) return keyValue(version, version.value);
    const [value] = await this.#values([version]);
    options.signal?.throwIfAborted();
    if (value !== undefined) return keyValue(version, value);
    if (options.revision !== undefined) throw new CompactedError(this.#compacted);
    return this.get(key, options);
  }

  async range(options: RangeOptions): Promise<RangeResult> {
    const { from, to, limit = Infinity, signal } = options;
    const revision = this.#readRevision(options.revision);
    const at = this.#durable;
    const found: Version[] = [];
    this.#index.scan(from, to, (history) => {
      const version = versionAt(history, revision);
      if (version !== undefined) found.push(version);
      return found.length !== limit;
    });
    const count = found.length === limit ? this.#countAt(options, revision) : found.length;
    const values = await this.#values(found, signal);
    if (values.includes(undefined)) {
      if (options.revision !== undefined) throw new CompactedError(this.#compacted);
      return this.range(options);
    }
    const items = found.map((version, place) => keyValue(version, values[place] as Uint8Array));
    return { items, more: count > items.length, count, revision: at };
  }

  async commit(commit: Commit): Promise<CommitResult> {
    this.#assertWritable();
    const bytes = commit.value?.byteLength ?? 0;
    if (this.#pendingCount >= pendingCommitsMax || this.#pendingBytes + bytes > pendingBytesMax) {
      throw new StoreOverloadedError('too many commits are waiting to become durable');
    }
    return this.#decide(commit);
  }

  watch(options: WatchOptions): AsyncIterable<WatchBatch> {
    return { [Symbol.asyncIterator]: () => watchStore(this.#watchSource, options) };
  }

  requestProgress(): void {
    this.#hub.requestProgress();
  }

  compact(revision: Revision): Promise<void> {
    this.#compaction = this.#compaction.catch(() => {}).then(() => this.#compactTo(revision));
    return this.#compaction;
  }

  compactedRevision(): Revision {
    return this.#compacted;
  }

  async grantLease(ttlSeconds: number): Promise<LeaseId> {
    this.#assertWritable();
    const lease = this.#leases.newId();
    await this.#journal.saveLease(lease, ttlSeconds);
    this.#leases.add(lease, ttlSeconds);
    return lease;
  }

  renewLease(lease: LeaseId): Promise<boolean> {
    return Promise.resolve(!this.#closed && this.#leases.renew(lease));
  }

  async revokeLease(lease: LeaseId): Promise<void> {
    this.#assertWritable();
    const keys = this.#leases.end(lease);
    if (keys === undefined) throw new LeaseNotFoundError(lease);
    for (let place = 0; place < keys.length; place += stepVersions) {
      // A key may have been put anew, without the lease, while the keys before it were deleted.
      const mine = keys
        .slice(place, place + stepVersions)
        .filter((key) => this.#index.get(key)?.latest?.lease === lease);
      await Promise.all(mine.map((key) => this.#decide({ key, expected: undefined, value: undefined })));
    }
    await this.#journal.dropLease(lease);
  }

  sizeBytes(): Promise<number> {
    return this.#journal.sizeBytes();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#leases.close();
    await Promise.allSettled([this.#whenDurable(this.#log.next - 1), this.#compaction]);
    this.#hub.end(new StoreClosedError('the store is closed'));
    await this.#journal.close();
  }

  #assertWritable(): void {
    if (this.#closed) throw new StoreClosedError('the store is closed');
    if (this.#failure) throw this.#failure;
  }

  #readRevision(asked: Revision | undefined): Revision {
    if (this.#closed) throw new StoreClosedError('the store is closed');
    if (asked === undefined) return this.#durable;
    if (asked < this.#compacted) throw new CompactedError(this.#compacted);
    if (asked > this.#durable) throw new FutureRevisionError(this.#durable);
    return asked;
  }

  /** From how many live now, by undoing what came since; or, where much came since, by looking at each key. */
  #countAt({ from, to }: RangeOptions, revision: Revision): number {
    let count = this.#index.countLive(from, to);
    if (this.#log.next - revision <= count) {
      for (let later = revision + 1; later < this.#log.next; later++) {
        const { history, createRevision, previous } = this.#log.at(later);
        if (history.key < from || history.key >= to) continue;
        if (createRevision === later) count--;
        else if (createRevision === 0 && previous !== undefined) count++;
      }
      return count;
    }
    count = 0;
    this.#index.scan(from, to, (history) => {
      if (versionAt(history, revision) !== undefined) count++;
      return true;
    });
    return count;
  }

  #decide(commit: Commit): Promise<CommitResult> {
    const { key, expected, value } = commit;
    const lease = value === undefined ? undefined : commit.lease;
    assertKey(key);
    const standing = this.#index.get(key)?.latest;
    const replaced = alive(standing);
    if (expected !== undefined && expected !== (replaced?.revision ?? 0)) return this.#conflict(standing);
    if (value === undefined && replaced === undefined) return this.#nothingToDelete(standing);
    if (lease !== undefined && !this.#leases.has(lease)) return Promise.reject(new LeaseNotFoundError(lease));

    const history = this.#index.ensure(key);
    const revision = this.#log.next;
    const version: Version = {
      history,
      revision,
      createRevision: value === undefined ? 0 : (replaced?.createRevision ?? revision),
      lease,
      value: value === undefined ? undefined : this.#ring.copy(value),
      previous: standing,
    };
    this.#index.setLatest(version);
    this.#log.append(version);
    this.#ring.hold(version);
    this.#leases.move(key, standing?.lease, lease);
    this.#pendingCount++;
    this.#pendingBytes += value?.byteLength ?? 0;
    return new Promise((resolve, reject) => {
      this.#gathering.push({ version, replaced, replacedValue: replaced?.value, hint: commit.hint, resolve, reject });
      if (!this.#writing) {
        this.#writing = true;
        turns.atEnd(() => void this.#write());
      }
    });
  }

  async #conflict(standing: Version | undefined): Promise<CommitResult> {
    const settled = standing === undefined ? Promise.resolve() : this.#whenDurable(standing.revision);
    // Who builds on what stands there has no need to wait, and will hear of a failure from the commit.
    settled.catch(() => {});
    const version = alive(standing);
    if (version === undefined) return { outcome: 'conflict', current: undefined, settled };
    const value = version.value ?? (await this.#values([version]))[0];
    if (value === undefined) return this.#conflict(version.history.latest);
    return { outcome: 'conflict', current: keyValue(version, value), settled };
  }

  async #nothingToDelete(standing: Version | undefined): Promise<CommitResult> {
    if (standing !== undefined) await this.#whenDurable(standing.revision);
    return { outcome: 'committed', revision: this.#durable, previous: undefined };
  }

  #whenDurable(revision: Revision): Promise<void> {
    if (revision <= this.#durable) return Promise.resolve();
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiting.push({ revision, resolve, reject }));
  }

  /** Writes group after group until none is left; one is acknowledged while the next is written. */
  async #write(): Promise<void> {
    try {
      while (this.#gathering.length > 0) {
        const group = this.#nextGroup();
        this.#underWay = group;
        const wanted = await this.#journal.append(group.map(journalRecord));
        await this.#acknowledged;
        this.#underWay = [];
        this.#acknowledged = this.#acknowledgeAll(group, wanted);
        this.#acknowledged.catch((error: unknown) => this.#fail(error, group));
      }
      this.#writing = false;
    } catch (error) {
      this.#fail(error, this.#underWay);
    }
  }

  #nextGroup(): PendingCommit[] {
    let count = 0;
    let bytes = 0;
    for (const { version } of this.#gathering) {
      bytes += version.value?.byteLength ?? 0;
      if (count > 0 && (count >= groupCommitsMax || bytes > groupBytesMax)) break;
      count++;
    }
    const rest = this.#gathering.splice(count);
    const group = this.#gathering;
    this.#gathering = rest;
    return group;
  }

  /** In slices: what those who waited do next runs at once, and a whole group of it would hold the loop up. */
  async #acknowledgeAll(group: readonly PendingCommit[], wanted: readonly Bytes[]): Promise<void> {
    for (let from = 0; from < group.length; from += acknowledgedAtOnce) {
      if (from > 0) await new Promise<void>((resolve) => turns.step(resolve));
      this.#acknowledge(
        group.slice(from, from + acknowledgedAtOnce),
        wanted.slice(from, from + acknowledgedAtOnce),
      );
    }
    this.#ring.trim(this.#durable);
  }

  #acknowledge(group: readonly PendingCommit[], wanted: readonly Bytes[]): void {
    for (const [place, { version, replaced, replacedValue, hint, resolve }] of group.entries()) {
      const { revision, value } = version;
      this.#durable = revision;
      this.#pendingCount--;
      this.#pendingBytes -= value?.byteLength ?? 0;
      const previousValue = replacedValue ?? wanted[place];
      assert(replaced === undefined || previousValue !== undefined, 'what a commit replaces is still stored');
      const previous = replaced === undefined ? undefined : keyValue(replaced, previousValue as Uint8Array);
      const { key } = version.history;
      if (this.#hub.watched(key)) {
        this.#hub.push(
          key,
          value === undefined
            ? { type: 'delete', key, revision, previous }
            : { type: 'put', current: keyValue(version, value, hint), previous },
        );
      }
      resolve({ outcome: 'committed', revision, previous });
    }
    this.#hub.advance(this.#durable);
    this.#wake();
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((waiter) => waiter.revision > this.#durable);
    for (const waiter of waiting) if (waiter.revision <= this.#durable) waiter.resolve();
  }

  /** What was promised to nobody stays in the index, out of every reader's sight, until the store is opened anew. */
  #fail(cause: unknown, group: readonly PendingCommit[]): void {
    const failure = new StoreFailedError(cause);
    this.#failure = failure;
    for (const pending of [...group, ...this.#underWay, ...this.#gathering]) pending.reject(failure);
    this.#underWay = [];
    this.#gathering = [];
    for (const waiter of this.#waiting) waiter.reject(failure);
    this.#waiting = [];
  }

  async #values(versions: readonly Version[], signal?: AbortSignal): Promise<Bytes[]> {
    const values = versions.map((version) => version.value);
    const missing: number[] = [];
    for (const [place, value] of values.entries()) if (value === undefined) missing.push(place);
    for (let at = 0; at < missing.length; at += stepVersions) {
      signal?.throwIfAborted();
      const places = missing.slice(at, at + stepVersions);
      const read = await this.#journal.read(places.map((place) => (versions[place] as Version).revision));
      for (const [nth, place] of places.entries()) values[place] = read[nth];
    }
    return values;
  }

  /**
   * A version dies with the log entry that superseded it, and a deletion with its
   * own: every revision that can still be read or watched, and what each
   * watchable one replaced, is there until then.
   */
  async #compactTo(revision: Revision): Promise<void> {
    this.#assertWritable();
    if (revision > this.#durable) throw new FutureRevisionError(this.#durable);
    if (revision < this.#compacted) throw new CompactedError(this.#compacted);
    this.#compacted = revision;
    do {
      const dead: Version[] = [];
      for (const version of this.#log.dropBefore(revision, stepVersions)) {
        if (version.previous !== undefined && alive(version.previous)) dead.push(version.previous);
        version.previous = undefined;
        if (alive(version)) continue;
        dead.push(version);
        this.#removeDeletion(version);
      }
      await this.#journal.forget(revision, dead);
    } while (this.#log.first < revision);
  }

  async #clearLeftovers(): Promise<void> {
    while (this.#leftovers.length > 0) {
      await this.#journal.forget(this.#compacted, this.#leftovers.splice(0, stepVersions));
    }
  }

  #removeDeletion(deletion: Version): void {
    const { history } = deletion;
    if (history.latest === deletion) {
      this.#index.remove(history);
      return;
    }
    let next = history.latest;
    while (next !== undefined && next.previous !== deletion) next = next.previous;
    if (next !== undefined) next.previous = undefined;
  }
}

function journalRecord({ version, replaced, replacedValue }: PendingCommit): JournalRecord {
  return { version, wanted: replaced !== undefined && replacedValue === undefined ? replaced.revision : undefined };
}
