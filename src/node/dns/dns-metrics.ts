/** What the server counts, under the names that CoreDNS has given them: dashboards exist. */
import { exponentialBounds } from '../../base/metrics/instruments.ts';
import type { Counter, Histogram } from '../../base/metrics/instruments.ts';
import type { Family, MetricRegistry } from '../../base/metrics/registry.ts';
import { rcodeName, typeName } from './protocol.ts';

export type Protocol = 'udp' | 'tcp';

const durationBounds = exponentialBounds(0.000125, 2, 16);

export class DnsMetrics {
  readonly #requests: Family<Counter>;
  readonly #responses: Family<Counter>;
  readonly #durations: Readonly<Record<Protocol, Histogram>>;
  readonly #panics: Counter;
  readonly #positiveHits: Counter;
  readonly #negativeHits: Counter;
  readonly #misses: Counter;
  readonly #forwards: Family<Counter>;
  readonly #forwardDurations: Family<Histogram>;
  readonly #forwardFailures: Family<Counter>;
  /** By protocol and type, and by rcode: resolved once. */
  readonly #resolved = new Map<string | number, Counter>();

  constructor(registry: MetricRegistry) {
    this.#requests = registry.counter('coredns_dns_requests_total', 'Queries by protocol and type of record', ['proto', 'type']);
    this.#responses = registry.counter('coredns_dns_responses_total', 'Answers by code', ['rcode']);
    const durations = registry.histogram('coredns_dns_request_duration_seconds', 'From the arrival of a query until its answer was handed to the system', durationBounds, ['proto']);
    this.#durations = { udp: durations.with('udp'), tcp: durations.with('tcp') };
    this.#panics = registry.counter('coredns_panics_total', 'Queries that met a bug').with();
    const hits = registry.counter('coredns_cache_hits_total', 'Forwarded questions whose answer was known', ['type']);
    this.#positiveHits = hits.with('success');
    this.#negativeHits = hits.with('denial');
    this.#misses = registry.counter('coredns_cache_misses_total', 'Forwarded questions whose answer was not known').with();
    this.#forwards = registry.counter('coredns_forward_responses_total', 'Answers of other servers, by code', ['to', 'rcode']);
    this.#forwardDurations = registry.histogram('coredns_forward_request_duration_seconds', 'How long other servers took', durationBounds, ['to']);
    this.#forwardFailures = registry.counter('coredns_forward_failures_total', 'Questions that another server left without an answer', ['to']);
  }

  request(protocol: Protocol, type: number): void {
    const key = protocol === 'udp' ? type : -1 - type;
    let counter = this.#resolved.get(key);
    if (!counter) {
      counter = this.#requests.with(protocol, typeName(type));
      // A stranger can ask for 65536 types: only what has a name of its own is kept.
      if (typeName(type) !== 'other') this.#resolved.set(key, counter);
    }
    counter.add();
  }

  response(protocol: Protocol, rcode: number, durationMs: number): void {
    const key = `rcode ${rcode}`;
    let counter = this.#resolved.get(key);
    if (!counter) this.#resolved.set(key, (counter = this.#responses.with(rcodeName(rcode))));
    counter.add();
    this.#durations[protocol].observe(durationMs / 1000);
  }

  failed(): void {
    this.#panics.add();
  }

  cacheHit(positive: boolean): void {
    (positive ? this.#positiveHits : this.#negativeHits).add();
  }

  cacheMiss(): void {
    this.#misses.add();
  }

  forwarded(to: string, rcode: number, durationMs: number): void {
    this.#forwards.with(to, rcodeName(rcode)).add();
    this.#forwardDurations.with(to).observe(durationMs / 1000);
  }

  forwardFailed(to: string): void {
    this.#forwardFailures.with(to).add();
  }
}
