import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareReports, comparisonHtml, formatComparison } from './comparison.ts';
import type { BenchReport } from './bench-report.ts';
import { digits, isFailure, targetText, verdict, type Figure } from './figure.ts';
import { renderPage } from './page.ts';
import { distribution, ratePoints, thinned } from './shapes.ts';
import { exactScale, linearScale, logScale } from './svg.ts';
import { formatReport } from './table.ts';

const summary = { count: 3, p50: 5, p90: 80, p99: 1200, max: 1300 };
const row = { verb: 'GET', resource: 'pods<x>', subresource: '', scope: 'resource' as const, ...summary, errors: 1, worst: summary };
const slo: Figure = { name: 'start-up', value: 6000, unit: 'ms', target: { atMost: 5000 }, isSlo: true };
const report: BenchReport = {
  bench: 'density',
  title: 'Density',
  system: 'Coxswain v1.36.0',
  machine: 'a machine',
  startedAt: '2026-01-01T00:00:00.000Z',
  seconds: 60,
  settings: { nodes: 3 },
  phases: [{ name: 'saturation', from: 1, to: 5, done: 10, unit: 'pods' }],
  figures: [slo, { name: 'rate', value: 1234.5, unit: '/s', target: { atLeast: 1000 } }, { name: 'plain', value: 0.123, unit: 's' }],
  latencies: [{ source: 'probe', rows: [row] }, { source: 'server', phase: 'saturation', rows: [row] }],
  distributions: [distribution('Starts', 'all', 'ms', [1, 10, 100])],
  series: [{ chart: 'Rates', name: 'pods', unit: '/s', points: [[0, 1], [1, 200], [2, 3]] }],
  usage: [{ name: 'coxswain', role: 'server', cpuShare: 0.5, cpuSeconds: 30, rssMb: 100, rssHighestMb: 200, threads: [] }],
  notes: ['Small & quick.'],
};

test('verdicts: an objective that is missed fails, a goal does not', () => {
  assert.equal(verdict(slo), 'MISSED');
  assert.ok(isFailure(slo));
  assert.equal(verdict({ ...slo, value: 5000 }), 'ok');
  assert.ok(!isFailure({ ...slo, isSlo: false }));
  assert.equal(verdict({ name: 'x', value: 1, unit: 's' }), '');
  assert.equal(targetText(slo), '≤ 5,000 (SLO)');
  assert.deepEqual([1234.5, 99.49, 0.012345].map(digits), ['1,235', '99.5', '0.0123']);
});

test('the table has figures, verdicts, latencies and processes', () => {
  const text = formatReport(report);
  for (const part of ['Density: Coxswain v1.36.0', 'MISSED', '1,235 /s', 'GET pods<x> (resource)', 'coxswain', 'Small & quick.']) assert.ok(text.includes(part), part);
});

test('the page is whole, escaped, and asks nobody for anything', () => {
  const html = renderPage([report, { ...report, system: 'upstream v1.36.0' }]);
  assert.ok(html.startsWith('<!doctype html>') && html.trimEnd().endsWith('</html>'));
  assert.ok(html.includes('GET pods&lt;x&gt; (resource)') && !html.includes('pods<x>'));
  assert.ok(html.includes('Small &amp; quick.'));
  assert.doesNotMatch(html, /https?:\/\/|@import|url\(/);
  assert.equal(html.match(/<svg/g)?.length, html.match(/<\/svg>/g)?.length);
  assert.doesNotMatch(html, /NaN|undefined|Infinity/);
});

test('samples fall into buckets that grow by a constant factor', () => {
  const { buckets, summary: exact } = distribution('c', 'n', 'ms', [1, 1, 8, 0]);
  assert.deepEqual(buckets.map(([, count]) => count), [1, 2, 1]);
  assert.equal(buckets[1]?.[0], 1);
  assert.equal(exact.max, 8);
});

test('moments become counts a second', () => {
  assert.deepEqual(ratePoints([]), []);
  assert.deepEqual(ratePoints([0.1, 0.2, 0.3]), [[0, 8], [0.25, 4]]);
  const long = ratePoints(Array.from({ length: 1000 }, (_, index) => index));
  assert.ok(long.length <= 601 && long.every(([, rate]) => rate <= 1));
});

test('a line with too many points keeps its peaks', () => {
  const points = Array.from({ length: 5000 }, (_, index) => [index, index === 777 ? 99 : 1] as const);
  const few = thinned({ chart: 'c', name: 'n', unit: '', points });
  assert.ok(few.points.length <= 600);
  assert.ok(few.points.some(([at, value]) => at === 777 && value === 99));
});

test('scales have round ticks', () => {
  assert.deepEqual(linearScale(0, 93, 0, 100).ticks, [0, 20, 40, 60, 80, 100]);
  assert.equal(linearScale(0, 93, 0, 100)(50), 50);
  assert.deepEqual(logScale(3, 400, 0, 1).ticks, [1, 10, 100, 1000]);
  assert.deepEqual(exactScale(0, 11, 0, 110).ticks, [0, 2, 4, 6, 8, 10]);
  assert.equal(exactScale(0, 11, 0, 110)(11), 110);
});

test('a comparison says how many times better ours is: more of a rate, less of a time', () => {
  const theirs = { ...report, figures: [{ ...slo, value: 12_000 }, { name: 'rate', value: 2469, unit: '/s' }, { name: 'theirs alone', value: 1, unit: 's' }] };
  const compared = compareReports(report, theirs);
  assert.deepEqual(compared.map(({ name, ratio }) => [name, ratio]), [['start-up', 2], ['rate', 0.5]]);
  const names = { ours: 'Coxswain', theirs: 'upstream' };
  assert.match(formatComparison(compared, names), /start-up +12,000 ms +6,000 ms +2 ×/);
  assert.match(comparisonHtml(compared, names), /badge missed">0\.5 ×/);
});

test('figures of one chart are bars with their marks', () => {
  const html = renderPage([{ ...report, figures: [{ ...slo, chart: 'Times' }, { ...slo, name: 'other', value: 10, chart: 'Times' }] }]);
  assert.match(html, /<figcaption>Times/);
  assert.equal(html.match(/class="target"/g)?.length, 2);
  assert.equal(html.match(/class="bar bad"/g)?.length, 1);
});

test('costs by the size of the cluster are drawn over nodes', () => {
  const html = renderPage([{ ...report, series: [{ chart: 'Cost', name: 'a pod', unit: 'ms', x: 'nodes', points: [[100, 3], [1000, 4]] }] }]);
  assert.match(html, /by nodes/);
  assert.match(html, /<circle class="bar c0"/);
});
