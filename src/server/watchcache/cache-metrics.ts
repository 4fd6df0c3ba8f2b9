/** What the watch caches are measured by, under upstream's names; resolved once a resource. */
import type { Counter, Histogram } from '../../base/metrics/instruments.ts';
import type { Family, MetricRegistry } from '../../base/metrics/registry.ts';
import type { CachedResource } from './cached-resource.ts';

/** Where a latency goes; `now` in monotonic milliseconds. */
export interface LatencySink {
  observe(now: number, seconds: number): void;
}

export interface ResourceMetrics {
  readonly received: Counter;
  readonly initializations: Counter;
  /** Watches that were ended because they fell behind the history. */
  readonly terminated: Counter;
  /** How long reads waited until the cache was as fresh as they asked, in seconds. */
  readonly readWait: Histogram;
  /** From when a change is stored until it has been sent to all who watch. */
  readonly watchLatency: LatencySink;
}

const waitBounds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3];

export class CacheMetrics {
  readonly #received: Family<Counter>;
  readonly #initializations: Family<Counter>;
  readonly #terminated: Family<Counter>;
  readonly #readWait: Family<Histogram>;
  readonly #latencyOf: (resource: CachedResource) => LatencySink;

  constructor(registry: MetricRegistry, latencyOf: (resource: CachedResource) => LatencySink) {
    const labels = ['group', 'resource'];
    this.#received = registry.counter('apiserver_watch_cache_events_received_total', 'Changes that the watch cache has taken in.', labels);
    this.#initializations = registry.counter('apiserver_watch_cache_initializations_total', 'How often a watch cache was loaded from the store.', labels);
    this.#terminated = registry.counter('apiserver_terminated_watchers_total', 'Watches that were ended because they fell too far behind.', labels);
    this.#readWait = registry.histogram('apiserver_watch_cache_read_wait_seconds', 'How long reads waited for the watch cache to be as fresh as they asked.', waitBounds, labels);
    this.#latencyOf = latencyOf;
  }

  of(resource: CachedResource): ResourceMetrics {
    const labels = [resource.group, resource.resource];
    return {
      received: this.#received.with(...labels),
      initializations: this.#initializations.with(...labels),
      terminated: this.#terminated.with(...labels),
      readWait: this.#readWait.with(...labels),
      watchLatency: this.#latencyOf(resource),
    };
  }
}
