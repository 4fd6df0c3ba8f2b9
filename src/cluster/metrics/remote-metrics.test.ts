import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { ManualClock } from '../../client/testing/manual-clock.ts';
import { RemoteMetrics } from './remote-metrics.ts';

function familiesOf(value: number) {
  const registry = new MetricRegistry();
  registry.gauge('level', '').with().set(value);
  return registry.snapshot();
}

test('those who ask together share an answer, and a busy thread’s last word stands', async () => {
  const clock = new ManualClock();
  let questions = 0;
  const remote = new RemoteMetrics(clock, () => questions++);
  const level = async () => (await remote.snapshot())[0]?.series[0]?.value;
  const together = [level(), level()];
  assert.equal(questions, 1);
  remote.answered(familiesOf(1));
  assert.deepEqual(await Promise.all(together), [1, 1]);
  const late = level();
  assert.equal(questions, 2);
  await clock.advance(1000);
  assert.equal(await late, 1);
  remote.answered(familiesOf(2));
  const next = level();
  remote.answered(familiesOf(3));
  assert.equal(await next, 3);
  assert.equal(questions, 3);
});
