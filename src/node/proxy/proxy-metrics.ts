/** What a proxy counts, under upstream's names where upstream has the metric. */
import type { Clock } from '../../base/clock.ts';
import { exponentialBounds } from '../../base/metrics/instruments.ts';
import type { MetricRegistry } from '../../base/metrics/registry.ts';
import type { Family } from './service-model.ts';

const syncBounds = exponentialBounds(0.001, 2, 15);
const programmingBounds = [
  0.25, 0.5,
  ...Array.from({ length: 59 }, (_, i) => 1 + i),
  ...Array.from({ length: 12 }, (_, i) => 60 + 5 * i),
  ...Array.from({ length: 7 }, (_, i) => 120 + 30 * i),
];

export type ProxyMode = 'nftables' | 'iptables';

export class ProxyMetrics {
  readonly #clock: Clock;
  readonly #families: readonly Family[];
  readonly #registry: MetricRegistry;
  readonly #failures: string;
  readonly #serviceEvents;
  readonly #endpointEvents;

  constructor(registry: MetricRegistry, clock: Clock, families: readonly Family[], mode: ProxyMode) {
    this.#registry = registry;
    this.#clock = clock;
    this.#families = families;
    this.#failures = mode === 'nftables' ? 'kubeproxy_sync_proxy_rules_nftables_sync_failures_total' : 'kubeproxy_sync_proxy_rules_iptables_restore_failures_total';
    this.#serviceEvents = registry.counter('kubeproxy_sync_proxy_rules_service_changes_total', 'Changes of Services that the proxy has seen.').with();
    this.#endpointEvents = registry.counter('kubeproxy_sync_proxy_rules_endpoint_changes_total', 'Changes of EndpointSlices that the proxy has seen.').with();
  }

  serviceChanged(): void {
    this.#serviceEvents.add();
  }

  endpointsChanged(): void {
    this.#endpointEvents.add();
  }

  queued(): void {
    const family = this.#registry.gauge('kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds', 'When a change of rules was asked for last.', ['ip_family']);
    for (const one of this.#families) family.with(one).set(this.#clock.now() / 1000);
  }

  synced({ seconds, afresh, error }: { readonly seconds: number; readonly afresh: boolean; readonly error: unknown }): void {
    const all = this.#registry.histogram('kubeproxy_sync_proxy_rules_duration_seconds', 'Time that one change of rules took.', syncBounds, ['ip_family']);
    const kind = afresh ? 'full' : 'partial';
    const some = this.#registry.histogram(`kubeproxy_sync_${kind}_proxy_rules_duration_seconds`, `Time that one ${kind} change of rules took.`, syncBounds, ['ip_family']);
    const failures = this.#registry.counter(this.#failures, 'Changes of rules that the kernel refused.', ['ip_family']);
    const last = this.#registry.gauge('kubeproxy_sync_proxy_rules_last_timestamp_seconds', 'When rules were changed last.', ['ip_family']);
    for (const family of this.#families) {
      all.with(family).observe(seconds);
      some.with(family).observe(seconds);
      if (error) failures.with(family).add();
      else last.with(family).set(this.#clock.now() / 1000);
    }
  }

  /** From the cause of a change until its rules were in the kernel. */
  programmed(family: Family, seconds: number): void {
    const name = 'kubeproxy_network_programming_duration_seconds';
    this.#registry.histogram(name, 'Time from the change of a Service or a pod until the rules of this node follow it.', programmingBounds, ['ip_family']).with(family).observe(seconds);
  }
}
