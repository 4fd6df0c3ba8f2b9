import { chmod, mkdir, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Pod } from '../../../api/types/core-v1.ts';
import { settle } from '../../../client/testing/manual-clock.ts';
import { StartError } from '../runtime.ts';
import type { ContainerRequest } from '../runtime.ts';
import { mount, mountTable } from './mounts.ts';
import { podWith, skipWithoutRoot, startVolumes } from './testing/rig.ts';
import type { VolumesRig } from './testing/rig.ts';

const noEnv = new Map<string, string>();

function requestFor(pod: Pod): ContainerRequest {
  return { pod, container: pod.spec.containers[0]!, kind: 'main', attempt: 0 };
}

describe('the volumes of pods', { skip: skipWithoutRoot }, () => {
  let rig: VolumesRig;
  beforeEach(async () => (rig = await startVolumes()));
  afterEach(() => rig.close());

  const directory = (kind: string, name: string) => join(rig.root, 'pods/uid-1/volumes', kind, name);
  /** Waits for work on files, which no clock knows of. */
  const eventually = async (holds: () => Promise<boolean>) => {
    while (!(await holds().catch(() => false))) await settle();
  };

  test('emptyDir: open to all, the group of the pod, in memory with a size', async () => {
    const pod = podWith([{ name: 'd', emptyDir: {} }, { name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }], {}, { securityContext: { fsGroup: 4321 } });
    await rig.volumes.mount(pod);
    await rig.volumes.mount(pod);
    for (const [name, wanted] of [['d', 0o2777], ['m', 0o3777]] as const) {
      const { mode, gid } = await stat(directory('kubernetes.io~empty-dir', name));
      assert.equal(mode & 0o7777, wanted);
      assert.equal(gid, 4321);
    }
    for (const name of ['d', 'm']) await chmod(directory('kubernetes.io~empty-dir', name), 0o700);
    await (await rig.restart()).mount(pod);
    for (const name of ['d', 'm']) assert.equal((await stat(directory('kubernetes.io~empty-dir', name))).mode & 0o7777, 0o700, 'what the pod has changed stays');
    const mounted = (await mountTable()).filter(({ target }) => target === directory('kubernetes.io~empty-dir', 'm'));
    assert.deepEqual(mounted.map(({ type }) => type), ['tmpfs']);
    await writeFile(join(directory('kubernetes.io~empty-dir', 'd'), 'f'), Buffer.alloc(100_000));
    const [usage] = await rig.volumes.usage('uid-1');
    assert.equal(usage?.volume, 'd');
    assert.ok(usage.bytes >= 100_000 && usage.inodes === 2);
  });

  test('a volume that nobody mounts is not made', async () => {
    await rig.volumes.mount(podWith([{ name: 'd', emptyDir: {} }], { volumeMounts: [] }));
    assert.deepEqual(await rig.volumes.leftovers(), []);
  });

  test('files follow their ConfigMap, and what is missing is named', async () => {
    const pod = podWith([{ name: 'v', configMap: { name: 'cm', defaultMode: 0o400, items: [{ key: 'k', path: 'sub/file', mode: 0o640 }] } }]);
    await assert.rejects(rig.volumes.mount(pod), (error: StartError) => error.reason === 'FailedMount' && error.message === 'MountVolume.SetUp failed for volume "v" : configmap "cm" not found');
    rig.api.put('configmaps', { metadata: { name: 'cm', namespace: 'ns' }, data: { other: 'x' } });
    await eventually(async () => {
      const message = await rig.volumes.mount(pod).then(() => '', (error: Error) => error.message);
      return message.endsWith('configmap references non-existent config key: k');
    });
    rig.api.put('configmaps', { metadata: { name: 'cm', namespace: 'ns' }, binaryData: { k: Buffer.from('one').toString('base64') } });
    await eventually(() => rig.volumes.mount(pod).then(() => true));
    const file = join(directory('kubernetes.io~configmap', 'v'), 'sub/file');
    assert.equal(await readFile(file, 'utf8'), 'one');
    assert.equal((await stat(file)).mode & 0o777, 0o640);
    rig.api.put('configmaps', { metadata: { name: 'cm', namespace: 'ns' }, data: { k: 'two' } });
    await eventually(async () => (await readFile(file, 'utf8')) === 'two');
  });

  test('an optional Secret may come later and go again', async () => {
    const pod = podWith([{ name: 's', secret: { secretName: 'late', optional: true } }]);
    await rig.volumes.mount(pod);
    const path = directory('kubernetes.io~secret', 's');
    assert.equal((await mountTable()).find(({ target }) => target === path)?.type, 'tmpfs');
    const visible = async () => (await readdir(path)).filter((name) => !name.startsWith('..'));
    assert.deepEqual(await visible(), []);
    rig.api.put('secrets', { metadata: { name: 'late', namespace: 'ns' }, data: { a: 'aGVsbG8=' } });
    await eventually(async () => (await readFile(join(path, 'a'), 'utf8')) === 'hello');
    rig.api.remove('secrets', 'ns', 'late');
    await eventually(async () => (await visible()).length === 0);
  });

  test('projected: all sources in one, the pod’s own fields following it', async () => {
    rig.api.put('configmaps', { metadata: { name: 'cm', namespace: 'ns' }, data: { c: 'from the map' } });
    const pod = podWith([
      {
        name: 'all',
        projected: {
          defaultMode: 0o440,
          sources: [{ configMap: { name: 'cm' } }, { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }, { path: 'cpu', resourceFieldRef: { containerName: 'c', resource: 'limits.cpu' } }] } }],
        },
      },
    ], { resources: { limits: { cpu: '1500m' } } });
    await rig.volumes.mount(pod);
    const path = directory('kubernetes.io~projected', 'all');
    assert.equal(await readFile(join(path, 'labels'), 'utf8'), 'app="web"');
    assert.equal(await readFile(join(path, 'cpu'), 'utf8'), '2');
    assert.equal(await readFile(join(path, 'c'), 'utf8'), 'from the map');
    assert.equal((await stat(join(path, 'c'))).mode & 0o777, 0o440);
    rig.volumes.update({ ...pod, metadata: { ...pod.metadata, labels: { app: 'web', tier: 'a "b"' } } });
    await eventually(async () => (await readFile(join(path, 'labels'), 'utf8')) === 'app="web"\ntier="a \\"b\\""');
  });

  test('containers get volumes, read-only where they must be, and sub-paths by expression', async () => {
    rig.api.put('configmaps', { metadata: { name: 'cm', namespace: 'ns' }, data: { k: 'v' } });
    const volumeMounts = [
      { name: 'd', mountPath: '/data', mountPropagation: 'HostToContainer' },
      { name: 'd', mountPath: '/mine', subPathExpr: 'of/$(WHO)', readOnly: true },
      { name: 'c', mountPath: 'file', subPath: 'k' },
      { name: 'i', mountPath: '/image', subPath: 'etc' },
    ];
    const pod = podWith([{ name: 'd', emptyDir: {} }, { name: 'c', configMap: { name: 'cm' } }, { name: 'i', image: { reference: 'r:1' } }], { volumeMounts });
    await rig.volumes.mount(pod);
    const [data, mine, file, image] = await rig.volumes.mounts(pod, requestFor(pod), new Map([['WHO', 'me']]));
    assert.deepEqual(data, { containerPath: '/data', hostPath: directory('kubernetes.io~empty-dir', 'd'), readOnly: false, propagation: 'hostToContainer' });
    assert.equal(mine?.hostPath, join(rig.root, 'pods/uid-1/volume-subpaths/d/c/1'));
    assert.equal(mine.readOnly, true);
    assert.equal((await stat(join(data?.hostPath ?? '', 'of/me'))).mode & 0o777, 0o777);
    assert.deepEqual([file?.containerPath, file?.readOnly, await readFile(file?.hostPath ?? '', 'utf8')], ['/file', true, 'v']);
    assert.deepEqual([image?.image, image?.imageSubPath, image?.readOnly], ['r:1', 'etc', true]);
    await assert.rejects(rig.volumes.mounts(pod, requestFor(pod), noEnv), (error: StartError) => error.reason === 'CreateContainerConfigError' && error.message === 'missing value for "WHO"');
  });

  test('another mount inside of a files volume has its mount point', async () => {
    rig.api.put('secrets', { metadata: { name: 's', namespace: 'ns' }, data: {} });
    const volumeMounts = [{ name: 's', mountPath: '/a' }, { name: 'd', mountPath: '/a/b/c' }];
    await rig.volumes.mount(podWith([{ name: 's', secret: { secretName: 's' } }, { name: 'd', emptyDir: {} }], { volumeMounts }));
    assert.ok((await stat(join(directory('kubernetes.io~secret', 's'), 'b/c'))).isDirectory());
  });

  test('hostPath: made or checked as its type says', async () => {
    const path = join(rig.root, 'host');
    const volume = (type: string, name = 'dir') => podWith([{ name: 'h', hostPath: { path: join(path, name), type } }]);
    await rig.volumes.mount(volume('DirectoryOrCreate'));
    await writeFile(join(path, 'f'), '');
    const fresh = async (pod: Pod) => {
      await rig.volumes.release('uid-1');
      await rig.volumes.mount(pod);
    };
    await fresh(volume('File', 'f'));
    await assert.rejects(fresh(volume('Directory', 'f')), /hostPath type check failed: .*f is not a directory/);
    await assert.rejects(fresh(volume('Socket', 'f')), /is not a socket file/);
    await assert.rejects(fresh(volume('CharDevice')), /is not a character device/);
    assert.equal((await stat(join(path, 'dir'))).mode & 0o777, 0o755);
  });

  test('a killed kubelet’s volumes are found and freed, and nothing is removed through a mount', async () => {
    rig.api.put('secrets', { metadata: { name: 's', namespace: 'ns' }, data: { k: '' } });
    const pod = podWith([{ name: 'd', emptyDir: {} }, { name: 's', secret: { secretName: 's' } }], { volumeMounts: [{ name: 'd', mountPath: '/d', subPath: 'x' }, { name: 's', mountPath: '/s' }] });
    await rig.volumes.mount(pod);
    await rig.volumes.mounts(pod, requestFor(pod), noEnv);
    // As a container with bidirectional propagation can leave it behind.
    const precious = join(rig.root, 'precious');
    const trap = join(directory('kubernetes.io~empty-dir', 'd'), 'trap');
    for (const made of [precious, trap]) await mkdir(made);
    await writeFile(join(precious, 'f'), 'kept');
    await mount({ source: precious, target: trap, options: ['bind'] });

    const again = await rig.restart();
    assert.deepEqual(await again.leftovers(), ['uid-1']);
    await again.release('uid-1');
    assert.deepEqual(await again.leftovers(), []);
    assert.equal(await readFile(join(precious, 'f'), 'utf8'), 'kept');
    assert.deepEqual((await mountTable()).filter(({ target }) => target.startsWith(`${rig.root}/pods/`)), []);
    await again.release('uid-1');
  });

  test('mounts are shared with mount namespaces to come', async () => {
    const pods = (await mountTable()).find(({ target }) => target === join(rig.root, 'pods'));
    assert.equal(pods?.shared, true);
    await rig.restart();
    assert.equal((await mountTable()).filter(({ target }) => target === join(rig.root, 'pods')).length, 1);
  });

  test('what is refreshed after its pod has gone is not written', async () => {
    rig.api.put('configmaps', { metadata: { name: 'cm', namespace: 'ns' }, data: { k: 'v' } });
    const pod = podWith([{ name: 'c', configMap: { name: 'cm' } }]);
    await rig.volumes.mount(pod);
    assert.match(await readlink(join(directory('kubernetes.io~configmap', 'c'), '..data')), /^\.\./);
    const released = rig.volumes.release('uid-1');
    rig.volumes.update(pod);
    await released;
    await settle();
    assert.deepEqual(await rig.volumes.leftovers(), []);
    assert.deepEqual(rig.events, []);
  });
});
