import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInCatalogue } from '../../api/catalogue.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { silentLogger } from '../../base/logger.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { ManualClock } from '../../client/testing/manual-clock.ts';
import { openMemoryStore } from '../../storage/memory/memory-store.ts';
import { cachedResourceOf } from '../watchcache/cached-resource.ts';
import { encodeForStorage } from '../watchcache/encoding.ts';
import { indexHintOf } from '../watchcache/index-hint.ts';
import { WatchCacheSet } from '../watchcache/watch-cache-set.ts';
import { PodStartups } from './pod-startups.ts';
import { SloMeter } from './slo-meter.ts';

const resource = builtInCatalogue().lookup('', 'v1', 'pods')!;

/** Pods whose states are written to a store that a watch cache follows. */
async function rig() {
  const clock = new ManualClock();
  const store = await openMemoryStore({ clock });
  const set = new WatchCacheSet({ store, clock, logger: silentLogger });
  const pods = set.add(cachedResourceOf(resource));
  const registry = new MetricRegistry();
  const meter = new SloMeter(clock);
  const startups = new PodStartups({ clock, pods, meter, registry });
  await set.start();
  const write = async (pod: KubeObject | undefined) => {
    const key = `${resource.storagePrefix}ns/p`;
    const value = pod && encodeForStorage(pod);
    await store.commit({ key, expected: undefined, value, hint: pod && indexHintOf(resource, pod) });
    await clock.advance(0);
  };
  const pod = (spec: Partial<Pod['spec']>, status: Pod['status'] = { phase: 'Pending' }) =>
    ({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'p', namespace: 'ns' }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec }, status }) as unknown as KubeObject;
  const create = async (spec: Partial<Pod['spec']> = {}) => {
    await write(pod(spec));
    startups.created(resource, pod(spec), clock.monotonic());
  };
  const seconds = () => Object.fromEntries(meter.report().indicators.map(({ of, last5Minutes }) => [of['phase'], last5Minutes?.p99Seconds]));
  const leftOut = () => registry.snapshot().find(({ name }) => name === 'coxswain_pod_startup_left_out_total')?.series.map(({ labels }) => labels[0]);
  return { clock, write, pod, create, seconds, leftOut, close: () => set.stop() };
}

test('a start has its phases, and ends when it has been seen', async () => {
  const { clock, write, pod, create, seconds, close } = await rig();
  await create();
  await clock.advance(999);
  await write(pod({ nodeName: 'n' }));
  await clock.advance(1999);
  await write(pod({ nodeName: 'n' }, { phase: 'Pending', podIP: '10.0.0.1' }));
  await write(pod({ nodeName: 'n' }, { phase: 'Running' }));
  await write(pod({ nodeName: 'n' }, { phase: 'Running', podIP: '10.0.0.1' }));
  const { run_to_watch: seen, ...rest } = seconds();
  assert.deepEqual(rest, { pod_startup: 3, create_to_schedule: 1, schedule_to_run: 2 });
  assert.ok(Number(seen) < 0.001, 'nobody watches');
  await close();
});

test('what init containers took is taken off', async () => {
  const { clock, write, pod, create, seconds, close } = await rig();
  const spec = { initContainers: [{ name: 'i', image: 'i' }], nodeName: 'n' };
  await create(spec);
  await clock.advance(3999);
  const terminated = { exitCode: 0, startedAt: '2026-01-01T00:00:00Z', finishedAt: '2026-01-01T00:00:03Z' };
  await write(pod(spec, { phase: 'Running', initContainerStatuses: [{ name: 'i', ready: true, restartCount: 0, image: '', imageID: '', state: { terminated } }] }));
  assert.deepEqual([seconds()['pod_startup'], seconds()['schedule_to_run']], [1, 1]);
  await close();
});

test('only schedulable and stateless pods count', async () => {
  const { write, pod, create, seconds, leftOut, close } = await rig();
  const run = async (spec: Partial<Pod['spec']>, before?: Pod['status']) => {
    await create(spec);
    if (before) await write(pod(spec, before));
    await write(pod({ ...spec, nodeName: 'n' }));
    await write(pod({ ...spec, nodeName: 'n' }, { phase: 'Running' }));
    await write(undefined);
  };
  await run({ volumes: [{ name: 'v', hostPath: { path: '/' } }] });
  await run({ schedulingGates: [{ name: 'g' }] });
  await run({}, { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] });
  await run({}, { phase: 'Pending', nominatedNodeName: 'n' });
  assert.deepEqual(seconds(), {});
  assert.deepEqual(leftOut(), ['stateful', 'gated', 'unschedulable']);
  await run({ volumes: [{ name: 'v', projected: { sources: [] } }, { name: 'w', emptyDir: {} }] }, { phase: 'Pending', message: 'on its way' });
  assert.ok('pod_startup' in seconds());
  await close();
});

test('a pod that goes, or ends before it was seen to run, is no start', async () => {
  const { write, pod, create, seconds, close } = await rig();
  await create({ nodeName: 'n' });
  await write(undefined);
  await write(pod({ nodeName: 'n' }, { phase: 'Running' }));
  await write(undefined);
  await create({ nodeName: 'n' });
  await write(pod({ nodeName: 'n' }, { phase: 'Failed' }));
  await write(pod({ nodeName: 'n' }, { phase: 'Running' }));
  assert.deepEqual(seconds(), {});
  await close();
});
