import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure, verdict } from '../report/figure.ts';
import type { LatencyRow } from './latency.ts';
import { summarize, percentile } from './percentile.ts';
import { apiVerdicts, startUpVerdict } from './slo.ts';

const summary = (p99: number) => ({ count: 100, p50: 1, p90: 2, p99, max: p99 });
const row = (verb: string, resource: string, scope: LatencyRow['scope'], p99: number, worst = p99): LatencyRow => ({ verb, resource, subresource: '', scope, ...summary(p99), errors: 0, worst: summary(worst) });

test('the worst kind of call decides, in its worst five minutes', () => {
  const rows = [row('GET', 'pods', 'resource', 30), row('POST', 'pods', 'resource', 900, 1100), row('LIST', 'pods', 'cluster', 1500), row('POST', 'events', 'resource', 9999)];
  const figures = apiVerdicts(rows, 'probe');
  assert.deepEqual(figures.map((figure) => [figure.value, verdict(figure)]), [[1100, 'MISSED'], [1500, 'ok'], [1500, 'MISSED']]);
  assert.match(figures[0]?.note ?? '', /POST pods \(resource\)/);
  assert.ok(isFailure(figures[0]!) && !isFailure(figures[1]!));
  assert.deepEqual(apiVerdicts([], 'probe'), []);
});

test('percentiles are exact: sorted[ceil(n·p/100) - 1]', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.deepEqual(summarize(hundred), { count: 100, p50: 50, p90: 90, p99: 99, max: 100 });
  assert.equal(percentile([1, 2, 3], 50), 2);
  assert.equal(percentile([7], 99), 7);
  assert.equal(percentile([], 99), 0);
});

test('start-up must stay within five seconds', () => {
  assert.equal(verdict(startUpVerdict('a', summarize([1000, 4999]))), 'ok');
  assert.equal(verdict(startUpVerdict('a', summarize([1000, 5001]))), 'MISSED');
});
