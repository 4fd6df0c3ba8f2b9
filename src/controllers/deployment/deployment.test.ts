import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { FakeApi } from '../../client/testing/fake-api.ts';
import { apiError } from '../../api/errors.ts';
import { deployments } from '../../client/resources.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import { limitsOf, rollingStep } from './rollout.ts';

const labels = { app: 'web' };
const forbidden = apiError(403, 'Forbidden', 'exceeded quota');
const deployment = (image: string, replicas = 4, spec: Partial<Deployment['spec']> = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', uid: 'd-uid', generation: 1 },
  spec: {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'c', image }] } },
    progressDeadlineSeconds: 600,
    revisionHistoryLimit: 1,
    ...spec,
  },
});

/** Says of every pod that it is ready, as kubelets would. */
function makeReady(api: FakeApi): void {
  for (const pod of api.list<Pod>('pods')) {
    if (pod.status?.conditions) continue;
    api.put('pods', { ...pod, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] } });
  }
}

async function start(first: Deployment) {
  const cluster = await startWithFakeApi(['deployment', 'replicaset'], (api) => api.put('apps/deployments', first));
  const { api, clock } = cluster;
  const rollOut = async (each: () => void = () => {}) => {
    for (let i = 0; i < 20; i++) {
      await clock.advance(500);
      each();
      makeReady(api);
    }
  };
  return { ...cluster, rollOut, sets: () => api.list<ReplicaSet>('apps/replicasets'), get: () => api.get<Deployment>('apps/deployments', 'default', 'web')! };
}

describe('deployment controller', () => {
  test('creates a ReplicaSet with a revision and becomes available', async () => {
    const { rollOut, sets, get, stop } = await start(deployment('v1'));
    await rollOut();
    const [set, ...others] = sets();
    assert.equal(others.length, 0);
    assert.match(set?.metadata.name ?? '', /^web-[bcdfghjklmnpqrstvwxz2456789]+$/);
    assert.equal(set?.metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
    assert.equal(get().metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
    const { status } = get();
    assert.equal(status?.availableReplicas, 4);
    assert.equal(status?.updatedReplicas, 4);
    const progressing = status?.conditions?.find(({ type }) => type === 'Progressing');
    assert.deepEqual([progressing?.status, progressing?.reason], ['True', 'NewReplicaSetAvailable']);
    await stop();
  });

  test('rolls without ever having too few available or too many pods, keeps history, and rolls back', async () => {
    const { api, client, rollOut, sets, get, stop } = await start(deployment('v1'));
    await rollOut();
    for (const [image, revision] of [['v2', '2'], ['v3', '3'], ['v2', '4']] as const) {
      const template = { spec: { containers: [{ name: 'c', image }] } };
      await client.patch(deployments, get().metadata, { spec: { template } }, { type: 'merge' });
      await rollOut(() => {
        const all = api.list<Pod>('pods');
        assert.ok(all.length <= 5, 'one above four');
        assert.ok(all.filter(({ status }) => status?.conditions).length >= 3, 'one below four');
      });
      const active = sets().filter(({ spec }) => spec.replicas);
      assert.deepEqual(active.map(({ spec }) => [spec.replicas, spec.template?.spec?.containers[0]?.image]), [[4, image]]);
      assert.equal(get().metadata.annotations?.['deployment.kubernetes.io/revision'], revision);
    }
    assert.equal(sets().length, 2, 'revision 1 is beyond the history limit');
    assert.equal(sets().find(({ spec }) => spec.replicas)?.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '2');
    await stop();
  });

  test('revisions are 64 bits wide', async () => {
    const { api, client, rollOut, sets, get, stop } = await start(deployment('v1'));
    await rollOut();
    const [first] = sets();
    api.put('apps/replicasets', { ...first, metadata: { ...first!.metadata, annotations: { ...first!.metadata.annotations, 'deployment.kubernetes.io/revision': '3546343826724305832' } } });
    await client.patch(deployments, get().metadata, { spec: { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } } }, { type: 'merge' });
    await rollOut();
    assert.equal(get().metadata.annotations?.['deployment.kubernetes.io/revision'], '3546343826724305833');
    await stop();
  });

  test('the deadline runs anew for a new ReplicaSet, even when no pod of it can be made', async () => {
    const { api, clock, client, rollOut, get, stop } = await start(deployment('v1', 1, { progressDeadlineSeconds: 60 }));
    const progressing = () => get().status?.conditions?.find(({ type }) => type === 'Progressing')?.reason;
    await rollOut();
    api.fail = ({ method, target }) => (method === 'POST' && target.includes('/pods') ? forbidden : undefined);
    await client.patch(deployments, get().metadata, { spec: { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } } }, { type: 'merge' });
    await clock.advance(1000);
    assert.equal(progressing(), 'NewReplicaSetCreated');
    for (let i = 0; i < 40; i++) await clock.advance(2000);
    assert.equal(progressing(), 'ProgressDeadlineExceeded');
    await client.patch(deployments, get().metadata, { spec: { paused: true } }, { type: 'merge' });
    await clock.advance(1000);
    assert.equal(progressing(), 'ProgressDeadlineExceeded', 'not forgotten by pausing');
    await stop();
  });

  test('Recreate lets the old pods go before the new ones come', async () => {
    const { api, client, rollOut, sets, get, stop } = await start(deployment('v1', 3, { strategy: { type: 'Recreate' } }));
    await rollOut();
    await client.patch(deployments, get().metadata, { spec: { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } } }, { type: 'merge' });
    await rollOut(() => assert.ok(new Set(api.list<Pod>('pods').map(({ spec }) => spec.containers[0]?.image)).size <= 1));
    assert.equal(sets().find(({ spec }) => spec.replicas)?.spec.template?.spec?.containers[0]?.image, 'v2');
    await stop();
  });

  test('scales at once, and a paused one does not roll', async () => {
    const { client, rollOut, sets, get, stop } = await start(deployment('v1'));
    await rollOut();
    await client.patch(deployments, get().metadata, { spec: { replicas: 7 } }, { type: 'merge' });
    await rollOut();
    assert.deepEqual(sets().map(({ spec }) => spec.replicas), [7]);
    await client.patch(deployments, get().metadata, { spec: { paused: true, template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } } }, { type: 'merge' });
    await rollOut();
    assert.equal(sets().length, 1);
    assert.equal(get().status?.conditions?.find(({ type }) => type === 'Progressing')?.reason, 'DeploymentPaused');
    await stop();
  });

  test('a step of a rolling update', () => {
    const set = (replicas: number, availableReplicas: number): ReplicaSet => ({ metadata: { name: `${replicas}` }, spec: { replicas, selector: {} }, status: { replicas, availableReplicas } });
    const limits = limitsOf(deployment('v1', 10));
    assert.deepEqual(limits, { desired: 10, surge: 3, unavailable: 2 });
    const sizes = (current: ReplicaSet, ...olds: ReplicaSet[]) => rollingStep(limits, current, olds).map(({ replicas }) => replicas);
    assert.deepEqual(sizes(set(0, 0), set(10, 10)), [3], 'the surge comes first');
    assert.deepEqual(sizes(set(3, 0), set(10, 10)), [8], 'as many as may be missing go');
    assert.deepEqual(sizes(set(5, 0), set(8, 8)), [], 'then it waits');
    assert.deepEqual(sizes(set(5, 5), set(8, 8)), [3]);
    assert.deepEqual(sizes(set(10, 10), set(3, 3)), [0]);
    assert.deepEqual(sizes(set(3, 0), set(10, 4)), [8], 'pods that do not serve go first');
  });
});
