/**
 * `coxswain up --runtime unix://…`: the computer itself is a node. The computer
 * here is a machine of namespaces with a containerd that nobody of the cluster
 * has started, so that whatever is left behind can be told, and is nobody else's.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as realTime } from 'node:timers/promises';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { cniConfigDirectory, containerdSocket, startContainerd } from '../src/cluster/machines/containerd.ts';
import { Machine } from '../src/cluster/machines/machine.ts';
import { cniPrograms, machinesImpossible } from '../src/cluster/machines/requirements.ts';
import type { Program } from '../src/cluster/machines/supervise.ts';
import { ociArchive } from '../src/node/cri/oci-archive.ts';
import { busybox, busyboxBinary, busyboxImage } from './containerd/images.ts';
import { missing, toolPath } from './lib/tools.ts';

const impossible = machinesImpossible() ?? (existsSync(busyboxBinary) ? missing : `no ${busyboxBinary} (Debian: apt-get install busybox-static)`);
const computer = `computer-${randomBytes(3).toString('hex')}`;

describe('this computer as a node', { skip: impossible ?? false, timeout: 400_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'coxswain-host-'));
  const dataDir = join(folder, 'data');
  const image = join(folder, 'busybox.tar');
  const cleanup = new AsyncDisposableStack();
  let machine: Machine;
  let untouched: Traces;
  before(async () => {
    cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(dataDir);
    writeFileSync(image, ociArchive(busybox()));
    machine = await Machine.boot({ name: computer, disk: join(folder, 'disk') });
    cleanup.defer(() => machine.powerOff());
    const containerd = await startContainerd({ machine, cniPrograms, clock: systemClock(), logger: silentLogger });
    cleanup.defer(() => containerd.stop());
    untouched = await traces();
  });
  after(() => cleanup.disposeAsync());

  const run = (script: string) => machine.run('sh', ['-c', script]);
  const kubectl = (...args: readonly string[]) => machine.run(toolPath('kubectl'), ['--kubeconfig', join(dataDir, 'kubeconfig'), ...args]);
  const log = join(folder, 'up.log');
  const kubeletLog = join(dataDir, 'nodes', computer, 'kubelet.log');

  const containers = async () => (await run(`ctr --address ${containerdSocket} --namespace k8s.io containers list --quiet`)).split('\n').filter((id) => id !== '');

  const cgroups = () => run(`find /sys/fs/cgroup -maxdepth 3 -path '*/cx*/${computer}'`);

  /** What the computer has of a node. */
  async function traces(): Promise<Traces> {
    const [containerIds, programs, rules, links, routes, mounts, namespaces, configuration] = await Promise.all([
      containers(),
      run('ps -eo args= | grep -E "coxswain|shim|pause" | grep -v grep || true'),
      run('nft list tables'),
      run('ip -oneline link | cut -d: -f2'),
      run('ip route'),
      run(`cut -d" " -f2 /proc/self/mounts | grep -E "^${dataDir}|^/run/" || true`),
      run('ls /run/netns /run/coxswain-ipam/* 2>/dev/null | grep -E "cni-|^[0-9]+\\." || true'),
      run(`ls ${cniConfigDirectory}`),
    ]);
    return { containers: containerIds, programs, rules: tablesOfOurs(rules), links, routes, mounts, namespaces, configuration };
  }

  function start(): Program {
    const file = openSync(log, 'a');
    const flags = ['--runtime', `unix://${containerdSocket}`, '--cni-conf-dir', cniConfigDirectory, '--image-archive', image, '--port', '0', '--data-dir', dataDir];
    return machine.spawn(process.execPath, [resolve(import.meta.dirname, '../bin/coxswain.js'), 'up', ...flags], { stdio: ['ignore', file, file] });
  }

  async function up(): Promise<Program> {
    const program = start();
    await until('the node', async () => /Ready/.test(await kubectl('get', 'node', computer, '-o', 'jsonpath={.status.conditions[?(@.status=="True")].type}').catch(() => '')));
    return program;
  }

  const until = async (what: string, holds: () => Promise<boolean>) => {
    for (let tries = 0; tries < 1200; tries++) {
      if (await holds()) return;
      await realTime(100);
    }
    throw new Error(`waited in vain for ${what}: ${[log, kubeletLog].map((path) => (existsSync(path) ? readFileSync(path, 'utf8').slice(-3000) : '')).join('\n')}`);
  };
  const served = () => until('the pod', async () => /serving/.test(await kubectl('logs', 'web').catch(() => '')));

  test('runs pods over the runtime that was there, and stopping leaves nothing of them', async () => {
    const program = await up();
    await until('the service account', () => kubectl('get', 'serviceaccount', 'default').then(() => true, () => false));
    await kubectl('run', 'web', `--image=${busyboxImage}`, '--command', '--', 'sh', '-c', 'echo serving; exec sleep 100000');
    await served();
    const addresses = await kubectl('get', 'node', computer, '-o', 'jsonpath={.status.addresses[*].address}');
    assert.match(addresses, new RegExp(`^100\\.\\S+ ${computer}$`));
    assert.match(await kubectl('exec', 'web', '--', 'sh', '-c', 'nc -w 5 10.96.0.1 443 < /dev/null && nslookup kubernetes.default.svc.cluster.local'), /10\.96\.0\.1/);
    assert.equal((await containers()).length, 2);
    assert.notEqual(await cgroups(), '');
    program.kill('SIGTERM');
    await ended(program.process);
    assert.deepEqual(await traces(), untouched);
    assert.equal(await cgroups(), '');
  });

  test('takes its pods up at the next start, and takes them away when the cluster is killed', async () => {
    const program = await up();
    await until('the pod’s next life', async () => (await containers()).length === 2);
    await served();
    program.kill('SIGKILL');
    await ended(program.process);
    await until('the end of the kubelet', async () => (await traces()).programs === untouched.programs);
    const { rules, ...left } = await traces();
    assert.doesNotMatch(rules, /coxswain/);
    // The bridge is taken away by the next start.
    const bridge = { links: '', routes: '', rules: '' };
    assert.deepEqual({ ...left, ...bridge }, { ...untouched, ...bridge });
  });

  test('leaves nothing when it is stopped while its pods start', async () => {
    const program = start();
    await until('a sandbox', async () => (await containers()).length > 0);
    program.kill('SIGTERM');
    await ended(program.process);
    assert.deepEqual(await traces(), untouched);
    assert.equal(await cgroups(), '');
  });
});

interface Traces {
  readonly containers: readonly string[];
  readonly programs: string;
  readonly rules: string;
  readonly links: string;
  readonly routes: string;
  readonly mounts: string;
  readonly namespaces: string;
  readonly configuration: string;
}

/** The tables of iptables are portmap's, and stay empty. */
function tablesOfOurs(tables: string): string {
  return tables.split('\n').filter((line) => /coxswain|cx[0-9a-f]{8}/.test(line)).join('\n');
}

async function ended(process: ChildProcess): Promise<void> {
  if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
}
