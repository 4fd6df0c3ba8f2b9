/** Follows the server's own histogram of its requests while a benchmark runs. */
import type { Api } from './api.ts';
import type { LatencyRow } from './latency.ts';
import type { Summary } from './percentile.ts';
import { formatKey, isCounted } from './request-key.ts';
import { countsBetween, parseServerMetrics, quantile, type ServerSnapshot } from './server-metrics.ts';

export interface TimedSnapshot {
  readonly atMs: number;
  readonly series: ServerSnapshot;
}

/** Upstream's page has megabytes: not more often than Prometheus would. */
const periodMs = 30_000;
const windowMs = 300_000;

export class ServerLatency {
  readonly #api: Api;
  readonly #history: TimedSnapshot[] = [];
  #timer: NodeJS.Timeout | undefined;
  #partFrom = 0;

  private constructor(api: Api) {
    this.#api = api;
  }

  /** A user who may not read `/metrics` has no rows of the server's. */
  static async open(api: Api): Promise<ServerLatency> {
    const latency = new ServerLatency(api);
    await latency.#look();
    latency.#timer = setInterval(() => void latency.#look(), periodMs);
    return latency;
  }

  /** What was counted since the last call. */
  async takePart(): Promise<LatencyRow[]> {
    await this.#look();
    const from = this.#history[this.#partFrom];
    const to = this.#history.at(-1);
    this.#partFrom = Math.max(0, this.#history.length - 1);
    return from && to ? rowsBetween(from, to) : [];
  }

  /** The whole run, with the worst five minutes of each kind of call. */
  async stop(): Promise<LatencyRow[]> {
    clearInterval(this.#timer);
    await this.#look();
    const [from, to] = [this.#history[0], this.#history.at(-1)];
    if (!from || !to) return [];
    return rowsBetween(from, to).map((row) => ({ ...row, worst: worstWindow(this.#history, formatKey(row)) }));
  }

  async #look(): Promise<void> {
    try {
      const text = (await this.#api.call('GET', '/metrics')).toString('latin1');
      this.#history.push({ atMs: performance.now(), series: parseServerMetrics(text) });
    } catch {
      // A server that is down has no metrics now; the next look has them.
    }
  }
}

/** Milliseconds. The histogram does not know a maximum: the upper bound of the last bucket with a call in it. */
function summaryOf(bounds: readonly number[], counts: Float64Array): Summary {
  const total = counts.at(-1) ?? 0;
  const at = (share: number) => quantile(bounds, counts, share) * 1000;
  return { count: total, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

export function rowsBetween(from: TimedSnapshot, to: TimedSnapshot): LatencyRow[] {
  const rows: LatencyRow[] = [];
  for (const [text, series] of to.series) {
    if (!isCounted(series.key)) continue;
    const summary = summaryOf(series.bounds, countsBetween(from.series.get(text), series));
    if (summary.count > 0) rows.push({ ...series.key, ...summary, errors: 0, worst: summary });
  }
  return rows;
}

/** Of all windows of five minutes between snapshots, the one with the highest p99; the whole time where it is shorter. */
export function worstWindow(history: readonly TimedSnapshot[], key: string): Summary {
  const [first, last] = [history[0] as TimedSnapshot, history.at(-1) as TimedSnapshot];
  const ends = last.atMs - first.atMs < windowMs ? [last] : history.filter(({ atMs }) => atMs - first.atMs >= windowMs);
  let worst: Summary = { count: 0, p50: 0, p90: 0, p99: 0, max: 0 };
  for (const to of ends) {
    const series = to.series.get(key);
    if (!series) continue;
    const from = history.findLast(({ atMs }) => to.atMs - atMs >= windowMs) ?? first;
    const summary = summaryOf(series.bounds, countsBetween(from.series.get(key), series));
    if (summary.count > 0 && summary.p99 >= worst.p99) worst = summary;
  }
  return worst;
}
