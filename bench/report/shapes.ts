/** Samples as what charts draw: buckets of a logarithmic histogram, counts a second, lines of few points. */
import { summarize } from '../lib/percentile.ts';
import type { Distribution, Series } from './bench-report.ts';

const bucketsPerDoubling = 4;
const pointsMax = 600;
/** Below it (a tenth of a millisecond) everything is one bucket. */
const sampleMin = 0.1;

export function distribution(chart: string, name: string, unit: string, samples: readonly number[]): Distribution {
  const counts = new Map<number, number>();
  for (const sample of samples) {
    const bucket = Math.ceil(Math.log2(Math.max(sample, sampleMin)) * bucketsPerDoubling);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  const buckets = [...counts].sort(([a], [b]) => a - b).map(([bucket, count]) => [2 ** (bucket / bucketsPerDoubling), count] as const);
  return { chart, name, unit, summary: summarize(samples), buckets };
}

/** Events at these seconds as events a second; the longer the time they span, the longer what is counted together, so that a line has few points. */
export function ratePoints(atSeconds: readonly number[]): (readonly [number, number])[] {
  if (atSeconds.length === 0) return [];
  let [first, last] = [Infinity, -Infinity];
  for (const at of atSeconds) {
    first = Math.min(first, at);
    last = Math.max(last, at);
  }
  const spanS = last - first;
  const periodS = spanS < 10 ? 0.25 : spanS < 40 ? 0.5 : Math.max(1, Math.ceil(spanS / pointsMax));
  const start = Math.floor(first / periodS) * periodS;
  const counts = new Float64Array(Math.floor((last - start) / periodS) + 1);
  for (const at of atSeconds) counts[Math.floor((at - start) / periodS)]! += 1;
  return Array.from(counts, (count, index) => [start + index * periodS, count / periodS] as const);
}

/** Few enough points to draw: of neighbours the highest stays, since peaks are what matters. */
export function thinned(series: Series): Series {
  const { points } = series;
  if (points.length <= pointsMax) return series;
  const each = Math.ceil(points.length / pointsMax);
  const few: (readonly [number, number])[] = [];
  for (let at = 0; at < points.length; at += each) few.push(points.slice(at, at + each).reduce((high, point) => (point[1] > high[1] ? point : high)));
  return { ...series, points: few };
}
