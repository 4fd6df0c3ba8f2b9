/**
 * The service level objectives of Kubernetes. API responsiveness: 99 % of
 * mutating calls and of reads of one object within a second, lists within 30
 * seconds, for every kind of call, in the whole run and in any five minutes of
 * it; Kubernetes 1.2 asked for a second from lists too. Pod start-up: 99 %
 * within five seconds.
 */
import type { Figure } from '../report/figure.ts';
import type { LatencyRow } from './latency.ts';
import type { Summary } from './percentile.ts';
import { formatKey, isCounted, isSingle } from './request-key.ts';

const objectives = [
  { name: 'writes, and reads of one object', applies: isSingle, p99Ms: 1000 },
  { name: 'lists', applies: (row: LatencyRow) => !isSingle(row), p99Ms: 30_000 },
  { name: 'lists, by the objective of 1.2', applies: (row: LatencyRow) => !isSingle(row), p99Ms: 1000 },
];
const startUpMs = 5000;

/** `seenBy`: whose clock the rows are of. */
export function apiVerdicts(rows: readonly LatencyRow[], seenBy: string): Figure[] {
  const figures: Figure[] = [];
  for (const { name, applies, p99Ms } of objectives) {
    const counted = rows.filter((row) => isCounted(row) && row.count > 0 && applies(row));
    if (counted.length === 0) continue;
    const slowest = (row: LatencyRow) => Math.max(row.p99, row.worst.p99);
    const worst = counted.reduce((high, row) => (slowest(row) > slowest(high) ? row : high));
    figures.push({
      name: `API p99, ${name}, seen by the ${seenBy}`,
      value: slowest(worst),
      unit: 'ms',
      target: { atMost: p99Ms },
      isSlo: true,
      note: `worst of ${counted.length} kinds of call: ${formatKey(worst)}, ${worst.count} calls`,
    });
  }
  return figures;
}

export function startUpVerdict(clock: string, { count, p50, p90, p99, max }: Summary): Figure {
  const text = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  return {
    name: `pod start-up p99, ${clock}`,
    value: p99,
    unit: 'ms',
    target: { atMost: startUpMs },
    isSlo: true,
    note: `${count} pods: p50 ${text(p50)}, p90 ${text(p90)}, max ${text(max)}`,
  };
}
