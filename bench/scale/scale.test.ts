import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import { needOf, type UnitCosts } from './cost-model.ts';
import { simulateThread } from './thread-queue.ts';

const costs: UnitCosts = {
  podMs: 2,
  heartbeatMs: 0.2,
  baseMb: 100,
  nodeMb: 0.2,
  podMb: 0.02,
  apiThreadShare: 0.5,
  fanInMs: 0.02,
  podBytes: 20_000,
  heartbeatBytes: 600,
  podChanges: 8,
  brainsPodMb: 0.005,
  brainsPodMs: 0.3,
};

describe('the cost model', () => {
  test('one server as long as its thread has time', () => {
    const need = needOf(costs, { nodes: 1000, podsPerNode: 30, podsPerSecond: 100 }, 0.6);
    assert.equal(need.servers, 1);
    assert.equal(need.heartbeatsPerSecond, 100);
    assert.equal(need.changesPerSecond, 900);
    assert.ok(Math.abs(need.cores - 0.22) < 1e-9);
    assert.ok(Math.abs(need.serverGb - (100 + 200 + 600) / 1024) < 1e-9);
  });

  test('more servers divide their own work, not what they must apply', () => {
    const need = needOf(costs, { nodes: 10_000, podsPerNode: 30, podsPerSecond: 1000 }, 0.6);
    // 1.1 of a thread for one; 0.55 and 0.09 for each of two; 0.37 and 0.12 for each of three.
    assert.equal(need.servers, 3);
    assert.ok(Math.abs(need.apiThreadLoad - (1.1 / 3 + (9000 * 0.02 * 2) / 3000)) < 1e-9);
    const applies = needOf(costs, { nodes: 100_000, podsPerNode: 30, podsPerSecond: 5000 }, 0.6);
    assert.equal(applies.servers, undefined, 'every change is applied by every server: 1.0 of a thread');
  });
});

describe('a thread that serves in order', () => {
  const services = [
    { ms: 0.1, share: 0.5 },
    { ms: 0.3, share: 0.5 },
  ];
  const at = (load: number, pauseMs = 0) => simulateThread(services, { everyMs: 20, ms: pauseMs }, load, 200_000, seededRandom(1));

  test('an idle one takes what the request takes', () => {
    const { p50, p99 } = at(0.01);
    assert.ok(p50 >= 0.1 && p50 <= 0.3);
    assert.ok(p99 < 0.5);
  });

  test('a busy one makes wait as queueing theory says', () => {
    // Mean wait of M/G/1: load x E[s^2] / (2 E[s] (1 - load)).
    const { p50 } = at(0.9);
    const meanWait = (0.9 * 0.05) / (2 * 0.2 * 0.1);
    assert.ok(p50 > meanWait * 0.4 && p50 < meanWait * 1.4 + 0.2, `${p50} at a mean of ${meanWait}`);
    assert.ok(at(0.9).p99 > 4 * at(0.5).p99 * 0.5);
  });

  test('pauses are waited for', () => {
    assert.ok(at(0.5, 10).p99 > 5);
  });
});
