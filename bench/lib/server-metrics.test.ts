import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsBetween, parseServerMetrics, quantile, type ServerSeries } from './server-metrics.ts';
import { rowsBetween, worstWindow } from './server-latency.ts';

const page = (slow: number) => `
# TYPE apiserver_request_sli_duration_seconds histogram
apiserver_request_sli_duration_seconds_bucket{component="apiserver",group="",resource="pods",scope="resource",subresource="",verb="GET",version="v1",le="0.05"} 90
apiserver_request_sli_duration_seconds_bucket{component="apiserver",group="",resource="pods",scope="resource",subresource="",verb="GET",version="v1",le="0.1"} ${90 + slow}
apiserver_request_sli_duration_seconds_bucket{component="apiserver",group="",resource="pods",scope="resource",subresource="",verb="GET",version="v1",le="+Inf"} ${90 + slow}
apiserver_request_sli_duration_seconds_sum{component="apiserver",group="",resource="pods",scope="resource",subresource="",verb="GET",version="v1"} 3
apiserver_request_sli_duration_seconds_bucket{component="apiserver",group="",resource="events",scope="resource",subresource="",verb="POST",version="v1",le="+Inf"} 7
apiserver_request_duration_seconds_bucket{verb="GET",resource="pods",scope="resource",subresource="",le="+Inf"} 100000
`;

test('the histogram that leaves out webhooks is preferred', () => {
  const series = parseServerMetrics(page(10)).get('GET pods (resource)') as ServerSeries;
  assert.deepEqual(series.bounds, [0.05, 0.1, Infinity]);
  assert.deepEqual([...series.counts], [90, 100, 100]);
  assert.equal(parseServerMetrics('nothing here\n').size, 0);
});

test('quantiles are linear within a bucket, and bounded by the last finite one', () => {
  const bounds = [0.05, 0.1, Infinity];
  assert.equal(quantile(bounds, Float64Array.of(90, 100, 100), 0.9), 0.05);
  assert.ok(Math.abs(quantile(bounds, Float64Array.of(90, 100, 100), 0.95) - 0.075) < 1e-9);
  assert.equal(quantile(bounds, Float64Array.of(0, 0, 5), 0.5), 0.1);
  assert.equal(quantile(bounds, Float64Array.of(0, 0, 0), 0.5), 0);
});

test('differences, also over a restart', () => {
  const [few, many] = [parseServerMetrics(page(0)), parseServerMetrics(page(10))].map((snapshot) => snapshot.get('GET pods (resource)') as ServerSeries) as [ServerSeries, ServerSeries];
  assert.deepEqual([...countsBetween(few, many)], [0, 10, 10]);
  assert.deepEqual([...countsBetween(many, few)], [90, 90, 90]);
  assert.deepEqual([...countsBetween(undefined, few)], [90, 90, 90]);
});

test('rows leave out events, and the worst window is found', () => {
  const at = (minute: number, slow: number) => ({ atMs: minute * 60_000, series: parseServerMetrics(page(slow)) });
  const history = [at(0, 0), at(3, 0), at(6, 0), at(9, 50), at(12, 50)];
  const rows = rowsBetween(history[0]!, history.at(-1)!);
  assert.deepEqual(rows.map(({ resource, count }) => [resource, count]), [['pods', 50]]);
  assert.equal(worstWindow(history, 'GET pods (resource)').count, 50);
});
