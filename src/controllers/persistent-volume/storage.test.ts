import { afterEach, test } from 'node:test';
import assert from 'node:assert/strict';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import { settle } from '../../client/testing/manual-clock.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import type { FakeCluster } from '../testing/fake-cluster.ts';

let cluster: FakeCluster;
afterEach(() => cluster.stop());

const names = ['persistentvolume-binder', 'persistentvolume-expander', 'ephemeral-volume'];
const storage = (amount: string) => ({ storage: amount });
const claimOf = (name: string) => cluster.api.get<PersistentVolumeClaim>('persistentvolumeclaims', 'ns', name);
const volumeOf = (name: string) => cluster.api.get<PersistentVolume>('persistentvolumes', '', name);
const events = () => cluster.api.list<{ reason: string; message: string }>('events').map(({ reason, message }) => `${reason} ${message}`);

function putClaim(name: string, spec: object = {}): void {
  cluster.api.put('persistentvolumeclaims', { metadata: { name, namespace: 'ns' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', resources: { requests: storage('1Gi') }, ...spec }, status: { phase: 'Pending' } });
}

function putVolume(name: string, spec: object = {}): void {
  cluster.api.put('persistentvolumes', { metadata: { name }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', capacity: storage('2Gi'), persistentVolumeReclaimPolicy: 'Retain', ...spec }, status: { phase: 'Pending' } });
}

test('claims wait for volumes, are bound, and leave them released', async () => {
  cluster = await startWithFakeApi(names);
  for (const name of ['a', 'b']) putClaim(name);
  await settle();
  assert.ok(events().some((event) => event.startsWith('FailedBinding no persistent volumes available')));
  for (const name of ['v1', 'v2']) putVolume(name);
  await settle();
  const bound = ['a', 'b'].map((name) => claimOf(name)?.spec?.volumeName).sort();
  assert.deepEqual(bound, ['v1', 'v2'], 'no two claims have one volume');
  assert.deepEqual([claimOf('a')?.status?.phase, claimOf('a')?.status?.capacity], ['Bound', storage('2Gi')]);
  assert.equal(claimOf('a')?.metadata.annotations?.['pv.kubernetes.io/bind-completed'], 'yes');
  const of = claimOf('a')?.spec?.volumeName ?? '';
  assert.equal(volumeOf(of)?.status?.phase, 'Bound');
  cluster.api.remove('persistentvolumeclaims', 'ns', 'a');
  await settle();
  assert.equal(volumeOf(of)?.status?.phase, 'Released');
  cluster.api.remove('persistentvolumes', '', claimOf('b')?.spec?.volumeName ?? '');
  await settle();
  assert.equal(claimOf('b')?.status?.phase, 'Lost');
});

test('a claim for a class is marked for its provisioner, whose volume is bound', async () => {
  cluster = await startWithFakeApi(names, (api) => api.put('storage.k8s.io/storageclasses', { metadata: { name: 'x', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }, provisioner: 'example.com/x' }));
  putClaim('c', { storageClassName: undefined });
  await settle();
  const claim = claimOf('c');
  assert.equal(claim?.spec?.storageClassName, 'x');
  assert.equal(claim?.metadata.annotations?.['volume.kubernetes.io/storage-provisioner'], 'example.com/x');
  putVolume('made', { storageClassName: 'x', claimRef: { kind: 'PersistentVolumeClaim', namespace: 'ns', name: 'c', uid: claim?.metadata.uid } });
  await settle();
  assert.equal(claimOf('c')?.status?.phase, 'Bound');
  assert.equal(volumeOf('made')?.status?.phase, 'Bound');
});

test('an ephemeral volume has a claim that its pod owns', async () => {
  cluster = await startWithFakeApi(names);
  const template = { metadata: { labels: { of: 'p' } }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: storage('1Gi') } } };
  putClaim('q-data');
  for (const name of ['p', 'q']) cluster.api.put('pods', { metadata: { name, namespace: 'ns', uid: `${name}-uid` }, spec: { containers: [], volumes: [{ name: 'data', ephemeral: { volumeClaimTemplate: template } }] } });
  await settle();
  const { metadata } = claimOf('p-data') ?? {};
  assert.deepEqual([metadata?.labels, metadata?.ownerReferences?.[0]?.uid, metadata?.ownerReferences?.[0]?.controller], [{ of: 'p' }, 'p-uid', true]);
  assert.ok(events().some((event) => event.includes('PVC ns/q-data was not created for pod ns/q (pod is not owner)')));
});
