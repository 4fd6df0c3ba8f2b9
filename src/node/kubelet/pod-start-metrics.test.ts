import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { ManualClock } from '../../client/testing/manual-clock.ts';
import { PodStartMetrics } from './pod-start-metrics.ts';

function rig() {
  const clock = new ManualClock();
  const registry = new MetricRegistry();
  const starts = new PodStartMetrics(registry, clock);
  const created = formatTime(clock.now());
  const pod = (status: Pod['status'], spec: Partial<Pod['spec']> = {}): Pod => ({ metadata: { uid: 'u', creationTimestamp: created }, spec: { containers: [], ...spec }, status });
  /** [count, sum] of SLI, total and own. */
  const seen = () => registry.snapshot().map(({ series }) => [series[0]?.counts?.reduce((a, b) => a + b), series[0]?.value]);
  return { clock, starts, created, pod, seen };
}

const pending = { phase: 'Pending' };
const running = (startedAt: string) => ({ phase: 'Running', startTime: startedAt, containerStatuses: [{ name: 'c', ready: true, restartCount: 0, image: '', imageID: '', state: { running: { startedAt } } }] });

test('from creation, first sight and without pulls and init containers, once a pod', async () => {
  const { clock, starts, created, pod, seen } = rig();
  await clock.advance(500);
  starts.observe(pod(pending));
  await clock.advance(7500);
  starts.imagePulled('u', 2000);
  const init = { name: 'i', ready: true, restartCount: 0, image: '', imageID: '', state: { terminated: { exitCode: 0, startedAt: created, finishedAt: formatTime(clock.now() - 7000) } } };
  const started = pod({ ...running(created), initContainerStatuses: [init] });
  starts.observe(started);
  starts.observe(started);
  assert.deepEqual(seen(), [[1, 5], [1, 8], [1, 7.5]]);
});

test('pods with volumes from elsewhere are not of the indicator', () => {
  const { starts, created, pod, seen } = rig();
  const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }];
  starts.observe(pod(pending, { volumes }));
  starts.observe(pod(running(created), { volumes }));
  assert.deepEqual(seen().map(([count]) => count), [0, 1, 1]);
});

test('neither are pods that were here before, that end, or that go', () => {
  const { starts, created, pod, seen } = rig();
  starts.observe(pod(running(created)));
  starts.observe(pod(running(created)));
  starts.observe(pod(pending));
  starts.observe(pod({ phase: 'Succeeded', startTime: created }));
  starts.observe(pod(running(created)));
  starts.observe(pod(pending));
  starts.forget('u');
  starts.observe(pod(running(created)));
  assert.deepEqual(seen().map(([count]) => count), [0, 0, 0]);
});
