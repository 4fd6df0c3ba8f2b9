import assert from 'node:assert/strict';
import { test } from 'node:test';
import { volumeAttributesClasses } from '../../client/resources.ts';
import type { VolumeAttributesClass } from '../../api/types/storage-v1.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';

test('a class of attributes goes when nothing names it any more', async () => {
  const { api, clock, client, stop } = await startWithFakeApi(['volumeattributesclass-protection'], (fake) => {
    fake.put('storage.k8s.io/volumeattributesclasses', { apiVersion: 'storage.k8s.io/v1', kind: 'VolumeAttributesClass', metadata: { name: 'fast' }, driverName: 'd' });
    fake.put('persistentvolumeclaims', { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'c', namespace: 'default' }, spec: {}, status: { currentVolumeAttributesClassName: 'fast' } });
  });
  const found = () => api.get<VolumeAttributesClass>('storage.k8s.io/volumeattributesclasses', '', 'fast');
  await clock.advance(1000);
  assert.deepEqual(found()?.metadata.finalizers, ['kubernetes.io/vac-protection']);
  await client.delete(volumeAttributesClasses, { name: 'fast' });
  await clock.advance(1000);
  assert.ok(found(), 'a claim still has it');
  api.remove('persistentvolumeclaims', 'default', 'c');
  await clock.advance(1000);
  assert.equal(found(), undefined);
  await stop();
});
