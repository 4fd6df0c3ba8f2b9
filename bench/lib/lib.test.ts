import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../../src/client/testing/manual-clock.ts';
import { TokenBucket } from '../../src/client/token-bucket.ts';
import { ApiLatency } from './latency.ts';
import { formatBar, formatSeconds, formatStanding } from './progress.ts';
import { node, scenarios } from './scheduler-scenarios.ts';
import { throughputOf } from './scheduling-throughput.ts';
import { keyOfRequest, type RequestKey } from './request-key.ts';

test('progress says how much, how fast and how long', () => {
  const standing = { phase: 'saturation', done: 1500, total: 3000, unit: 'pods', rate: 250 };
  assert.equal(formatStanding(standing), '1,500/3,000 pods  250/s  ETA 6 s');
  assert.match(formatBar(standing, 10), /^saturation +█████░░░░░ 1,500/);
  assert.equal(formatStanding({ ...standing, total: undefined }), '1,500 pods  250/s');
  assert.equal(formatStanding({ phase: 'idle', done: 12, total: 30, unit: 's', rate: 1 }), '12/30 s  ETA 18 s');
  assert.deepEqual([59, 61, 7260].map(formatSeconds), ['59 s', '1 min 1 s', '2 h 1 min']);
});

test('latencies are kept by kind of call, for the run and for its parts; errors are counted apart', () => {
  const latency = new ApiLatency();
  const get = keyOfRequest('GET', '/api/v1/nodes/n') as RequestKey;
  latency.record(get, 10, false);
  latency.record(get, 0, true);
  assert.deepEqual(latency.takePart().map(({ verb, count, errors }) => [verb, count, errors]), [['GET', 1, 1]]);
  assert.deepEqual(latency.takePart(), []);
  latency.record(get, 1000, false);
  const [row] = latency.rows();
  assert.deepEqual([row?.count, row?.errors], [2, 1]);
  assert.ok(Math.abs((row?.p50 ?? 0) - 10) < 0.2 && Math.abs((row?.worst.p99 ?? 0) - 1000) < 20);
});

test('throughput is counted by seconds from the first pod on', () => {
  const { average, perSecond } = throughputOf([5000, 5100, 5200, 6500, 7000]);
  assert.equal(average, 2.5);
  assert.deepEqual([perSecond.count, perSecond.max, perSecond.p50], [3, 3, 1]);
  assert.equal(throughputOf([]).average, 0);
});

test('the client’s limit lets a burst through at once, and the rest at its rate, in order', () => {
  const clock = new ManualClock();
  const bucket = new TokenBucket(clock, 50, 100);
  const waits = Array.from({ length: 151 }, () => bucket.reserve());
  assert.ok(waits.slice(0, 100).every((ms) => ms === 0));
  assert.equal(waits[100], 20);
  assert.equal(waits[150], 1020);
  assert.equal(bucket.tryTake(), false);
});

test('the workloads of the scheduler benchmark are objects that the API knows', () => {
  const namespaces = { init: 'a', measured: 'b' };
  for (const { name, init, measured } of scenarios)
    for (const set of [init, measured]) {
      const pod = set?.pod('p', namespaces) as { kind: string; metadata: { name: string }; spec: { containers: unknown[] } } | undefined;
      if (pod) assert.deepEqual([pod.kind, pod.metadata.name, pod.spec.containers.length], ['Pod', 'p', 1], name);
    }
  const thresholds = Object.fromEntries(scenarios.map(({ name, threshold }) => [name, threshold]));
  assert.deepEqual([thresholds['basic'], thresholds['daemonset'], thresholds['preemption'], thresholds['topology spread']], [680, 1100, 570, undefined]);
  assert.equal((node('n', { zone: 'zone1' }) as { metadata: { labels: Record<string, string> } }).metadata.labels['topology.kubernetes.io/zone'], 'zone1');
});
