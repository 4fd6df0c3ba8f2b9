/**
 * What the server counts of its requests, in upstream's names, rendered as
 * Prometheus text. Plain arrays and maps: this runs on every request.
 */
import type { RequestInfo } from './request-info.ts';

/** Upper bounds in seconds, as upstream's apiserver_request_duration_seconds. */
const bounds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

class Series {
  readonly buckets = new Float64Array(bounds.length + 1);
  sum = 0;
  count = 0;
  observe(seconds: number): void {
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] as number)) at++;
    this.buckets[at]!++;
    this.sum += seconds;
    this.count++;
  }
}

const longRunning = new Set(['watch', 'connect', 'proxy']);

export class ServerMetrics {
  readonly #durations = new Map<string, Series>();
  /** verb, group, version, resource, subresource, scope, code -> count */
  readonly #requests = new Map<string, number>();
  #inFlightReading = 0;
  #inFlightMutating = 0;
  readonly #watchers = new Map<string, number>();
  /** Further gauges, read when the page is rendered. */
  readonly #gauges: { readonly name: string; readonly help: string; read(): number }[] = [];

  gauge(name: string, help: string, read: () => number): void {
    this.#gauges.push({ name, help, read });
  }

  begin(info: RequestInfo): void {
    if (!info.isResource) return;
    if (longRunning.has(info.verb)) this.#watchers.set(info.resource, (this.#watchers.get(info.resource) ?? 0) + 1);
    else if (info.verb === 'get' || info.verb === 'list') this.#inFlightReading++;
    else this.#inFlightMutating++;
  }

  end(info: RequestInfo, durationMs: number): void {
    if (!info.isResource) return;
    if (longRunning.has(info.verb)) {
      this.#watchers.set(info.resource, (this.#watchers.get(info.resource) ?? 1) - 1);
      return;
    }
    if (info.verb === 'get' || info.verb === 'list') this.#inFlightReading--;
    else this.#inFlightMutating--;
    const labels = labelsOf(info);
    let series = this.#durations.get(labels);
    if (!series) this.#durations.set(labels, (series = new Series()));
    series.observe(durationMs / 1000);
  }

  answered(info: RequestInfo, code: number): void {
    const labels = `${labelsOf(info)},code="${code}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
  }

  render(): string {
    const lines: string[] = [];
    lines.push('# HELP apiserver_request_total Requests by verb, resource, scope and code.', '# TYPE apiserver_request_total counter');
    for (const [labels, count] of this.#requests) lines.push(`apiserver_request_total{${labels}} ${count}`);
    lines.push('# HELP apiserver_request_duration_seconds Time from receiving a request to its answer.', '# TYPE apiserver_request_duration_seconds histogram');
    for (const [labels, series] of this.#durations) {
      let total = 0;
      for (let i = 0; i < bounds.length; i++) {
        total += series.buckets[i] as number;
        lines.push(`apiserver_request_duration_seconds_bucket{${labels},le="${bounds[i]}"} ${total}`);
      }
      lines.push(`apiserver_request_duration_seconds_bucket{${labels},le="+Inf"} ${series.count}`);
      lines.push(`apiserver_request_duration_seconds_sum{${labels}} ${series.sum}`, `apiserver_request_duration_seconds_count{${labels}} ${series.count}`);
    }
    lines.push('# HELP apiserver_current_inflight_requests Requests under way.', '# TYPE apiserver_current_inflight_requests gauge');
    lines.push(`apiserver_current_inflight_requests{request_kind="readOnly"} ${this.#inFlightReading}`);
    lines.push(`apiserver_current_inflight_requests{request_kind="mutating"} ${this.#inFlightMutating}`);
    lines.push('# HELP apiserver_longrunning_requests Watches and other long requests under way.', '# TYPE apiserver_longrunning_requests gauge');
    for (const [resource, count] of this.#watchers) lines.push(`apiserver_longrunning_requests{resource="${resource}",verb="WATCH"} ${count}`);
    for (const { name, help, read } of this.#gauges) lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${read()}`);
    return `${lines.join('\n')}\n`;
  }
}

/** Upstream's metrics name writes by their HTTP methods. */
const methods: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT' };

function labelsOf(info: RequestInfo): string {
  const verb = methods[info.verb] ?? info.verb.toUpperCase();
  return `verb="${verb}",group="${info.group}",version="${info.version}",resource="${info.resource}",subresource="${info.subresource}",scope="${scopeOf(info)}"`;
}

function scopeOf(info: RequestInfo): string {
  if (info.name !== '' || info.verb === 'create') return 'resource';
  return info.namespace !== '' ? 'namespace' : 'cluster';
}
