/**
 * The watch cache of one resource: its objects as of the store's latest
 * revision or a little before, its recent history, and the watchers that are
 * fed from both. Everything a client reads comes from here, as bytes.
 *
 * Fed by WatchCacheSet: `load` once, then `apply` in revision order, `replace`
 * when the store's history was lost. What follows a read: http/read-path.ts and
 * watch-path.ts write the entries' bytes.
 */
import {
  badRequest,
  internalError,
  resourceExpired,
  tooLargeResourceVersion,
  ApiError,
} from '../../api/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import {
  CompactedError,
  type KeyValue,
  type Revision,
  type Store,
  type WatchEvent,
} from '../../storage/contract.ts';
import type { ArenaSpace } from './arena.ts';
import type { CacheEntry } from './cache-entry.ts';
import type { CachedResource } from './cached-resource.ts';
import type { CacheMetrics, LatencySink, ResourceMetrics } from './cache-metrics.ts';
import type { FrameEncoding, FrameType, Turns, WatchCacheLimits } from './contract.ts';
import { decodeContinue, encodeContinueAt } from './continue-token.ts';
import type { Delivery, ServedMark } from './delivery.ts';
import type { DerivedEncodings } from './derived-encodings.ts';
import { EntryFactory } from './entry-factory.ts';
import { jsonLines } from './frames.ts';
import type { Freshness } from './freshness.ts';
import { CacheEvent, History } from './history.ts';
import {
  parseResourceVersion,
  validateReadOptions,
  type ListRequest,
  type WatchRequest,
} from './list-options.ts';
import {
  pageOfCandidates,
  pageOfSnapshot,
  pageOfStore,
  rangeOf,
  type ListResult,
  type Page,
} from './listing.ts';
import { ObjectTable } from './object-table.ts';
import type { IndexSnapshot } from './ordered-index.ts';
import { replacementEvents } from './replacement.ts';
import { Selection } from './selection.ts';
import { Snapshots } from './snapshots.ts';
import { Watcher, type WatchedCache } from './watcher.ts';
import { WatcherIndex } from './watcher-index.ts';

/** What all caches of a set have in common. */
export interface CacheShared {
  readonly store: Store;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly logger: Logger;
  readonly limits: WatchCacheLimits;
  readonly metrics: CacheMetrics;
  readonly space: ArenaSpace;
  readonly encodings: DerivedEncodings;
  readonly delivery: Delivery;
  readonly freshness: Freshness;
}

export interface ObjectChange {
  readonly namespace: string;
  readonly name: string;
  readonly deleted: boolean;
  /** What it is now, or was last. */
  readonly entry: CacheEntry;
}

/** A watch as its owner, the HTTP layer, sees it. */
export type Watch = Pick<Watcher, 'stop' | 'finish' | 'bookmark' | 'ended'>;

/** Bookmarks are spread over the period in so many steps. */
export const bookmarkPhases = 12;

const expiredContinue =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
  'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
  'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
  'deleted between the time the first chunk was returned and now may show up in the list.';

export class ResourceCache implements WatchedCache {
  readonly resource: CachedResource;
  readonly history: History;
  readonly delivery: Delivery;
  readonly writeBytes: number;
  readonly #shared: CacheShared;
  readonly #metrics: ResourceMetrics;
  readonly #factory: EntryFactory;
  readonly #table: ObjectTable;
  readonly #snapshots: Snapshots;
  readonly #watchers: WatcherIndex<Watcher>;
  readonly #bookmarked: readonly Set<Watcher>[];
  readonly #listeners = new Set<(change: ObjectChange) => void>();
  readonly #jsonLines: FrameEncoding;
  /** Events up to here are part of what was loaded. */
  #loadedRevision: Revision = 0;
  /** The revision that made the current state. */
  #stateRevision: Revision = 0;
  /** Events that came while the first load was under way. */
  #early: WatchEvent[] | undefined = [];
  #nextPhase = 0;
  #closed = false;
  readonly #ready = Promise.withResolvers<void>();

  constructor(resource: CachedResource, shared: CacheShared) {
    this.resource = resource;
    this.#shared = shared;
    this.#metrics = shared.metrics.of(resource);
    const { limits, space, encodings } = shared;
    this.delivery = shared.delivery;
    this.writeBytes = limits.writeBytes;
    this.history = new History(limits, space, encodings, 0);
    this.#factory = new EntryFactory(resource, space, encodings);
    this.#table = new ObjectTable(resource, space, encodings);
    this.#snapshots = new Snapshots(limits.snapshots, limits.snapshotAgeMs);
    this.#watchers = new WatcherIndex(resource.namespaced);
    this.#bookmarked = Array.from({ length: bookmarkPhases }, () => new Set<Watcher>());
    this.#jsonLines = jsonLines(resource);
    // Whoever waits for it handles its failure; nobody may be waiting.
    this.#ready.promise.catch(() => {});
  }

  /** Resolves once the objects are loaded; rejects where the cache is closed before. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** What is served is the state at this revision. */
  get revision(): Revision {
    return Math.max(this.#loadedRevision, this.#shared.freshness.revision);
  }

  get size(): number {
    return this.#table.size;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  keyOf(namespace: string, name: string): string {
    return this.resource.namespaced ? `${namespace}/${name}` : name;
  }

  // -- reads ---------------------------------------------------------------

  /** The object as the cache has it now: at `revision`. */
  get(namespace: string, name: string): CacheEntry | undefined {
    return this.#table.get(this.keyOf(namespace, name));
  }

  /**
   * The object, as fresh as `resourceVersion` asks: '' as of the time of the
   * call, '0' as it is, N not older than that.
   */
  async getFresh(namespace: string, name: string, resourceVersion = ''): Promise<CacheEntry | undefined> {
    const asked = parseResourceVersion(resourceVersion, 'get');
    await this.ready;
    if (resourceVersion === '') await this.#reach(await this.#shared.freshness.currentRevision());
    else if (asked > 0) await this.#reach(asked);
    return this.get(namespace, name);
  }

  /** All objects, or those of a namespace, as they are now; for readers in this process. */
  *current(namespace = ''): Generator<CacheEntry> {
    if (namespace === '') yield* this.#table.entries();
    else {
      const prefix = `${namespace}/`;
      for (const run of this.#table.snapshot().runs(prefix, `${namespace}0`)) yield* run;
    }
  }

  /** A list or one page of it. Throws ApiError for what upstream refuses, in its words. */
  async list(request: ListRequest): Promise<ListResult> {
    validateReadOptions(request, false);
    const selection = new Selection(this.resource, request);
    const version = request.resourceVersion ?? '';
    const match = request.resourceVersionMatch ?? '';
    const scope = this.resource.namespaced && request.namespace ? `${request.namespace}/` : '';
    const limit = version === '0' ? 0 : Math.max(0, request.limit ?? 0);
    const page = { selection, scope, start: '', limit, revision: 0 };
    if (request.continue) {
      const token = decodeContinue(request.continue);
      if (version !== '' && version !== '0') {
        throw badRequest('specifying resource version is not allowed when using continue');
      }
      await this.ready;
      const continued = { ...page, start: token.start, limit: Math.max(0, request.limit ?? 0) };
      if (token.revision < 0) return this.#listConsistent(continued);
      return this.#listExact({ ...continued, revision: token.revision });
    }
    const asked = parseResourceVersion(version, 'list');
    await this.ready;
    if (match === 'Exact' || (match === '' && limit > 0 && asked > 0))
      return this.#listExact({ ...page, revision: asked });
    if (version === '') return this.#listConsistent(page);
    await this.#reach(asked);
    return this.#listCurrent(page);
  }

  async #listConsistent(page: Page): Promise<ListResult> {
    const revision = await this.#shared.freshness.currentRevision();
    if (this.revision >= revision || (await this.#shared.freshness.reach(revision)))
      return this.#listCurrent(page);
    // The cache is stuck behind the store; the store itself still answers.
    return this.#listStore({ ...page, revision });
  }

  async #listExact(page: Page): Promise<ListResult> {
    await this.#reach(page.revision);
    const { clock, store } = this.#shared;
    // A revision that the store has forgotten has expired for clients, even where nothing has changed since.
    if (page.revision < store.compactedRevision()) return this.#listStore(page);
    if (page.revision >= this.#stateRevision) return this.#listCurrent(page, page.revision);
    const snapshot = this.#snapshots.at(page.revision, clock.monotonic());
    if (snapshot) return pageOfSnapshot(snapshot, page, this.#slicing());
    return this.#listStore(page);
  }

  /** The page out of the current state; `revision` where the client has been told another one that is the same state. */
  async #listCurrent(page: Page, revision: Revision = this.revision): Promise<ListResult> {
    const now = { ...page, revision };
    const { selection } = page;
    if (selection.impossible)
      return { revision, entries: [], continueToken: undefined, remainingItemCount: undefined };
    if (page.start === '') {
      const { namespace, name } = selection;
      if (name !== undefined && (namespace !== '' || !this.resource.namespaced)) {
        const entry = this.get(namespace, name);
        return pageOfCandidates(entry ? [entry] : [], now);
      }
      const candidates = this.#table.candidates(selection);
      if (candidates) return this.#keepFor(pageOfCandidates(candidates, now));
    }
    const snapshot = this.#table.snapshot();
    if (page.limit > 0) this.#snapshots.keep(snapshot, this.#stateRevision, this.#shared.clock.monotonic());
    return pageOfSnapshot(snapshot, now, this.#slicing());
  }

  /** A list that goes on needs its state kept. */
  #keepFor(result: ListResult): ListResult {
    if (result.continueToken !== undefined)
      this.#snapshots.keep(this.#table.snapshot(), this.#stateRevision, this.#shared.clock.monotonic());
    return result;
  }

  async #listStore(page: Page): Promise<ListResult> {
    try {
      return await pageOfStore(this.#shared.store, this.resource, this.#factory, page);
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      if (page.start === '') throw resourceExpired('The resourceVersion for the provided list is too old.');
      const expired = resourceExpired(expiredContinue);
      throw new ApiError({ ...expired.status, metadata: { continue: encodeContinueAt(page.start, -1) } });
    }
  }

  #slicing() {
    const { clock, turns, limits } = this.#shared;
    return { clock, turns, sliceMs: limits.sliceMs };
  }

  async #reach(revision: Revision): Promise<void> {
    if (this.revision >= revision) return;
    const { clock, freshness } = this.#shared;
    const started = clock.monotonic();
    const reached = await freshness.reach(revision);
    this.#metrics.readWait.observe((clock.monotonic() - started) / 1000);
    if (reached) return;
    throw tooLargeResourceVersion(revision, this.revision);
  }

  // -- watches -------------------------------------------------------------

  /**
   * Starts a watch. Throws ApiError for options that are refused; whatever goes
   * wrong later is an ERROR event. Nothing is written to the sink before the
   * next turn of the loop, so that the caller can send its head.
   */
  watch(request: WatchRequest): Watch {
    validateReadOptions(request, true);
    const asked = parseResourceVersion(request.resourceVersion ?? '', 'watch');
    const watcher = new Watcher(this, {
      selection: new Selection(this.resource, request),
      encoding: request.encoding ?? this.#jsonLines,
      sink: request.sink,
      bookmarks: request.allowWatchBookmarks ?? false,
    });
    this.#begin(watcher, request, asked).catch((error: unknown) => {
      watcher.fail(error instanceof ApiError ? error : internalError((error as Error).message));
    });
    return watcher;
  }

  async #begin(watcher: Watcher, request: WatchRequest, asked: Revision): Promise<void> {
    const { freshness } = this.#shared;
    const version = request.resourceVersion ?? '';
    // A watch from nowhere gets the current state first, as it always did.
    const sendInitial = request.sendInitialEvents ?? asked === 0;
    if (this.#early) await this.ready;
    const required = version === '' ? await freshness.currentRevision() : asked;
    if (sendInitial) await this.#reach(required);
    if (watcher.ended || this.#closed) return watcher.stop();
    const { history } = this;
    if (sendInitial) {
      const initial = watcher.selection.impossible ? [].values() : this.#initialRuns(watcher.selection);
      const endBookmark = watcher.bookmarks;
      this.#enlist(watcher);
      watcher.start({ initial, endBookmark, revision: this.revision, seq: history.nextSeq });
      return;
    }
    const from = version === '0' ? this.revision : required;
    if (from < history.startRevision) {
      throw resourceExpired(`too old resource version: ${from} (${history.startRevision})`);
    }
    this.#enlist(watcher);
    watcher.start({ initial: undefined, endBookmark: false, revision: from, seq: history.seqAfter(from) });
  }

  #enlist(watcher: Watcher): void {
    this.#watchers.add(watcher);
    if (!watcher.bookmarks) return;
    this.#nextPhase = (this.#nextPhase + 1) % bookmarkPhases;
    this.#bookmarked[this.#nextPhase]?.add(watcher);
  }

  /** Runs of the objects that are selected of the state as it is now, whenever they are read. */
  #initialRuns(selection: Selection): Iterator<readonly CacheEntry[]> {
    const candidates = this.#table.candidates(selection);
    if (!candidates) return selectedRuns(this.#table.snapshot(), selection);
    return [candidates.filter((entry) => selection.matches(entry))].values();
  }

  forget(watcher: Watcher, terminated: boolean): void {
    this.#watchers.delete(watcher);
    for (const phase of this.#bookmarked) phase.delete(watcher);
    if (terminated) this.#metrics.terminated.add();
  }

  /** Calls back after every change. Returns the end of it. */
  onChange(callback: (change: ObjectChange) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  // -- feeding -------------------------------------------------------------

  /** Forgets what an earlier attempt to load has brought. */
  beginLoad(): void {
    for (const { key } of this.#table.entries()) this.#table.remove(key);
  }

  /** Takes in objects of the first load, in key order. */
  loadPage(items: readonly KeyValue[]): void {
    for (const item of items) {
      const entry = this.#entryOf(item);
      if (entry) this.#table.put(entry);
    }
  }

  /** The first load was of the state at `revision`; later events count from here. */
  finishLoad(revision: Revision): void {
    this.#loadedRevision = revision;
    this.#stateRevision = revision;
    this.history.startRevision = revision;
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#metrics.initializations.add();
    for (const event of early) this.apply(event);
    this.#ready.resolve();
  }

  /** `storedAt`: when the change became readable in the store, in monotonic milliseconds; now where that is not known. */
  apply(event: WatchEvent, storedAt?: number): void {
    if (this.#early) {
      this.#early.push(event);
      return;
    }
    const revision = event.type === 'put' ? event.current.modRevision : event.revision;
    if (revision <= this.#loadedRevision) return;
    if (event.type === 'put') this.#change(revision, this.#entryOf(event.current), undefined, storedAt);
    else this.#change(revision, undefined, event.key.slice(this.resource.storagePrefix.length), storedAt);
  }

  /** The state is now `items`, at `revision`; how it came about is lost. Watchers get the difference. */
  replace(items: readonly KeyValue[], revision: Revision): void {
    const prefix = this.resource.storagePrefix.length;
    for (const change of replacementEvents(this.#table, items, prefix, revision)) {
      if (change.item) this.#change(change.revision, this.#entryOf(change.item), undefined);
      else this.#change(change.revision, undefined, change.key);
    }
    this.#loadedRevision = revision;
    this.#metrics.initializations.add();
    this.#snapshots.clear();
    // New watches cannot start inside the gap.
    this.history.startRevision = revision;
  }

  /** Undefined for bytes that are no object: one spoilt key must not take the whole cache down. */
  #entryOf(item: KeyValue): CacheEntry | undefined {
    try {
      return this.#factory.make(item);
    } catch (error) {
      this.#shared.logger.error('an object in the store cannot be read', {
        key: item.key,
        revision: item.modRevision,
        error,
      });
      return undefined;
    }
  }

  #change(revision: Revision, current: CacheEntry | undefined, deletedKey: string | undefined, storedAt?: number): void {
    const key = current?.key ?? deletedKey;
    if (key === undefined) return;
    const previous = this.#table.get(key);
    if (!current && !previous) return;
    const type: FrameType = !current ? 'DELETED' : previous ? 'MODIFIED' : 'ADDED';
    const event = new CacheEvent(type, revision, current, previous, this.#shared.clock.monotonic());
    // The history holds both before the table lets go of the previous one.
    this.history.append(event);
    if (current) this.#table.put(current);
    else this.#table.remove(key);
    this.#snapshots.changed(revision);
    this.#stateRevision = revision;
    this.#metrics.received.add();
    this.#watchers.visit(current, previous, (watcher) => watcher.offer(event));
    if (this.#watchers.size > 0 && !this.delivery.idle) this.delivery.whenServed(new SentMark(this.#metrics.watchLatency, storedAt ?? event.at));
    if (this.#listeners.size > 0) {
      const entry = (current ?? previous) as CacheEntry;
      const { namespace, name } = entry;
      for (const listener of this.#listeners) listener({ namespace, name, deleted: !current, entry });
    }
  }

  /** Housekeeping, a few times a minute. */
  tick(phase: number): void {
    const now = this.#shared.clock.monotonic();
    this.history.trim(now);
    this.history.dropAllFrames();
    this.#snapshots.trim(now);
    for (const watcher of this.#watchers.all()) watcher.review();
    for (const watcher of this.#bookmarked[phase] ?? []) watcher.bookmark();
  }

  /** The resource is no longer served: all watches end. */
  close(): void {
    this.#closed = true;
    this.#ready.reject(internalError(`${this.resource.resource} is not served any more`));
    for (const watcher of this.#watchers.all()) watcher.finish();
  }
}

/** Stands behind the writes that an event has led to, and measures how late they were. */
class SentMark implements ServedMark {
  readonly #latency: LatencySink;
  readonly #storedAt: number;

  constructor(latency: LatencySink, storedAt: number) {
    this.#latency = latency;
    this.#storedAt = storedAt;
  }

  served(now: number): void {
    this.#latency.observe(now, (now - this.#storedAt) / 1000);
  }
}

/** Short or empty runs let the loop turn where little is selected. */
function* selectedRuns(snapshot: IndexSnapshot, selection: Selection): Generator<readonly CacheEntry[]> {
  const { from, to } = rangeOf({ selection, scope: '', start: '', limit: 0, revision: 0 });
  for (const run of snapshot.runs(from, to)) {
    yield selection.isWhole ? run : run.filter((entry) => selection.selects(entry));
  }
}
