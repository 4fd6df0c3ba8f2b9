import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConfigMap } from '../../api/types/core-v1.ts';
import type { OwnerReference } from '../../api/object.ts';
import { configMaps, namespaces, replicaSets } from '../../client/resources.ts';
import type { FakeApi } from '../../client/testing/fake-api.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';

const object = (name: string, owners: Partial<OwnerReference>[] = [], namespace = 'default'): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name,
    namespace,
    uid: `uid-${namespace}-${name}`,
    ownerReferences: owners.map((owner) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: '', uid: `uid-default-${owner.name}`, ...owner })),
  },
});

const start = (prepare: (api: FakeApi) => void) =>
  startWithFakeApi(['garbagecollector'], (api) => {
    api.served = [configMaps, namespaces, replicaSets];
    prepare(api);
  });

const names = (api: FakeApi) => api.list<ConfigMap>('configmaps').map(({ metadata }) => metadata.name).toSorted();

describe('garbage collector', () => {
  test('what an owner leaves goes, generation by generation', async () => {
    const { api, clock, client, stop } = await start((api) => {
      api.put('configmaps', object('root'));
      api.put('configmaps', object('child', [{ name: 'root' }]));
      api.put('configmaps', object('grandchild', [{ name: 'child' }]));
      api.put('configmaps', object('other'));
    });
    await clock.advance(100);
    assert.equal(names(api).length, 4);
    await client.delete(configMaps, { namespace: 'default', name: 'root' });
    await clock.advance(1000);
    assert.deepEqual(names(api), ['other']);
    await stop();
  });

  test('owners that were gone before, are of another uid or in another namespace count as absent', async () => {
    const { api, clock, stop } = await start((api) => {
      api.put('configmaps', object('elsewhere', [], 'other'));
      api.put('configmaps', object('late', [{ name: 'gone' }]));
      api.put('configmaps', object('root'));
      api.put('configmaps', object('impostor', [{ name: 'root', uid: 'uid-of-an-earlier-root' }]));
      api.put('configmaps', object('foreign', [{ name: 'elsewhere', uid: 'uid-other-elsewhere' }]));
    });
    await clock.advance(1000);
    assert.deepEqual(names(api), ['elsewhere', 'root']);
    await stop();
  });

  test('one owner that remains is enough; the reference to the other goes', async () => {
    const { api, clock, client, stop } = await start((api) => {
      api.put('configmaps', object('a'));
      api.put('configmaps', object('b'));
      api.put('configmaps', object('child', [{ name: 'a' }, { name: 'b' }]));
    });
    await clock.advance(100);
    await client.delete(configMaps, { namespace: 'default', name: 'a' });
    await clock.advance(1000);
    assert.deepEqual(names(api), ['b', 'child']);
    assert.deepEqual(api.get<ConfigMap>('configmaps', 'default', 'child')?.metadata.ownerReferences?.map(({ name }) => name), ['b']);
    await stop();
  });

  test('foreground: the owner waits for those that block it', async () => {
    const { api, clock, client, stop } = await start((api) => {
      api.put('configmaps', object('root'));
      const held = object('child', [{ name: 'root', blockOwnerDeletion: true }]);
      held.metadata.finalizers = ['example.com/hold'];
      api.put('configmaps', held);
    });
    await clock.advance(100);
    await client.delete(configMaps, { namespace: 'default', name: 'root' }, { propagationPolicy: 'Foreground' });
    await clock.advance(1000);
    assert.deepEqual(names(api), ['child', 'root']);
    assert.ok(api.get<ConfigMap>('configmaps', 'default', 'child')?.metadata.deletionTimestamp);
    await client.patch(configMaps, { namespace: 'default', name: 'child' }, { metadata: { finalizers: null } }, { type: 'merge' });
    await clock.advance(1000);
    assert.deepEqual(names(api), []);
    await stop();
  });

  test('orphan: the dependents stay without their owner', async () => {
    const { api, clock, client, stop } = await start((api) => {
      api.put('configmaps', object('root'));
      api.put('configmaps', object('child', [{ name: 'root' }]));
    });
    await clock.advance(100);
    await client.delete(configMaps, { namespace: 'default', name: 'root' }, { propagationPolicy: 'Orphan' });
    await clock.advance(1000);
    assert.deepEqual(names(api), ['child']);
    assert.deepEqual(api.get<ConfigMap>('configmaps', 'default', 'child')?.metadata.ownerReferences, []);
    await stop();
  });

  test('a resource that appears later is collected too', async () => {
    const { api, clock, client, stop } = await start((api) => {
      api.served = [configMaps];
      api.put('configmaps', object('root'));
    });
    await clock.advance(100);
    api.served = [configMaps, replicaSets];
    api.put('apps/replicasets', { ...object('late', [{ name: 'root' }]), apiVersion: 'apps/v1', kind: 'ReplicaSet' });
    await clock.advance(31_000);
    await client.delete(configMaps, { namespace: 'default', name: 'root' });
    await clock.advance(1000);
    assert.equal(api.list('apps/replicasets').length, 0);
    await stop();
  });
});
