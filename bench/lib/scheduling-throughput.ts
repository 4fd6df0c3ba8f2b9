/** Scheduling throughput as upstream states it: pods bound in each second, from the first to the last. */
import type { Run } from './run.ts';
import { summarize, type Summary } from './percentile.ts';

export interface Throughput {
  /** Of the whole stretch. */
  readonly average: number;
  readonly perSecond: Summary;
}

/** `boundAt` in milliseconds. */
export function throughputOf(boundAt: readonly number[]): Throughput {
  const sorted = Float64Array.from(boundAt).sort();
  const first = sorted[0] ?? 0;
  const last = sorted.at(-1) ?? 0;
  const counts = new Float64Array(Math.floor((last - first) / 1000) + 1);
  for (const at of sorted) counts[Math.floor((at - first) / 1000)]! += 1;
  return { average: last > first ? (sorted.length * 1000) / (last - first) : sorted.length, perSecond: summarize(counts) };
}

export function reportThroughput(run: Run, boundAt: readonly number[]): void {
  const { average, perSecond } = throughputOf(boundAt);
  run.figure({
    name: 'scheduling throughput, average',
    value: average,
    unit: '/s',
    note: `by seconds: p50 ${perSecond.p50}, p90 ${perSecond.p90}, p99 ${perSecond.p99}, max ${perSecond.max}`,
  });
}
