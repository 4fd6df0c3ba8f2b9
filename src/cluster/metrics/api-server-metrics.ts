/** Everything that an API server measures of itself, and the SLIs of the cluster with it. */
import type { Catalogue } from '../../api/catalogue.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { measureEventLoop } from '../../base/metrics/event-loop.ts';
import { exponentialBounds } from '../../base/metrics/instruments.ts';
import { MetricsPage } from '../../base/metrics/page.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { RequestMetrics } from '../../server/http/request-metrics.ts';
import { windowMs } from '../../server/slo/indicator.ts';
import { SloMeter } from '../../server/slo/slo-meter.ts';
import { CacheMetrics } from '../../server/watchcache/cache-metrics.ts';
import type { CachedResource } from '../../server/watchcache/cached-resource.ts';
import type { WatchCacheSet } from '../../server/watchcache/watch-cache-set.ts';
import { measureProcess } from './process-metrics.ts';

export class ApiServerMetrics {
  readonly registry = new MetricRegistry();
  readonly page = new MetricsPage(this.registry);
  readonly slo: SloMeter;
  readonly requests: RequestMetrics;
  readonly caches: CacheMetrics;
  readonly #clock: Clock;

  constructor(catalogue: Catalogue, clock: Clock) {
    const { registry } = this;
    this.#clock = clock;
    this.slo = new SloMeter(clock);
    this.requests = new RequestMetrics({ registry, catalogue, slo: this.slo, clock });
    this.caches = new CacheMetrics(registry, watchLatencies(registry, this.slo));
    measureProcess(registry, clock);
    const violated = registry.gauge('coxswain_slo_violated', 'Whether an indicator misses its objective, over the last five minutes or the day.', ['sli']);
    registry.beforeSnapshot(() => {
      const readings = this.slo.report().indicators.filter(({ verdict }) => verdict !== undefined);
      for (const [sli, all] of Map.groupBy(readings, (reading) => reading.sli)) violated.with(sli).set(all.some(({ verdict }) => verdict === 'violated') ? 1 : 0);
    });
  }

  /** What the caches hold, read when somebody asks. */
  observe(caches: WatchCacheSet): void {
    const { registry } = this;
    const objects = registry.gauge('apiserver_storage_objects', 'Objects by resource.', ['resource']);
    const revisions = registry.gauge('apiserver_watch_cache_resource_version', 'The revision that a watch cache has reached.', ['group', 'resource']);
    const held = registry.gauge('coxswain_watch_cache_bytes', 'Bytes that the watch caches hold: objects, the arenas that they are in, other encodings.', ['kind']);
    registry.beforeSnapshot(() => {
      for (const { resource: { group, resource }, size, revision } of caches.caches()) {
        objects.with(group === '' ? resource : `${resource}.${group}`).set(size);
        revisions.with(group, resource).set(revision);
      }
      const { liveBytes, arenaBytes, derivedBytes } = caches.memory;
      for (const [kind, bytes] of Object.entries({ live: liveBytes, arena: arenaBytes, derived: derivedBytes })) held.with(kind).set(bytes);
    });
  }

  /** What has to be done at its time; to be cancelled at the end. */
  start(): readonly Timer[] {
    return [measureEventLoop(this.registry, this.#clock, 'api'), this.#clock.every(windowMs, () => this.slo.closeWindow())];
  }
}

/** Where the latencies of each resource's watches go: on the page, and into the meter. */
function watchLatencies(registry: MetricRegistry, slo: SloMeter) {
  const bounds = exponentialBounds(0.001, 2, 15);
  const family = registry.histogram('coxswain_watch_latency_sli_duration_seconds', 'Time from when a change is stored until it has been sent to all who watch.', bounds, ['group', 'resource']);
  return ({ group, resource }: CachedResource) => {
    const histogram = family.with(group, resource);
    const indicator = slo.watchLatency(group, resource);
    return {
      observe(now: number, seconds: number) {
        histogram.observe(seconds);
        indicator.observe(now, seconds);
      },
    };
  };
}
