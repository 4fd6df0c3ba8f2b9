/**
 * Latencies of API calls as a client has them, by kind of call: the whole run,
 * the part since it was last asked (a phase), and the worst five minutes.
 */
import { build, type Histogram } from 'hdr-histogram-js';
import type { Summary } from './percentile.ts';
import { formatKey, type RequestKey } from './request-key.ts';

/** Milliseconds throughout. */
export interface LatencyRow extends RequestKey, Summary {
  /** Answers that were errors, and requests without an answer; not among the latencies. */
  readonly errors: number;
  /** Of the five minutes with the highest p99; the whole run where it is shorter. */
  readonly worst: Summary;
}

const sliceMs = 60_000;
const windowSlices = 5;

export const newHistogram = (): Histogram => build({ lowestDiscernibleValue: 1, highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 2 });

export function record(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(120_000_000, Math.max(1, Math.round(ms * 1000))));
}

export function summaryOf(histogram: Histogram): Summary {
  const at = (percent: number) => (histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(percent) / 1000);
  return { count: histogram.totalCount, p50: at(50), p90: at(90), p99: at(99), max: at(100) };
}

class Calls {
  readonly key: RequestKey;
  readonly whole = newHistogram();
  part = newHistogram();
  errors = 0;
  partErrors = 0;
  /** By minute since the start; undefined where nothing was called. */
  readonly slices: (Histogram | undefined)[] = [];

  constructor(key: RequestKey) {
    this.key = key;
  }

  worst(): Summary {
    let worst = summaryOf(this.whole);
    if (this.slices.length <= windowSlices) return worst;
    worst = { ...worst, p99: -1 };
    for (let first = 0; first + windowSlices <= this.slices.length; first++) {
      const window = newHistogram();
      for (const slice of this.slices.slice(first, first + windowSlices)) if (slice) window.add(slice);
      const summary = summaryOf(window);
      if (summary.count > 0 && summary.p99 > worst.p99) worst = summary;
    }
    return worst;
  }
}

export class ApiLatency {
  readonly #calls = new Map<string, Calls>();
  readonly #beganAt = performance.now();

  /** `ms` counts from when the request was meant to leave. */
  record(key: RequestKey, ms: number, isError: boolean): void {
    const name = formatKey(key);
    let calls = this.#calls.get(name);
    if (!calls) this.#calls.set(name, (calls = new Calls(key)));
    if (isError) {
      calls.errors++;
      calls.partErrors++;
      return;
    }
    const slice = Math.floor((performance.now() - this.#beganAt) / sliceMs);
    record(calls.whole, ms);
    record(calls.part, ms);
    record((calls.slices[slice] ??= newHistogram()), ms);
  }

  rows(): LatencyRow[] {
    return [...this.#calls.values()].map((calls) => ({ ...calls.key, ...summaryOf(calls.whole), errors: calls.errors, worst: calls.worst() }));
  }

  /** What was called since this was last asked. */
  takePart(): LatencyRow[] {
    const rows: LatencyRow[] = [];
    for (const calls of this.#calls.values()) {
      const summary = summaryOf(calls.part);
      if (summary.count + calls.partErrors > 0) rows.push({ ...calls.key, ...summary, errors: calls.partErrors, worst: summary });
      calls.part = newHistogram();
      calls.partErrors = 0;
    }
    return rows;
  }
}
