import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelSecond } from './model.ts';
import { DemoRun } from './run.ts';
import type { Second } from './workload/second.ts';
import { LatencyCounts } from './workload/latency.ts';

function second(at: number, ms: number, failed = 0): Second {
  const latencies = new LatencyCounts();
  for (let i = 0; i < 100; i++) latencies.add(ms);
  return { second: at, bots: 1, succeeded: 100, failed, sumMs: latencies.sumMs, latencies: latencies.buckets(), versions: { v1: 100 }, failures: failed > 0 ? { ECONNRESET: failed } : {} };
}

function runOf(updateMs: number, failed: number) {
  const run = new DemoRun();
  run.begin('before', 10);
  run.begin('update', 12);
  run.begin('after', 14);
  const points = [10, 11].map((at) => run.add(second(at, 1)));
  points.push(run.add(second(12, updateMs, failed)), run.add(second(13, updateMs)), run.add(second(14, 1)));
  return { points, verdict: run.verdict() };
}

test('seconds belong to the phase that had begun', () => {
  assert.deepEqual(runOf(1, 0).points.map(({ phase }) => phase), ['before', 'before', 'update', 'update', 'after']);
});

test('one failed request, or a slow update, is no pass', () => {
  assert.equal(runOf(1.4, 0).verdict.passed, true);
  assert.equal(runOf(1.6, 0).verdict.passed, false);
  const { verdict } = runOf(1, 1);
  assert.deepEqual([verdict.passed, verdict.failed, verdict.requests, verdict.failures], [false, 1, 501, { ECONNRESET: 1 }]);
  assert.equal(new DemoRun().verdict().passed, false, 'nothing seen is nothing shown');
});

test('the model serves what its endpoints can, by version, and fails the rest', () => {
  const model = { perBot: 1000, perServer: 10_000 };
  const served = modelSecond(1, 10, new Map([['v1', 1], ['v2', 3]]), model);
  assert.deepEqual([served.succeeded, served.failed, served.versions], [10_000, 0, { v1: 2500, v2: 7500 }]);
  const busier = modelSecond(1, 30, new Map([['v2', 4]]), model);
  assert.ok(busier.sumMs / busier.succeeded > served.sumMs / served.succeeded);
  assert.deepEqual(modelSecond(1, 30, new Map([['v1', 2]]), model).failures, { 'no room': 11_000 });
  const none = modelSecond(1, 10, new Map(), model);
  assert.deepEqual([none.succeeded, none.failures], [0, { 'no endpoint': 10_000 }]);
});
