import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Event, Pod } from '../../api/types/core-v1.ts';
import type { ReplicaSet } from '../../api/types/apps-v1.ts';
import { apiError } from '../../api/errors.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';

const labels = { app: 'web' };

function replicaSet(replicas: number, more: Partial<ReplicaSet['spec']> = {}): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', namespace: 'default', uid: 'rs-uid', generation: 1 },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [] } }, ...more },
  };
}

describe('replicaset controller', () => {
  test('creates what is missing, once, and says so', async () => {
    const { api, clock, stop } = await startWithFakeApi(['replicaset'], (api) => api.put('apps/replicasets', replicaSet(30)));
    await clock.advance(1000);
    const pods = api.list<Pod>('pods');
    assert.equal(pods.length, 30);
    assert.equal(api.requests.filter(({ method, target }) => method === 'POST' && target.includes('/pods')).length, 30);
    assert.deepEqual(pods[0]?.metadata.ownerReferences, [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs-uid', controller: true, blockOwnerDeletion: true },
    ]);
    const { status } = api.get<ReplicaSet>('apps/replicasets', 'default', 'web')!;
    assert.equal(status?.replicas, 30);
    assert.equal(status?.fullyLabeledReplicas, 30);
    assert.equal(status?.readyReplicas, 0);
    assert.equal(status?.observedGeneration, 1);
    assert.ok(api.list<Event>('events').some(({ reason, message }) => reason === 'SuccessfulCreate' && message?.startsWith('Created pod: web-')));
    await stop();
  });

  test('replaces a pod that is deleted, and counts ready ones', async () => {
    const { api, clock, stop } = await startWithFakeApi(['replicaset'], (api) => api.put('apps/replicasets', replicaSet(2)));
    await clock.advance(1000);
    const [first, second] = api.list<Pod>('pods');
    api.remove('pods', 'default', first!.metadata.name!);
    api.put('pods', { ...second, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] } });
    await clock.advance(1000);
    assert.equal(api.list<Pod>('pods').length, 2);
    assert.equal(api.get<ReplicaSet>('apps/replicasets', 'default', 'web')?.status?.readyReplicas, 1);
    await stop();
  });

  test('scales down, the unassigned first', async () => {
    const { api, clock, stop } = await startWithFakeApi(['replicaset'], (api) => api.put('apps/replicasets', replicaSet(3)));
    await clock.advance(1000);
    const [kept] = api.list<Pod>('pods');
    api.put('pods', { ...kept, spec: { ...kept!.spec, nodeName: 'n1' } });
    api.put('apps/replicasets', replicaSet(1));
    await clock.advance(1000);
    assert.deepEqual(api.list<Pod>('pods').map(({ metadata }) => metadata.name), [kept!.metadata.name]);
    await stop();
  });

  test('adopts orphans that match and releases what no longer does', async () => {
    const orphan = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'orphan', namespace: 'default', labels }, spec: { containers: [] } };
    const { api, clock, stop } = await startWithFakeApi(['replicaset'], (api) => {
      api.put('pods', orphan);
      api.put('apps/replicasets', replicaSet(1));
    });
    await clock.advance(1000);
    const [adopted, ...others] = api.list<Pod>('pods');
    assert.equal(others.length, 0);
    assert.equal(adopted?.metadata.ownerReferences?.[0]?.uid, 'rs-uid');
    await stop();
  });

  test('a refusal shows as a condition and spares the server the rest of the batch', async () => {
    const { api, clock, stop } = await startWithFakeApi(['replicaset'], (api) => {
      api.put('apps/replicasets', replicaSet(100));
      api.fail = ({ method, target }) => (method === 'POST' && target.includes('/pods') ? apiError(403, 'Forbidden', 'exceeded quota') : undefined);
    });
    await clock.advance(4);
    assert.ok(api.writes().filter((write) => write.endsWith('/pods')).length <= 3);
    const condition = api.get<ReplicaSet>('apps/replicasets', 'default', 'web')?.status?.conditions?.[0];
    assert.deepEqual([condition?.type, condition?.reason, condition?.message], ['ReplicaFailure', 'FailedCreate', 'exceeded quota']);
    api.fail = () => undefined;
    await clock.advance(60_000);
    assert.equal(api.list<Pod>('pods').length, 100);
    assert.equal(api.get<ReplicaSet>('apps/replicasets', 'default', 'web')?.status?.conditions, undefined);
    await stop();
  });
});
