/** How probes come out, under upstream's name, a series a container, probe and outcome. */
import type { Counter } from '../../../base/metrics/instruments.ts';
import type { Family, MetricRegistry } from '../../../base/metrics/registry.ts';
import type { ProbeResult } from '../runtime.ts';
import type { ProbeCall } from '../worker-host.ts';

export class ProbeMetrics {
  readonly #total: Family<Counter>;
  /** By pod uid: the label values of its series. */
  readonly #series = new Map<string, Map<string, readonly string[]>>();

  constructor(registry: MetricRegistry) {
    this.#total = registry.counter('prober_probe_total', 'Number of probes of a container by their outcome.', ['probe_type', 'result', 'container', 'pod', 'namespace', 'pod_uid']);
  }

  observe({ pod: { metadata }, container, kind }: ProbeCall, { healthy, kind: peculiar }: ProbeResult): void {
    const { name = '', namespace = '', uid = '' } = metadata;
    const result = peculiar === 'error' ? 'unknown' : healthy ? 'successful' : 'failed';
    const labels = [`${kind[0]?.toUpperCase()}${kind.slice(1)}`, result, container.name, name, namespace, uid];
    this.#total.with(...labels).add(1);
    let known = this.#series.get(uid);
    if (!known) this.#series.set(uid, (known = new Map()));
    known.set(labels.join(), labels);
  }

  forget(podUid: string): void {
    for (const labels of this.#series.get(podUid)?.values() ?? []) this.#total.remove(...labels);
    this.#series.delete(podUid);
  }
}
