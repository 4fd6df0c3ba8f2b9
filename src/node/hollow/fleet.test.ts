import { afterEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createLogger, silentLogger, type LogRecord } from '../../base/logger.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { seededRandom } from '../../base/random.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { Client } from '../../client/client.ts';
import { ManualClock } from '../../client/testing/manual-clock.ts';
import { FakeApi, failure } from './testing/fake-api.ts';
import { startHollowFleet } from './fleet.ts';
import type { HollowFleetOptions } from './fleet.ts';
import type { Behaviour } from './behaviour.ts';

const podsOf = '/namespaces/ns/pods/';
let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

async function begin(more: Partial<HollowFleetOptions> = {}, api = new FakeApi(), clock = new ManualClock()) {
  const options = { count: 1, clientFor: () => new Client(api, { clock }), clock, random: seededRandom(1), logger: silentLogger, metrics: new MetricRegistry(), events: false };
  const fleet = startHollowFleet({ ...options, signal: stop.signal, ...more });
  await clock.advance(10);
  await fleet.registered;
  return { api, clock, fleet };
}

function pod(name: string, spec: Partial<Pod['spec']> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ns', uid: `uid-of-${name}`, generation: 1, ...metadata },
    spec: { nodeName: 'node-0', restartPolicy: 'Always', containers: [{ name: 'main', image: 'nginx' }], ...spec },
    status: { phase: 'Pending', qosClass: 'BestEffort', conditions: [{ type: 'PodScheduled', status: 'True', lastProbeTime: null as unknown as string, lastTransitionTime: '2025-12-31T23:59:59Z' }] },
  };
}

function behaviour(more: Partial<Behaviour>): Behaviour {
  return { name: 'test', applies: () => true, start: { delay: () => 1 }, ready: () => 0, stop: { delay: () => 1, exitCode: 0 }, ...more };
}

describe('a hollow node', () => {
  test('registers, makes a lease and renews it', async () => {
    const { api, clock } = await begin({ count: 3 });
    const node = api.objects.get('/api/v1/nodes/node-1');
    assert.equal((node?.['spec'] as { podCIDR: string } | undefined)?.podCIDR, '10.128.1.0/24');
    assert.deepEqual((node?.status?.['addresses'] as object[] | undefined)?.[0], { type: 'InternalIP', address: '172.16.0.3' });
    const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-1';
    assert.equal((api.objects.get(lease)?.['spec'] as { holderIdentity: string } | undefined)?.holderIdentity, 'node-1');
    const before = api.writesTo('/leases/node-1').length;
    await clock.advance(30_000);
    assert.equal(api.writesTo('/leases/node-1').length, before + 3);
    await clock.advance(300_000);
    assert.equal(api.writesTo('/nodes/node-1/status').length, 1);
  });

  test('brings a pod to Running and Ready with one write', async () => {
    const { api, clock } = await begin();
    api.putPod(pod('web'));
    await clock.advance(100);
    const writes = api.writesTo(podsOf);
    assert.equal(writes.length, 1);
    assert.equal(writes[0]?.path, '/api/v1/namespaces/ns/pods/web/status');
    const status = api.pod('ns', 'web')?.status;
    assert.equal(status?.phase, 'Running');
    assert.equal(status?.podIP, '10.128.0.2');
    assert.equal(status?.hostIP, '172.16.0.2');
    assert.equal(status?.observedGeneration, 1);
    assert.deepEqual(
      status?.conditions?.map(({ type, status }) => [type, status]),
      [['PodScheduled', 'True'], ['PodReadyToStartContainers', 'True'], ['Initialized', 'True'], ['Ready', 'True'], ['ContainersReady', 'True']],
    );
    const [container] = status?.containerStatuses ?? [];
    assert.match(container?.containerID ?? '', /^containerd:\/\/[0-9a-f]{64}$/);
    assert.equal(container?.image, 'docker.io/library/nginx:latest');
    assert.ok(container?.ready && container.started && container.state?.running);
    await clock.advance(60_000);
    assert.equal(api.writesTo(podsOf).length, 1, 'the echo of its own write makes no further one');
  });

  test('runs init containers in order, then a sidecar, then the rest', async () => {
    const { api, clock } = await begin();
    api.putPod(pod('web', { initContainers: [{ name: 'one', image: 'a' }, { name: 'side', image: 'b', restartPolicy: 'Always' }, { name: 'two', image: 'c' }] }));
    await clock.advance(200);
    const status = api.pod('ns', 'web')?.status;
    assert.equal(status?.phase, 'Running');
    assert.deepEqual(status?.initContainerStatuses?.map(({ name, ready }) => [name, ready]), [['one', true], ['side', true], ['two', true]]);
    assert.equal(api.writesTo(podsOf).length, 1);
  });

  test('stops a deleted pod, reports its end and deletes it', async () => {
    const { api, clock, fleet } = await begin();
    api.putPod(pod('web'));
    await clock.advance(100);
    const running = api.pod('ns', 'web') as Pod;
    api.putPod({ ...running, metadata: { ...running.metadata, deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 } });
    await clock.advance(100);
    const [, last, removal] = api.writesTo(podsOf);
    assert.equal((last?.body['status'] as { phase: string } | undefined)?.phase, 'Succeeded');
    assert.equal(removal?.method, 'DELETE');
    assert.equal(removal?.body['gracePeriodSeconds'], 0);
    assert.deepEqual(removal?.body['preconditions'], { uid: 'uid-of-web' });
    assert.equal(api.writesTo(podsOf).length, 3);
    assert.equal(fleet.kubelets[0]?.podCount, 0);
  });

  test('a pod that never ran is deleted too', async () => {
    const { api, clock, fleet } = await begin();
    api.putPod(pod('web', {}, { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 }));
    await clock.advance(100);
    assert.equal(api.pod('ns', 'web'), undefined);
    assert.equal(fleet.kubelets[0]?.podCount, 0);
  });

  test('a pod that was removed by force is forgotten without writes', async () => {
    const { api, clock, fleet } = await begin();
    api.putPod(pod('web'));
    await clock.advance(100);
    api.removePod(api.pod('ns', 'web') as Pod);
    await clock.advance(100);
    assert.equal(api.writesTo(podsOf).length, 1);
    assert.equal(fleet.kubelets[0]?.podCount, 0);
  });

  test('a container that ends is restarted, then backs off', async () => {
    const crash = behaviour({ applies: (pod) => pod.metadata.name === 'web', run: { time: () => 1000, exitCode: 3 } });
    const { api, clock } = await begin({ stages: { behaviours: [crash], podStages: [] } });
    api.putPod(pod('web'));
    await clock.advance(2500);
    const container = () => api.pod('ns', 'web')?.status?.containerStatuses?.[0];
    assert.equal(container()?.restartCount, 1);
    assert.equal(container()?.state?.waiting?.reason, 'CrashLoopBackOff');
    assert.equal(container()?.state?.waiting?.message, 'back-off 10s restarting failed container=main pod=web_ns(uid-of-web)');
    assert.equal(container()?.lastState?.terminated?.exitCode, 3);
    assert.equal(api.pod('ns', 'web')?.status?.phase, 'Running');
    assert.equal(api.pod('ns', 'web')?.status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'False');
    await clock.advance(10_000);
    assert.equal(container()?.restartCount, 2);
  });

  test('a pod that completes ends Succeeded and its address is free again', async () => {
    const { api, clock } = await begin();
    const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'batch', uid: 'uid-of-job', controller: true }];
    api.putPod(pod('batch', { restartPolicy: 'Never' }, { ownerReferences }));
    await clock.advance(2000);
    const status = api.pod('ns', 'batch')?.status;
    assert.equal(status?.phase, 'Succeeded');
    assert.equal(status?.containerStatuses?.[0]?.state?.terminated?.reason, 'Completed');
    assert.equal(status?.conditions?.find(({ type }) => type === 'Ready')?.reason, 'PodCompleted');
    assert.equal(status?.podIP, '10.128.0.2');
  });

  test('readiness follows the probe', async () => {
    const { api, clock } = await begin({ stages: { behaviours: [behaviour({ ready: () => 5000 })], podStages: [] } });
    api.putPod(pod('web', { containers: [{ name: 'main', image: 'nginx', readinessProbe: { periodSeconds: 2 } }] }));
    await clock.advance(1000);
    const ready = () => api.pod('ns', 'web')?.status?.conditions?.find(({ type }) => type === 'Ready');
    assert.equal(ready()?.status, 'False');
    assert.equal(ready()?.message, 'containers with unready status: [main]');
    await clock.advance(6000);
    assert.equal(ready()?.status, 'True');
  });

  test('a deadline fails the pod', async () => {
    const { api, clock } = await begin();
    api.putPod(pod('web', { activeDeadlineSeconds: 5 }));
    await clock.advance(6000);
    const status = api.pod('ns', 'web')?.status;
    assert.equal(status?.phase, 'Failed');
    assert.equal(status?.reason, 'DeadlineExceeded');
  });

  test('in the cheap mode all nodes share one watch, and say so', async () => {
    const api = new FakeApi();
    api.putPod(pod('early', { nodeName: 'node-2' }));
    const clock = new ManualClock();
    const { fleet } = await begin({ count: 3, cheapClient: new Client(api, { clock }) }, api, clock);
    api.putPod(pod('late', { nodeName: 'node-1' }));
    api.putPod(pod('foreign', { nodeName: 'elsewhere' }));
    await clock.advance(100);
    assert.equal(api.watches, 1);
    assert.deepEqual(fleet.kubelets.map(({ podCount }) => podCount), [0, 1, 1]);
    assert.deepEqual(['early', 'late', 'foreign'].map((name) => api.pod('ns', name)?.status?.phase), ['Running', 'Running', 'Pending']);
    const labels = api.objects.get('/api/v1/nodes/node-1')?.metadata['labels'] as Record<string, string> | undefined;
    assert.equal(labels?.['hollow.coxswain.dev/mode'], 'cheap');
  });

  test('what goes wrong on every node is said once in a while', async () => {
    const warnings: LogRecord[] = [];
    const { api, clock } = await begin({ count: 3, logger: createLogger((record) => warnings.push(record), 'warn') });
    api.intercept = ({ method }) => (method === 'PUT' ? failure(500, 'InternalError') : undefined);
    await clock.advance(40_000);
    assert.ok(warnings.length <= 4, `${warnings.length} warnings`);
    assert.equal(warnings[0]?.message, 'renewing the lease failed');
    assert.ok(Number(warnings[1]?.fields['alikeSinceTheLast']) > 3);
  });

  test('a failed write is tried again', async () => {
    const { api, clock } = await begin();
    let failures = 2;
    api.intercept = ({ method, target }) => (method === 'PATCH' && target.includes(podsOf) && failures-- > 0 ? failure(500, 'InternalError') : undefined);
    api.putPod(pod('web'));
    await clock.advance(2000);
    assert.equal(api.pod('ns', 'web')?.status?.phase, 'Running');
  });

  test('after a restart running pods are adopted and deleted ones finished', async () => {
    const { api, clock } = await begin();
    api.putPod(pod('stays'));
    api.putPod(pod('goes'));
    await clock.advance(100);
    stop.abort();
    stop = new AbortController();
    const goes = api.pod('ns', 'goes') as Pod;
    api.putPod({ ...goes, metadata: { ...goes.metadata, deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 } });
    const written = api.writesTo('/pods/stays').length;
    const idBefore = api.pod('ns', 'stays')?.status?.containerStatuses?.[0]?.containerID;
    await begin({}, api, clock);
    await clock.advance(1000);
    assert.equal(api.writesTo('/pods/stays').length, written);
    assert.equal(api.pod('ns', 'stays')?.status?.containerStatuses?.[0]?.containerID, idBefore);
    assert.equal(api.pod('ns', 'goes'), undefined);
    api.putPod(pod('new'));
    await clock.advance(100);
    assert.notEqual(api.pod('ns', 'new')?.status?.podIP, api.pod('ns', 'stays')?.status?.podIP);
  });
});
