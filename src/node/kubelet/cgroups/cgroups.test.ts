import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { systemClock } from '../../../base/clock.ts';
import type { Container, Pod } from '../../../api/types/core-v1.ts';
import { CgroupV1Tree } from './cgroup-v1-tree.ts';
import { CgroupV2Tree } from './cgroup-v2-tree.ts';
import { cpuQuotaUs, cpuShares, cpuWeight, podLimits } from './limits.ts';
import { NodeCgroups } from './node-cgroups.ts';
import { cgroupTreeOf, openCgroupTree } from './open-cgroup-tree.ts';

const clock = systemClock();

function podOf(uid: string, containers: readonly Container['resources'][], spec: Partial<Pod['spec']> = {}): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: uid, namespace: 'ns', uid }, spec: { containers: containers.map((resources, index) => ({ name: `c${index}`, resources })), ...spec } };
}

test('the arithmetic', () => {
  assert.deepEqual([0, 1, 100, 1000, 10_000_000].map(cpuShares), [2, 2, 102, 1024, 262_144]);
  assert.deepEqual([1, 10, 500, 2500].map(cpuQuotaUs), [1000, 1000, 50_000, 250_000]);
  assert.deepEqual([2, 1024, 262_144].map(cpuWeight), [1, 39, 10_000]);
});

test('limits of pods by their class', () => {
  const table: readonly (readonly [string, Pod, object])[] = [
    ['best effort', podOf('a', [undefined]), { cpuShares: 2, pids: 99 }],
    ['guaranteed', podOf('b', [{ requests: { cpu: '500m', memory: '64Mi' }, limits: { cpu: '500m', memory: '64Mi' } }]), { cpuShares: 512, cpuQuotaUs: 50_000, memoryBytes: 64 << 20, pids: 99 }],
    ['burstable, one of two limited', podOf('c', [{ limits: { memory: '64Mi' }, requests: { cpu: '100m' } }, { requests: { cpu: '100m' } }]), { cpuShares: 204, pids: 99 }],
    ['burstable, memory limited', podOf('d', [{ limits: { memory: '64Mi' } }, { limits: { memory: '1Mi' } }]), { cpuShares: 2, memoryBytes: 65 << 20, pids: 99 }],
    ['limited as a pod', podOf('e', [undefined], { resources: { requests: { cpu: '1' }, limits: { cpu: '2' } } }), { cpuShares: 1024, cpuQuotaUs: 200_000, pids: 99 }],
  ];
  for (const [what, pod, expected] of table) assert.deepEqual(podLimits(pod, 99), expected, what);
});

test('which version the mounts say', () => {
  const line = (path: string, type: string, options: string) => `30 20 0:26 / ${path} rw,nosuid shared:9 - ${type} x ${options}`;
  assert.ok(cgroupTreeOf([line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'), line('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory'), line('/sys/fs/cgroup/unified', 'cgroup2', 'rw')].join('\n'), clock) instanceof CgroupV1Tree);
  assert.ok(cgroupTreeOf(line('/sys/fs/cgroup', 'cgroup2', 'rw'), clock) instanceof CgroupV2Tree);
  assert.throws(() => cgroupTreeOf('', clock), /has no cgroups/);
});

test('version 2: files of the unified hierarchy', async (t) => {
  const mount = mkdtempSync(join(tmpdir(), 'cgroup-'));
  t.after(() => rmSync(mount, { recursive: true }));
  const tree = new CgroupV2Tree(mount, clock);
  await tree.apply('/a/b', { cpuShares: 1024, cpuQuotaUs: 50_000, memoryBytes: 1 << 20, pids: 7 });
  const read = (name: string) => readFileSync(join(mount, 'a/b', name), 'utf8');
  assert.deepEqual(['cpu.weight', 'cpu.max', 'memory.max', 'pids.max'].map(read), ['39', '50000 100000', '1048576', '7']);
  assert.equal(readFileSync(join(mount, 'a/cgroup.subtree_control'), 'utf8'), '+pids');
  assert.deepEqual(await tree.children('/a'), ['b']);
  assert.deepEqual(await tree.children('/none'), []);
});

const withoutCgroups = ((): string | false => {
  try {
    accessSync('/sys/fs/cgroup/cpu', constants.W_OK);
    accessSync('/sys/fs/cgroup/memory', constants.W_OK);
    return process.getuid?.() === 0 ? false : 'cgroups need root';
  } catch {
    return 'no cgroups of version 1 that can be written';
  }
})();

test('version 1: pods of this machine', { skip: withoutCgroups }, async (t) => {
  const root = `/coxswain-test-${process.pid}`;
  const tree = await openCgroupTree(clock);
  t.after(() => tree.remove(root));
  const options = { tree, root, allocatable: { cpu: '2', memory: '4Gi' }, podPidsMax: 50 };
  const cgroups = new NodeCgroups(options);
  await cgroups.start();
  const read = (controller: string, path: string, file: string) => readFileSync(join('/sys/fs/cgroup', controller, path, file), 'utf8').trim();
  assert.equal(read('cpu', `${root}/kubepods`, 'cpu.shares'), '2048');

  const burstable = await cgroups.create(podOf('one', [{ requests: { cpu: '250m' }, limits: { cpu: '500m', memory: '64Mi' } }]));
  assert.equal(burstable, `${root}/kubepods/burstable/podone`);
  assert.equal(read('cpu', burstable, 'cpu.cfs_quota_us'), '50000');
  assert.equal(read('memory', burstable, 'memory.limit_in_bytes'), String(64 << 20));
  assert.equal(read('pids', burstable, 'pids.max'), '50');
  assert.equal(read('cpu', `${root}/kubepods/burstable`, 'cpu.shares'), '256');
  const bestEffort = await cgroups.create(podOf('two', [undefined]));
  assert.equal(bestEffort, `${root}/kubepods/besteffort/podtwo`);

  const later = new NodeCgroups(options);
  await later.start();
  assert.deepEqual((await later.podUids()).toSorted(), ['one', 'two'], 'what an earlier life made is found');

  const process_ = spawn('sleep', ['1000']);
  writeFileSync(join('/sys/fs/cgroup/memory', burstable, 'cgroup.procs'), String(process_.pid));
  const ended = once(process_, 'exit');
  await later.remove('one');
  await ended;
  assert.ok(!existsSync(join('/sys/fs/cgroup/memory', burstable)) && !existsSync(join('/sys/fs/cgroup/cpu', burstable)));
  await later.remove('two');
  assert.deepEqual(await later.podUids(), []);
});
