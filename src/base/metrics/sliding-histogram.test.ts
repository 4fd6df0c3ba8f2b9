import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SlidingHistogram } from './sliding-histogram.ts';

const windowMs = 300_000;
const slotMs = 10_000;

test('a quantile is at most an eighth too high and never too low', () => {
  const values = fc.array(fc.double({ min: 0.0002, max: 1000, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(values, fc.constantFrom(0.5, 0.9, 0.99, 1), (observed, fraction) => {
      const histogram = new SlidingHistogram(windowMs, slotMs);
      for (const value of observed) histogram.observe(0, value);
      const exact = observed.toSorted((a, b) => a - b)[Math.ceil(fraction * observed.length) - 1] as number;
      const told = histogram.quantile(0, fraction) as number;
      assert.ok(told > exact && told <= exact * 1.125 + 1e-12, `${exact} told as ${told}`);
    }),
  );
});

test('objectives are ends of buckets: what is just below them is not told above', () => {
  for (const objective of [1, 5, 30]) {
    const histogram = new SlidingHistogram(windowMs, slotMs);
    histogram.observe(0, objective - 1e-9);
    assert.equal(histogram.quantile(0, 1), objective);
    histogram.observe(0, objective + 1e-9);
    assert.ok((histogram.quantile(0, 1) as number) > objective);
  }
});

test('the ends of the range', () => {
  const histogram = new SlidingHistogram(windowMs, slotMs);
  assert.equal(histogram.quantile(0, 0.99), undefined);
  histogram.observe(0, 0);
  assert.ok((histogram.quantile(0, 0.99) as number) < 0.00015);
  histogram.observe(0, 1e6);
  assert.equal(histogram.quantile(0, 0.99), Infinity);
});

test('what is older than the window is forgotten, slot by slot', () => {
  const histogram = new SlidingHistogram(windowMs, slotMs);
  histogram.observe(5_000, 8);
  histogram.observe(15_000, 0.01);
  assert.equal(histogram.count(299_999), 2);
  assert.equal(histogram.count(300_000), 1);
  assert.ok((histogram.quantile(300_000, 1) as number) < 0.012);
  assert.equal(histogram.count(310_000), 0);
  histogram.observe(311_000, 1);
  assert.equal(histogram.count(10_000_000), 0);
});

test('agrees with a list of all observations, whatever the times', () => {
  const steps = fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 200_000 }), value: fc.constantFrom(0.001, 0.1, 10) }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (script) => {
      const histogram = new SlidingHistogram(windowMs, slotMs);
      const all: { slot: number; value: number }[] = [];
      let now = 0;
      for (const { waitMs, value } of script) {
        now += waitMs;
        histogram.observe(now, value);
        all.push({ slot: Math.floor(now / slotMs), value });
        const live = all.filter(({ slot }) => slot > Math.floor(now / slotMs) - windowMs / slotMs);
        assert.equal(histogram.count(now), live.length);
        const median = live.map((one) => one.value).toSorted((a, b) => a - b)[Math.ceil(live.length / 2) - 1] as number;
        assert.ok((histogram.quantile(now, 0.5) as number) <= median * 1.125);
        assert.ok((histogram.quantile(now, 0.5) as number) > median);
      }
    }),
  );
});
