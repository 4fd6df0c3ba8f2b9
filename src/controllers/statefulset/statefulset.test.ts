import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StatefulSet } from '../../api/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import { statefulSets } from '../../client/resources.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';

const labels = { app: 'db' };
const set: StatefulSet = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'default', uid: 'sts-uid', generation: 1 },
  spec: {
    replicas: 3,
    serviceName: 'db',
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'v1' }] } },
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }],
  },
};

describe('statefulset', () => {
  test('creates in order with claims, rolls from the top, scales down from the top and keeps the claims', async () => {
    const { api, clock, client, stop } = await startWithFakeApi(['statefulset'], (api) => api.put('apps/statefulsets', set));
    const names = () => api.list<Pod>('pods').map(({ metadata }) => metadata.name);
    const history: string[] = [];
    const run = async () => {
      for (let i = 0; i < 16; i++) {
        await clock.advance(100);
        history.push(names().toSorted().join());
        for (const pod of api.list<Pod>('pods')) {
          if (!pod.status?.conditions) api.put('pods', { ...pod, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] } });
        }
      }
    };
    await run();
    assert.deepEqual([...new Set(history)], ['db-0', 'db-0,db-1', 'db-0,db-1,db-2']);
    const [first] = api.list<Pod>('pods');
    assert.equal(first?.spec.hostname, 'db-0');
    assert.equal(first?.spec.volumes?.[0]?.persistentVolumeClaim?.claimName, 'data-db-0');
    assert.equal(api.list<PersistentVolumeClaim>('persistentvolumeclaims').length, 3);

    history.length = 0;
    await client.patch(statefulSets, set.metadata, { spec: { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } } }, { type: 'merge' });
    await run();
    assert.ok(api.list<Pod>('pods').every(({ spec }) => spec.containers[0]?.image === 'v2'));
    const { status } = api.get<StatefulSet>('apps/statefulsets', 'default', 'db')!;
    assert.equal(status?.currentRevision, status?.updateRevision);
    assert.equal(status?.updatedReplicas, 3);

    await client.patch(statefulSets, set.metadata, { spec: { replicas: 1 } }, { type: 'merge' });
    await run();
    assert.deepEqual(names(), ['db-0']);
    assert.equal(api.list('persistentvolumeclaims').length, 3);
    await stop();
  });
});
