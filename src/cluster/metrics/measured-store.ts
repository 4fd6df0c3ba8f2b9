/**
 * A store whose reads and commits are timed, under the name by which upstream
 * times its etcd: for those who watch a cluster, the durable write is the same
 * thing whatever makes it durable.
 */
import type { ResourceInfo } from '../../api/catalogue.ts';
import type { Clock } from '../../base/clock.ts';
import type { Histogram } from '../../base/metrics/instruments.ts';
import type { MetricRegistry } from '../../base/metrics/registry.ts';
import type { Commit, CommitResult, KeyValue, LeaseId, RangeOptions, RangeResult, Revision, Store, WatchBatch, WatchOptions } from '../../storage/contract.ts';

const bounds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const operations = ['get', 'list', 'create', 'update', 'delete'] as const;
type Operation = (typeof operations)[number];
type Timers = Readonly<Record<Operation, Histogram>>;

export class MeasuredStore implements Store {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #timersOf: (prefix: string) => Timers;
  /** By storage prefix, made when it is first used. */
  readonly #timers = new Map<string, Timers>();

  constructor(store: Store, resources: Iterable<ResourceInfo>, registry: MetricRegistry, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    const names = new Map(Array.from(resources, ({ storagePrefix, group, resource }) => [storagePrefix, { group, resource }]));
    const family = registry.histogram('etcd_request_duration_seconds', 'Time of the store’s reads, and of its commits until they are durable.', bounds, ['operation', 'group', 'resource']);
    this.#timersOf = (prefix) => {
      const { group, resource } = names.get(prefix) ?? { group: '', resource: '' };
      return Object.fromEntries(operations.map((operation) => [operation, family.with(operation, group, resource)])) as Timers;
    };
  }

  get(key: string, options?: { readonly revision?: Revision; readonly signal?: AbortSignal }): Promise<KeyValue | undefined> {
    return this.#timed('get', key, this.#store.get(key, options));
  }

  range(options: RangeOptions): Promise<RangeResult> {
    return this.#timed('list', options.from, this.#store.range(options));
  }

  commit(commit: Commit): Promise<CommitResult> {
    const operation = commit.value === undefined ? 'delete' : commit.expected === 0 ? 'create' : 'update';
    return this.#timed(operation, commit.key, this.#store.commit(commit));
  }

  async #timed<T>(operation: Operation, key: string, answer: Promise<T>): Promise<T> {
    const started = this.#clock.monotonic();
    try {
      return await answer;
    } finally {
      this.#timersFor(key)[operation].observe((this.#clock.monotonic() - started) / 1000);
    }
  }

  #timersFor(key: string): Timers {
    const prefix = key.slice(0, key.indexOf('/', key.indexOf('/', '/registry/'.length) + 1) + 1);
    let timers = this.#timers.get(prefix);
    if (!timers) this.#timers.set(prefix, (timers = this.#timersOf(prefix)));
    return timers;
  }

  currentRevision(): Promise<Revision> {
    return this.#store.currentRevision();
  }

  watch(options: WatchOptions): AsyncIterable<WatchBatch> {
    return this.#store.watch(options);
  }

  requestProgress(): void {
    this.#store.requestProgress();
  }

  compact(revision: Revision): Promise<void> {
    return this.#store.compact(revision);
  }

  compactedRevision(): Revision {
    return this.#store.compactedRevision();
  }

  grantLease(ttlSeconds: number): Promise<LeaseId> {
    return this.#store.grantLease(ttlSeconds);
  }

  renewLease(lease: LeaseId): Promise<boolean> {
    return this.#store.renewLease(lease);
  }

  revokeLease(lease: LeaseId): Promise<void> {
    return this.#store.revokeLease(lease);
  }

  sizeBytes(): Promise<number> {
    return this.#store.sizeBytes();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
