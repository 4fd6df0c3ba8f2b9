/**
 * The server's own histogram of its requests, from the text of `/metrics`.
 * `apiserver_request_sli_duration_seconds` where there is one (it leaves out
 * webhooks and queueing), else `apiserver_request_duration_seconds`.
 */
import { formatKey, type RequestKey, type Scope } from './request-key.ts';

export interface ServerSeries {
  readonly key: RequestKey;
  /** Upper bounds in seconds, the last infinite. */
  readonly bounds: readonly number[];
  /** Cumulative, one for each bound. */
  readonly counts: Float64Array;
}

export type ServerSnapshot = ReadonlyMap<string, ServerSeries>;

const names = ['apiserver_request_sli_duration_seconds_bucket', 'apiserver_request_duration_seconds_bucket'] as const;

export function parseServerMetrics(text: string): ServerSnapshot {
  const name = names.find((candidate) => text.includes(`${candidate}{`));
  const found = new Map<string, Map<number, number>>();
  const keys = new Map<string, RequestKey>();
  if (!name) return new Map();
  for (const line of text.split('\n')) {
    if (!line.startsWith(name)) continue;
    const end = line.lastIndexOf('}');
    const labels = labelsOf(line.slice(name.length + 1, end));
    if (labels['resource'] === undefined || labels['resource'] === '') continue;
    const key: RequestKey = {
      verb: labels['verb'] ?? '',
      resource: labels['resource'],
      subresource: labels['subresource'] ?? '',
      scope: (labels['scope'] || 'resource') as Scope,
    };
    const text = formatKey(key);
    keys.set(text, key);
    // Versions of an API, dry runs and the like are one kind of call.
    const buckets = found.get(text) ?? new Map<number, number>();
    found.set(text, buckets);
    const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
    buckets.set(bound, (buckets.get(bound) ?? 0) + Number(line.slice(end + 1).trim().split(' ')[0]));
  }
  const snapshot = new Map<string, ServerSeries>();
  for (const [text, buckets] of found) {
    const bounds = [...buckets.keys()].sort((a, b) => a - b);
    snapshot.set(text, { key: keys.get(text) as RequestKey, bounds, counts: Float64Array.from(bounds, (bound) => buckets.get(bound) as number) });
  }
  return snapshot;
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[name as string] = value as string;
  return labels;
}

/** What was counted between two snapshots. A server that was started again counts from nothing. */
export function countsBetween(before: ServerSeries | undefined, after: ServerSeries): Float64Array {
  const wasRestarted = before !== undefined && (before.counts.at(-1) as number) > (after.counts.at(-1) as number);
  if (!before || wasRestarted || before.counts.length !== after.counts.length) return after.counts;
  return after.counts.map((count, index) => count - (before.counts[index] as number));
}

/** In seconds, linear within a bucket as Prometheus' histogram_quantile; the highest finite bound where it is beyond. */
export function quantile(bounds: readonly number[], counts: Float64Array, share: number): number {
  const total = counts.at(-1) ?? 0;
  if (total === 0) return 0;
  const rank = share * total;
  const at = counts.findIndex((count) => count >= rank);
  const upper = bounds[at] as number;
  const lower = at === 0 ? 0 : (bounds[at - 1] as number);
  if (upper === Infinity) return lower;
  const below = at === 0 ? 0 : (counts[at - 1] as number);
  const inside = (counts[at] as number) - below;
  return inside === 0 ? upper : lower + ((upper - lower) * (rank - below)) / inside;
}
