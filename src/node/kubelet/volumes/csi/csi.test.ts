import { execFile } from 'node:child_process';
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { promisify } from 'node:util';
import assert from 'node:assert/strict';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../../api/types/core-v1.ts';
import { attachmentName } from '../../../../api/attachments.ts';
import type { CSINode } from '../../../../api/types/storage-v1.ts';
import { settle } from '../../../../client/testing/manual-clock.ts';
import { mountTable } from '../mounts.ts';
import { startDirectoryDriver } from '../testing/csi-driver.ts';
import type { DirectoryDriver } from '../testing/csi-driver.ts';
import { podWith, skipWithoutRoot, startVolumes } from '../testing/rig.ts';
import type { VolumesRig } from '../testing/rig.ts';
import { accessMode, checkLifecycle, inlineVolume, ownsByGroup, persistentVolume } from './csi-volume.ts';

const driverName = 'dir.example.com';
const abilities = { stages: true, expands: true, singleNodeMultiWriter: false, mountGroup: false };

test('what drivers are told of access', () => {
  assert.deepEqual(['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'].map((mode) => accessMode(mode, abilities)), [1, 3, 5, 1]);
  assert.deepEqual(['ReadWriteOnce', 'ReadWriteOncePod'].map((mode) => accessMode(mode, { singleNodeMultiWriter: true })), [7, 6]);
});

test('who gives a volume to the group of its pod', () => {
  const volume = persistentVolume({ metadata: { name: 'v' }, spec: { accessModes: ['ReadWriteOnce'], csi: { driver: driverName, volumeHandle: 'h', fsType: 'ext4' } } }, false);
  const described = (fsGroupPolicy: string) => ({ metadata: { name: driverName }, spec: { fsGroupPolicy } });
  assert.equal(ownsByGroup(volume, undefined, abilities), true);
  assert.equal(ownsByGroup(volume, described('None'), abilities), false);
  assert.equal(ownsByGroup({ ...volume, fsType: '' }, undefined, abilities), false);
  assert.equal(ownsByGroup({ ...volume, fsType: '', accessModes: ['ReadWriteMany'] }, described('File'), abilities), true);
  assert.equal(ownsByGroup({ ...volume, readOnly: true }, described('File'), abilities), false);
  assert.equal(ownsByGroup(volume, described('File'), { ...abilities, mountGroup: true }), false);
});

test('a driver is not used in a way that it does not know', () => {
  const inline = inlineVolume(podWith([]), { name: 'i', csi: { driver: driverName } });
  assert.throws(() => checkLifecycle(inline, undefined), /volume mode "Ephemeral" not supported by driver dir.example.com \(no CSIDriver object\)/);
  assert.throws(() => checkLifecycle(inline, { metadata: { name: driverName }, spec: { volumeLifecycleModes: ['Persistent'] } }), /only supports \["Persistent"\]/);
  checkLifecycle(inline, { metadata: { name: driverName }, spec: { volumeLifecycleModes: ['Ephemeral'] } });
});

describe('CSI drivers', { skip: skipWithoutRoot }, () => {
  let rig: VolumesRig;
  let driver: DirectoryDriver;
  const start = () => startDirectoryDriver({ name: driverName, root: join(rig.root, 'driver'), registry: join(rig.root, 'plugins_registry'), nodeId: 'id-of-n' });
  const eventually = async (holds: () => boolean | Promise<boolean>) => {
    while (!(await holds())) await settle();
  };
  const csiNode = () => rig.api.get<CSINode>('storage.k8s.io/csinodes', '', 'n');
  const describeDriver = (spec: object) => rig.api.put('storage.k8s.io/csidrivers', { metadata: { name: driverName }, spec });

  beforeEach(async () => {
    rig = await startVolumes();
    rig.api.put('nodes', { metadata: { name: 'n', uid: 'node-uid' } });
    driver = await start();
    await eventually(() => driver.notified.length > 0);
  });
  afterEach(async () => {
    driver.stop();
    await rig.close();
  });

  const putVolume = (name: string, claim: string, more: object = {}) => {
    rig.api.put('persistentvolumes', { metadata: { name }, spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' }, csi: { driver: driverName, volumeHandle: `h-${name}`, fsType: 'ext4', volumeAttributes: { a: 'b' } }, claimRef: { namespace: 'ns', name: claim, uid: `${claim}-uid` }, ...more } });
    rig.api.put('persistentvolumeclaims', { metadata: { name: claim, namespace: 'ns', uid: `${claim}-uid` }, spec: { volumeName: name }, status: { phase: 'Bound', capacity: { storage: '1Gi' } } });
  };
  const podOf = (uid: string, claim: string, spec: object = {}) => {
    const pod = podWith([{ name: 'v', persistentVolumeClaim: { claimName: claim } }], {}, spec);
    return { ...pod, metadata: { ...pod.metadata, uid } };
  };

  test('register, and leave with their socket', async () => {
    assert.deepEqual(driver.notified, [{ plugin_registered: true, error: '' }]);
    assert.deepEqual(csiNode()?.spec.drivers, [{ name: driverName, nodeID: 'id-of-n', topologyKeys: ['topology.example.com/node'], allocatable: { count: 7 } }]);
    assert.equal(csiNode()?.metadata.ownerReferences?.[0]?.uid, 'node-uid');
    const node = rig.api.get<{ metadata: { labels: object; annotations: Record<string, string> } }>('nodes', '', 'n');
    assert.deepEqual(node?.metadata.labels, { 'topology.example.com/node': 'id-of-n' });
    assert.equal(node?.metadata.annotations['csi.volume.kubernetes.io/nodeid'], `{"${driverName}":"id-of-n"}`);
    driver.stop();
    await eventually(() => csiNode()?.spec.drivers.length === 0);
  });

  test('a persistent volume is staged once for the node, and unstaged after its last pod', async () => {
    describeDriver({ attachRequired: false, podInfoOnMount: true });
    putVolume('v', 'c');
    const pods = ['a', 'b'].map((uid) => podOf(uid, 'c', { securityContext: { fsGroup: 77 } }));
    for (const pod of pods) await rig.volumes.mount(pod);
    const target = join(rig.root, 'pods/a/volumes/kubernetes.io~csi/v/mount');
    await writeFile(join(target, 'f'), 'kept');
    assert.equal((await stat(target)).gid, 77);
    const request = driver.published.get('h-v');
    assert.equal(request?.target_path, join(rig.root, 'pods/b/volumes/kubernetes.io~csi/v/mount'));
    assert.match(request.staging_target_path, /\/plugins\/kubernetes\.io\/csi\/dir\.example\.com\/[0-9a-f]{64}\/globalmount$/);
    assert.deepEqual(request.volume_capability.mount, { fs_type: 'ext4', mount_flags: [], volume_mount_group: '' });
    assert.deepEqual({ ...request.volume_context }, { a: 'b', 'csi.storage.k8s.io/pod.name': 'p', 'csi.storage.k8s.io/pod.namespace': 'ns', 'csi.storage.k8s.io/pod.uid': 'b', 'csi.storage.k8s.io/serviceAccount.name': '', 'csi.storage.k8s.io/ephemeral': 'false' });
    const data = JSON.parse(await readFile(join(target, '../vol_data.json'), 'utf8')) as Record<string, string>;
    assert.deepEqual([data['volumeHandle'], data['specVolID'], data['attachmentID']], ['h-v', 'v', attachmentName(driverName, 'h-v', 'n')]);

    await rig.volumes.release('a');
    assert.ok(!driver.calls.includes('NodeUnstageVolume h-v'), 'another pod has it');
    const again = await rig.restart();
    await again.release('b');
    assert.equal(driver.calls.at(-1), 'NodeUnstageVolume h-v');
    assert.deepEqual(await again.leftovers(), []);
    assert.deepEqual(await readdir(join(rig.root, 'plugins/kubernetes.io/csi', driverName)), []);
    assert.equal(await readFile(join(rig.root, 'driver/h-v/f'), 'utf8'), 'kept');
    assert.deepEqual((await mountTable()).filter(({ target: at }) => at.includes('globalmount') && at.startsWith(rig.root)), []);
  });

  test('a volume that must be attached waits for its attachment', async () => {
    putVolume('v', 'c');
    const name = attachmentName(driverName, 'h-v', 'n');
    const fails = (message: RegExp) => assert.rejects(rig.volumes.mount(podOf('a', 'c')), message);
    await fails(/not found/);
    const attachment = (status: object) => rig.api.put('storage.k8s.io/volumeattachments', { metadata: { name }, spec: { attacher: driverName, nodeName: 'n', source: { persistentVolumeName: 'v' } }, status });
    attachment({ attached: false });
    await fails(/volume attachment is not ready/);
    attachment({ attached: false, attachError: { message: 'no room' } });
    await fails(/no room/);
    assert.deepEqual(rig.volumes.inUse(), [`kubernetes.io/csi/${driverName}^h-v`]);
    attachment({ attached: true, attachmentMetadata: { device: '/dev/x' } });
    await rig.volumes.mount(podOf('a', 'c'));
    assert.deepEqual({ ...driver.published.get('h-v')?.publish_context }, { device: '/dev/x' });
    const again = await rig.restart();
    assert.deepEqual(again.inUse(), [`kubernetes.io/csi/${driverName}^h-v`]);
    await again.release('a');
    assert.deepEqual(again.inUse(), []);
  });

  test('an inline volume lives with its pod; what the driver refuses is told as upstream tells it', async () => {
    describeDriver({ volumeLifecycleModes: ['Ephemeral'], attachRequired: false });
    const pod = podWith([{ name: 'i', csi: { driver: driverName, volumeAttributes: { size: '1' } } }]);
    driver.fails = 'NodePublishVolume';
    await assert.rejects(rig.volumes.mount(pod), /MountVolume.SetUp failed for volume "i" : rpc error: code = Internal desc = broken on purpose/);
    driver.fails = undefined;
    await rig.volumes.mount(pod);
    const { handle } = inlineVolume(pod, pod.spec.volumes![0]!);
    assert.deepEqual({ ...driver.published.get(handle)?.volume_context }, { size: '1' });
    await rig.volumes.release('uid-1');
    assert.equal(driver.calls.at(-1), `NodeUnpublishVolume ${handle}`);
    assert.deepEqual(await rig.volumes.leftovers(), []);
  });

  test('a volume that has grown is grown on the node, and the claim hears of it', async () => {
    describeDriver({ attachRequired: false });
    putVolume('v', 'c');
    const claim = () => rig.api.get<PersistentVolumeClaim>('persistentvolumeclaims', 'ns', 'c')!;
    const resize = () => rig.api.put('persistentvolumeclaims', { ...claim(), status: { ...claim().status, conditions: [{ type: 'FileSystemResizePending', status: 'True' }] } });
    const expansions = () => driver.calls.filter((call) => call === 'NodeExpandVolume h-v').length;
    resize();
    await rig.volumes.mount(podOf('a', 'c'));
    assert.equal(expansions(), 1);
    assert.deepEqual([claim().status?.capacity, claim().status?.conditions], [{ storage: '2Gi' }, []]);

    const volume = rig.api.get<PersistentVolume>('persistentvolumes', '', 'v')!;
    rig.api.put('persistentvolumes', { ...volume, spec: { ...volume.spec, capacity: { storage: '5Gi' } } });
    resize();
    await rig.clock.advance(90_000);
    await eventually(() => claim().status?.capacity?.['storage'] === '5Gi');
    assert.equal(expansions(), 2, 'while a pod has it');
  });

  test('without its driver, or its claim, a pod waits', async () => {
    putVolume('v', 'c', { csi: { driver: 'other.example.com', volumeHandle: 'h' } });
    await assert.rejects(rig.volumes.mount(podOf('a', 'c')), /driver name other.example.com not found in the list of registered CSI drivers/);
    await assert.rejects(rig.volumes.mount(podOf('b', 'none')), /persistentvolumeclaim "none" not found/);
  });

  test('a block volume is a device of its container', async () => {
    describeDriver({ attachRequired: false });
    putVolume('b', 'c', { volumeMode: 'Block' });
    const pod = podWith([{ name: 'v', persistentVolumeClaim: { claimName: 'c', readOnly: true } }], { volumeMounts: [], volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] });
    await rig.volumes.mount(pod);
    assert.deepEqual(driver.published.get('h-b')?.volume_capability.block, {});
    assert.deepEqual(rig.volumes.devices(pod, { pod, container: pod.spec.containers[0]!, kind: 'main', attempt: 0 }), [{ containerPath: '/dev/x', hostPath: driver.published.get('h-b')?.target_path, readOnly: true }]);
  });

  test('a local volume is bound into the pod, and kept', async () => {
    putVolume('l', 'c', { csi: undefined, local: { path: join(rig.root, 'driver') } });
    await rig.volumes.mount(podOf('a', 'c', { securityContext: { fsGroup: 9 } }));
    const path = join(rig.root, 'pods/a/volumes/kubernetes.io~local-volume/l');
    await writeFile(join(path, 'f'), 'data');
    assert.equal((await stat(path)).gid, 9);
    await rig.volumes.release('a');
    assert.equal(await readFile(join(rig.root, 'driver/f'), 'utf8'), 'data');
    await assert.rejects(rig.volumes.mount(podWith([{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }], { volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] })), /has volumeMode Filesystem, but is specified in volumeDevices/);
  });

  test('a local device is formatted if it is blank, and not again', async (context) => {
    const image = join(rig.root, 'disk');
    await writeFile(image, '');
    await truncate(image, 16 << 20);
    const device = await promisify(execFile)('losetup', ['--find', '--show', image]).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    );
    if (device === undefined) return context.skip('there are no loop devices');
    try {
      putVolume('d', 'c', { csi: undefined, local: { path: device, fsType: 'ext4' } });
      const path = join(rig.root, 'pods/a/volumes/kubernetes.io~local-volume/d');
      await rig.volumes.mount(podOf('a', 'c'));
      assert.equal((await mountTable()).find(({ target }) => target === path)?.type, 'ext4');
      await writeFile(join(path, 'f'), 'data');
      await rig.volumes.release('a');
      await rig.volumes.mount(podOf('a', 'c'));
      assert.equal(await readFile(join(path, 'f'), 'utf8'), 'data');
      await rig.volumes.release('a');
    } finally {
      await promisify(execFile)('losetup', ['--detach', device]);
    }
  });
});
