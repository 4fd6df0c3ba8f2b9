import { afterEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { attachmentName } from '../../api/attachments.ts';
import type { Node } from '../../api/types/core-v1.ts';
import type { VolumeAttachment } from '../../api/types/storage-v1.ts';
import { settle } from '../../client/testing/manual-clock.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import type { FakeCluster } from '../testing/fake-cluster.ts';

const driver = 'x.example.com';
const unique = `kubernetes.io/csi/${driver}^h`;
const collection = 'storage.k8s.io/volumeattachments';
let cluster: FakeCluster;
afterEach(() => cluster.stop());

const names = () => cluster.api.list<VolumeAttachment>(collection).map(({ metadata }) => metadata.name);
const onNode = (node: string) => attachmentName(driver, 'h', node);
const putPod = (name: string, nodeName: string, phase = 'Pending') =>
  cluster.api.put('pods', { metadata: { name, namespace: 'ns' }, spec: { nodeName, containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }, status: { phase } });
const putNode = (name: string, status: object = {}) => cluster.api.put('nodes', { metadata: { name }, spec: {}, status });

async function start(accessModes = ['ReadWriteOnce'], driverSpec: object = {}): Promise<void> {
  cluster = await startWithFakeApi(['persistentvolume-attach-detach'], (api) => {
    api.put('storage.k8s.io/csidrivers', { metadata: { name: driver }, spec: driverSpec });
    api.put('persistentvolumeclaims', { metadata: { name: 'c', namespace: 'ns', uid: 'c-uid' }, spec: { volumeName: 'pv' } });
    api.put('persistentvolumes', { metadata: { name: 'pv' }, spec: { accessModes, csi: { driver, volumeHandle: 'h' }, claimRef: { namespace: 'ns', name: 'c', uid: 'c-uid' } } });
  });
  for (const name of ['m', 'n']) putNode(name);
}

test('a volume is attached for its pod, and detached when the kubelet has let go of it', async () => {
  await start();
  putPod('p', 'n');
  await settle();
  const [attachment] = cluster.api.list<VolumeAttachment>(collection);
  assert.equal(attachment?.metadata.name, onNode('n'));
  assert.deepEqual(attachment?.spec, { attacher: driver, nodeName: 'n', source: { persistentVolumeName: 'pv' } });
  for (const status of [{ attached: false, attachError: { message: 'no room' } }, { attached: true }]) {
    cluster.api.put(collection, { ...attachment, status });
    await settle();
  }
  const events = cluster.api.list<{ reason: string; message: string }>('events').map(({ reason, message }) => `${reason} ${message}`);
  assert.deepEqual(events, ['FailedAttachVolume AttachVolume.Attach failed for volume "pv" : no room', 'SuccessfulAttachVolume AttachVolume.Attach succeeded for volume "pv" ']);
  assert.deepEqual(cluster.api.get<Node>('nodes', '', 'n')?.status?.volumesAttached, [{ name: unique, devicePath: '' }]);

  putNode('n', { volumesInUse: [unique] });
  cluster.api.remove('pods', 'ns', 'p');
  await settle();
  assert.deepEqual(names(), [onNode('n')]);
  putNode('n', {});
  await settle();
  assert.deepEqual(names(), []);
});

test('a volume for one node is not attached to a second before it has left the first', async () => {
  await start();
  putPod('p', 'n');
  await settle();
  putPod('q', 'm');
  await settle();
  assert.deepEqual(names(), [onNode('n')]);
  assert.match(cluster.api.list<{ message: string }>('events')[0]?.message ?? '', /^Multi-Attach error for volume "pv"/);
  putPod('p', 'n', 'Succeeded');
  await settle();
  assert.deepEqual(names(), [onNode('m')]);
});

test('a volume for many is attached to many', async () => {
  await start(['ReadWriteMany']);
  putPod('p', 'n');
  putPod('q', 'm');
  await settle();
  assert.deepEqual(names().sort(), [onNode('m'), onNode('n')].sort());
});

test('drivers that attach nothing, and attachments of others, are left alone', async () => {
  await start(['ReadWriteOnce'], { attachRequired: false });
  cluster.api.put(collection, { metadata: { name: 'by-hand' }, spec: { attacher: 'y', nodeName: 'n', source: { persistentVolumeName: 'other' } } });
  putPod('p', 'n');
  await settle();
  assert.deepEqual(names(), ['by-hand']);
});
