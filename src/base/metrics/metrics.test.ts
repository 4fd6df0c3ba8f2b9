import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exposition, expositionFormat, numberText, type ExpositionFormat } from './exposition.ts';
import { exponentialBounds, Histogram } from './instruments.ts';
import { mergeSnapshots, MetricRegistry } from './registry.ts';
import { parseExposition } from './testing/parse-exposition.ts';

const textOf = (registry: MetricRegistry, format: ExpositionFormat) => [...exposition(registry.snapshot(), format)].join('');

function sampleRegistry(): MetricRegistry {
  const registry = new MetricRegistry();
  const requests = registry.counter('requests_total', 'A "help" with \\ and\na second line.', ['verb', 'path']);
  requests.with('GET', '/a').add();
  requests.with('GET', 'quote " backslash \\ line\nend').add(2e6);
  registry.gauge('empty_gauge', 'Of no series yet.', ['label']);
  registry.gauge('level', 'A level.').with().set(-0.5);
  const latency = registry.histogram('latency_seconds', 'Latency.', [0.001, 1, 1e6], ['verb']).with('GET');
  for (const value of [0.0005, 0.001, 0.5, 1, 1.5, 2e6]) latency.observe(value);
  return registry;
}

describe('instruments', () => {
  test('a value on a bound is below it', () => {
    const histogram = new Histogram([1, 2]);
    for (const value of [1, 1.5, 2, 2.5]) histogram.observe(value);
    assert.deepEqual([...histogram.counts], [1, 2, 1]);
    assert.equal(histogram.sum, 7);
  });

  test('exponential bounds', () => assert.deepEqual(exponentialBounds(1, 2, 4), [1, 2, 4, 8]));
});

describe('registry', () => {
  test('the same labels are the same instrument, and a family is declared once', () => {
    const registry = new MetricRegistry();
    const family = registry.counter('a_total', 'A.', ['x']);
    assert.equal(family.with('1'), registry.counter('a_total', 'A.', ['x']).with('1'));
    assert.notEqual(family.with('1'), family.with('2'));
    assert.throws(() => registry.counter('a_total', 'A.', ['y']), /two forms/);
    assert.throws(() => registry.gauge('a_total', 'A.', ['x']), /two forms/);
    assert.throws(() => family.with(), /labels/);
    assert.throws(() => registry.gauge('no-name', ''), /not a name/);
    assert.throws(() => registry.counter('no_suffix', ''), /_total/);
  });

  test('collectors run before each snapshot, and snapshots stay as they are', () => {
    const registry = new MetricRegistry();
    const gauge = registry.gauge('level', '').with();
    let level = 0;
    registry.beforeSnapshot(() => gauge.set(++level));
    const first = registry.snapshot();
    registry.snapshot();
    assert.equal(first[0]?.series[0]?.value, 1);
    assert.equal(gauge.value, 2);
  });

  test('of many histograms only those that have seen something are shown', () => {
    const registry = new MetricRegistry();
    const family = registry.histogram('h', '', [1], ['x']);
    family.with('idle');
    family.with('busy').observe(0);
    registry.histogram('alone', '', [1]);
    assert.deepEqual(registry.snapshot().map(({ series }) => series.map(({ labels }) => labels.join())), [['busy'], ['']]);
  });

  test('snapshots of several threads are added up, and survive the way between threads', () => {
    const [one, two] = [sampleRegistry(), sampleRegistry()];
    two.counter('requests_total', '', ['verb', 'path']).with('PUT', '/b').add(5);
    two.gauge('only_here', '').with().set(3);
    const merged = mergeSnapshots([one.snapshot(), structuredClone(two.snapshot())]);
    const family = (name: string) => merged.find((other) => other.name === name);
    assert.deepEqual(family('requests_total')?.series.map(({ value }) => value), [2, 4e6, 5]);
    assert.deepEqual([...(family('latency_seconds')?.series[0]?.counts ?? [])], [4, 4, 2, 2]);
    assert.equal(family('only_here')?.series[0]?.value, 3);
  });
});

describe('exposition', () => {
  test('text', () => {
    assert.equal(
      textOf(sampleRegistry(), 'text'),
      String.raw`# HELP requests_total A "help" with \\ and\na second line.
# TYPE requests_total counter
requests_total{verb="GET",path="/a"} 1
requests_total{verb="GET",path="quote \" backslash \\ line\nend"} 2e+06
# HELP level A level.
# TYPE level gauge
level -0.5
# HELP latency_seconds Latency.
# TYPE latency_seconds histogram
latency_seconds_bucket{verb="GET",le="0.001"} 2
latency_seconds_bucket{verb="GET",le="1"} 4
latency_seconds_bucket{verb="GET",le="1e+06"} 5
latency_seconds_bucket{verb="GET",le="+Inf"} 6
latency_seconds_sum{verb="GET"} 2.0000030015e+06
latency_seconds_count{verb="GET"} 6
`,
    );
  });

  test('OpenMetrics names counters without _total in their heads, and ends', () => {
    const text = textOf(sampleRegistry(), 'openmetrics');
    assert.match(text, /^# HELP requests A \\"help\\"/);
    assert.match(text, /\nrequests_total\{verb="GET",path="\/a"\} 1\n/);
    assert.match(text, /le="1\.0"/);
    assert.match(text, /# EOF\n$/);
  });

  test('a strict reader understands both, and gets the labels back', () => {
    for (const format of ['text', 'openmetrics'] as const) {
      const families = parseExposition(textOf(sampleRegistry(), format), format);
      const requests = families.get(format === 'text' ? 'requests_total' : 'requests');
      assert.deepEqual(requests?.samples[1]?.labels, { verb: 'GET', path: 'quote " backslash \\ line\nend' });
      assert.equal(families.has('empty_gauge'), false);
    }
  });

  test('numbers as Go writes them', () => {
    const written = [0, 1, 0.25, 999999, 1e6, 1234567, 1e-4, 1e-8, 1e21, NaN, Infinity, -Infinity, -2.5e-7].map(numberText);
    assert.deepEqual(written, ['0', '1', '0.25', '999999', '1e+06', '1.234567e+06', '0.0001', '1e-08', '1e+21', 'NaN', '+Inf', '-Inf', '-2.5e-07']);
  });

  test('negotiation', () => {
    assert.equal(expositionFormat(undefined), 'text');
    assert.equal(expositionFormat('*/*'), 'text');
    assert.equal(expositionFormat('application/json'), 'text');
    assert.equal(expositionFormat('application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1'), 'openmetrics');
    assert.equal(expositionFormat('application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.3'), 'text');
    assert.equal(expositionFormat('application/openmetrics-text; version=0.0.9'), 'text');
  });
});
