/**
 * All watch caches of one store, fed by one watch over all of it. A change of
 * any resource moves the revision of every cache, so that an idle cache is
 * known to be fresh without asking.
 *
 * Invariant: when `revision` says R, every event up to R has been applied to
 * every loaded cache. Events with one revision are never torn apart.
 */
import { storagePrefixOf } from '../../api/catalogue.ts';
import { assert } from '../../base/assert.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { turns as turnsOfLoop } from '../../base/turns.ts';
import {
  CompactedError,
  prefixEnd,
  StoreClosedError,
  type KeyValue,
  type Revision,
  type Store,
  type WatchBatch,
  type WatchEvent,
} from '../../storage/contract.ts';
import { ArenaSpace } from './arena.ts';
import { CacheMetrics } from './cache-metrics.ts';
import type { CachedResource } from './cached-resource.ts';
import {
  defaultLimits,
  nextTurn,
  type Turns,
  type WatchCacheLimits,
} from './contract.ts';
import type { ClusterView } from '../admission/contract.ts';
import { cachedClusterView } from './cluster-view.ts';
import { Delivery } from './delivery.ts';
import { DerivedEncodings } from './derived-encodings.ts';
import { Freshness } from './freshness.ts';
import { bookmarkPhases, ResourceCache, type CacheShared } from './resource-cache.ts';

export interface WatchCacheSetOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly turns?: Turns;
  readonly limits?: Partial<WatchCacheLimits>;
  /** Nobody wants to know where left out. */
  readonly metrics?: CacheMetrics;
}

const root = '/registry/';
const loadPageSize = 250;
const retryMs = 100;
/** Bytes that one step of emptying arenas moves. */
const compactStepBytes = 256 << 10;

export class WatchCacheSet {
  /** What plugins and authorizers know of the cluster. */
  readonly view: ClusterView = cachedClusterView((group, resource) => this.#named(group, resource), () => this.fresh());
  readonly #shared: CacheShared;
  readonly #caches = new Map<string, ResourceCache>();
  readonly #stopping = new AbortController();
  #started = false;
  #running: Promise<void> = Promise.resolve();
  #ticker: Timer | undefined;
  #phase = 0;
  #compacting = false;

  constructor(options: WatchCacheSetOptions) {
    const { store, clock, logger } = options;
    const limits = { ...defaultLimits, ...options.limits };
    const turns = options.turns ?? turnsOfLoop;
    const space = new ArenaSpace(limits.arenaBytes);
    this.#shared = {
      store,
      clock,
      logger,
      limits,
      turns,
      space,
      metrics: options.metrics ?? new CacheMetrics(new MetricRegistry(), () => ({ observe() {} })),
      encodings: new DerivedEncodings(limits.derivedBytes),
      delivery: new Delivery(clock, turns, limits.sliceMs),
      freshness: new Freshness(store, clock, limits.freshnessWaitMs),
    };
    space.onSparse = () => this.#compactSoon();
  }

  /** Everything up to here has been applied. */
  get revision(): Revision {
    return this.#shared.freshness.revision;
  }

  /** Resolves once every cache has what the store had at the call; a store that keeps them waiting too long leaves them as they are. */
  async fresh(): Promise<void> {
    const { freshness } = this.#shared;
    await freshness.reach(await freshness.currentRevision());
  }

  /** Bytes of objects held, and of the arenas that hold them. */
  get memory(): { readonly liveBytes: number; readonly arenaBytes: number; readonly derivedBytes: number } {
    const { space, encodings } = this.#shared;
    return { liveBytes: space.liveBytes, arenaBytes: space.capacityBytes, derivedBytes: encodings.bytes };
  }

  cache(storagePrefix: string): ResourceCache | undefined {
    return this.#caches.get(storagePrefix);
  }

  /** The cache of a resource that has been added. */
  cacheOf(resource: { readonly storagePrefix: string }): ResourceCache {
    const cache = this.#caches.get(resource.storagePrefix);
    assert(cache, `no watch cache for ${resource.storagePrefix}`);
    return cache;
  }

  caches(): IterableIterator<ResourceCache> {
    return this.#caches.values();
  }

  /** Adds the cache of a resource, or returns the one there is. After `start` it loads at once; see its `ready`. */
  add(resource: CachedResource): ResourceCache {
    const known = this.#caches.get(resource.storagePrefix);
    if (known) return known;
    const cache = new ResourceCache(resource, this.#shared);
    this.#caches.set(resource.storagePrefix, cache);
    if (this.#started) {
      this.#loadWithRetry(cache).catch((error: unknown) => {
        this.#shared.logger.error('watch cache could not be loaded', { resource: resource.resource, error });
      });
    }
    return cache;
  }

  /** The resource is no longer served: its watches end. */
  remove(storagePrefix: string): void {
    this.#caches.get(storagePrefix)?.close();
    this.#caches.delete(storagePrefix);
  }

  /**
   * Loads every cache as it was a while ago, and follows the store from there
   * on: what has happened since becomes history, and whoever watched a server
   * before this one goes on where it was. Resolves when the caches are of now.
   */
  async start(): Promise<void> {
    const { freshness, store, clock, limits } = this.#shared;
    this.#started = true;
    const now = await store.currentRevision();
    const since = await this.#memoryStart(now);
    freshness.revision = since;
    const loading = [...this.#caches.values()];
    this.#running = this.#follow();
    await Promise.all(loading.map((cache) => this.#loadAsOf(cache, since)));
    while (!this.#stopping.signal.aborted && !(await freshness.reach(now)));
    this.#ticker = clock.every(limits.bookmarkPeriodMs / bookmarkPhases, () => this.#tick());
  }

  /** The oldest revision that is still worth reading: the store has it, and what came after is soon applied. */
  async #memoryStart(now: Revision): Promise<Revision> {
    const { store, limits } = this.#shared;
    const since = Math.max(1, store.compactedRevision(), now - limits.remembered);
    if (since >= now) return now;
    try {
      await store.get(root, { revision: since });
      return since;
    } catch (error) {
      // Others may have compacted it.
      if (error instanceof CompactedError) return Math.min(now, Math.max(since, error.compactedRevision));
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#ticker?.cancel();
    for (const cache of this.#caches.values()) cache.close();
    this.#shared.freshness.close();
    await this.#running;
  }

  /** By group and resource, under any of the groups that it is served in. */
  #named(group: string, resource: string): ResourceCache | undefined {
    const stored = group === 'events.k8s.io' && resource === 'events' ? '' : group;
    return this.#caches.get(storagePrefixOf(stored, resource));
  }

  // -- loading -------------------------------------------------------------

  /** The state at `since`, or the latest where somebody has compacted that meanwhile. */
  async #loadAsOf(cache: ResourceCache, since: Revision): Promise<void> {
    try {
      await this.#load(cache, since);
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      cache.beginLoad();
      await this.#load(cache);
    }
  }

  async #load(cache: ResourceCache, at?: Revision): Promise<void> {
    const { clock, turns, limits } = this.#shared;
    let until = clock.monotonic() + limits.sliceMs;
    const revision = await this.#readAll(cache.resource.storagePrefix, at, async (items) => {
      cache.loadPage(items);
      if (clock.monotonic() < until) return;
      await nextTurn(turns);
      until = clock.monotonic() + limits.sliceMs;
    });
    cache.finishLoad(revision);
  }

  async #loadWithRetry(cache: ResourceCache): Promise<void> {
    for (;;) {
      try {
        cache.beginLoad();
        return await this.#load(cache);
      } catch (error) {
        if (error instanceof StoreClosedError || this.#stopping.signal.aborted) return;
        this.#shared.logger.warn('loading a watch cache failed; trying again', {
          resource: cache.resource.resource,
          error,
        });
        await this.#shared.clock.sleep(retryMs);
      }
    }
  }

  /** All of `prefix` at one revision (the latest where none is given), page by page. */
  async #readAll(
    prefix: string,
    at: Revision | undefined,
    take: (items: readonly KeyValue[]) => void | Promise<void>,
  ): Promise<Revision> {
    const to = prefixEnd(prefix);
    let from = prefix;
    let revision = at;
    for (;;) {
      const page = await this.#shared.store.range({
        from,
        to,
        limit: loadPageSize,
        signal: this.#stopping.signal,
        ...(revision === undefined ? {} : { revision }),
      });
      revision ??= page.revision;
      await take(page.items);
      const last = page.items.at(-1);
      if (!page.more || !last) return revision;
      from = `${last.key}\0`;
    }
  }

  // -- following -----------------------------------------------------------

  async #follow(): Promise<void> {
    const { store, freshness, logger, clock } = this.#shared;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const startRevision = freshness.revision + 1;
        for await (const batch of store.watch({ from: root, to: prefixEnd(root), startRevision, signal })) {
          await this.#applyAll(batch);
          if (batch.revision > freshness.revision) freshness.revision = batch.revision;
          freshness.wake();
        }
      } catch (error) {
        if (signal.aborted || error instanceof StoreClosedError) return;
        logger.warn('the watch of the store ended', { error });
        try {
          if (error instanceof CompactedError) await this.#resync();
          else await clock.sleep(retryMs, signal);
        } catch (failure) {
          if (!signal.aborted) logger.error('reading the store anew failed', { error: failure });
        }
      }
    }
  }

  async #applyAll({ events, readableAt }: WatchBatch): Promise<void> {
    const { clock, limits, turns, freshness } = this.#shared;
    let until = clock.monotonic() + limits.sliceMs;
    for (let at = 0; at < events.length; at++) {
      const event = events[at] as WatchEvent;
      this.#route(event, readableAt);
      const revision = revisionOf(event);
      const next = events[at + 1];
      if (next && revisionOf(next) === revision) continue;
      freshness.revision = revision;
      if (clock.monotonic() < until || !next) continue;
      freshness.wake();
      await nextTurn(turns);
      until = clock.monotonic() + limits.sliceMs;
    }
  }

  #route(event: WatchEvent, storedAt: number | undefined): void {
    const key = event.type === 'put' ? event.current.key : event.key;
    const resourceAt = key.indexOf('/', root.length) + 1;
    const nameAt = key.indexOf('/', resourceAt) + 1;
    this.#caches.get(key.slice(0, nameAt))?.apply(event, storedAt);
  }

  /** The store has forgotten what happened since: read everything and tell watchers the difference. */
  async #resync(): Promise<void> {
    const { store, freshness } = this.#shared;
    const revision = await store.currentRevision();
    for (const cache of this.#caches.values()) {
      await cache.ready;
      const all: KeyValue[] = [];
      const at = await this.#readAll(cache.resource.storagePrefix, undefined, (items) => void all.push(...items));
      cache.replace(all, at);
    }
    freshness.revision = revision;
    freshness.wake();
  }

  // -- housekeeping --------------------------------------------------------

  #tick(): void {
    this.#phase = (this.#phase + 1) % bookmarkPhases;
    for (const cache of this.#caches.values()) cache.tick(this.#phase);
  }

  #compactSoon(): void {
    if (this.#compacting) return;
    this.#compacting = true;
    this.#shared.turns.afterTurn(() => {
      this.#compacting = false;
      if (this.#shared.space.compactStep(compactStepBytes)) this.#compactSoon();
    });
  }
}

function revisionOf(event: WatchEvent): Revision {
  return event.type === 'put' ? event.current.modRevision : event.revision;
}
