/** Real nodes in machines of namespaces: what runs on them, what happens to them, and that nothing of them stays. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as realTime } from 'node:timers/promises';
import type { Node, Pod } from '../src/api/types/core-v1.ts';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { configMaps, deployments, nodes, pods, services } from '../src/client/resources.ts';
import { startCluster, type Cluster } from '../src/cluster/all-in-one.ts';
import { createToken, joinFacts, newToken } from '../src/cluster/joining/tokens.ts';
import { startContainerd } from '../src/cluster/machines/containerd.ts';
import { Machine } from '../src/cluster/machines/machine.ts';
import { cniPrograms, machinesImpossible } from '../src/cluster/machines/requirements.ts';
import { supervise, type Supervised } from '../src/cluster/machines/supervise.ts';
import { ociArchive } from '../src/node/cri/oci-archive.ts';
import { busybox, busyboxBinary, busyboxImage } from './containerd/images.ts';
import { missing, runTool } from './lib/tools.ts';

const impossible = machinesImpossible() ?? (existsSync(busyboxBinary) ? missing : `no ${busyboxBinary} (Debian: apt-get install busybox-static)`);
const clock = systemClock();
const port = 8080;

describe('real nodes', { skip: impossible ?? false, timeout: 400_000 }, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'coxswain-real-'));
  const image = join(dataDir, 'busybox.tar');
  let cluster: Cluster;
  before(async () => {
    writeFileSync(image, ociArchive(busybox()));
    cluster = await startCluster({ datastore: 'memory', realNodes: 2, imageArchives: [image], serviceCidr: '10.96.0.0/12,fd00:10:96::/112', dataDir });
    await cluster.nodesReady();
    await until('the default service account', () => kubectl(['get', 'serviceaccount', 'default']).then(({ code }) => code === 0));
    await cluster.client.create(deployments, deployment('web', 4));
    await cluster.client.create(services, { metadata: { name: 'web', namespace: 'default' }, spec: { selector: { app: 'web' }, ipFamilyPolicy: 'PreferDualStack', ports: [{ port: 80, targetPort: port }] } });
    await ready('web', 4);
  });
  after(async () => {
    await cluster?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const kubectl = (args: readonly string[]) => runTool('kubectl', cluster.kubeconfigPath, args);
  const exec = async (pod: Pod, script: string) => (await kubectl(['exec', pod.metadata.name ?? '', '--', 'sh', '-c', script])).stdout;
  const podsOf = async (app: string) => (await cluster.client.list(pods, { namespace: 'default', labelSelector: `app=${app}` })).items;
  const isReady = ({ status }: Node | Pod) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  const ready = async (app: string, count: number) => {
    await until(`${count} ready pods of ${app}`, async () => (await podsOf(app)).filter(isReady).length === count);
    return podsOf(app);
  };
  const addressOf = ({ status }: Node) => status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';

  test('are what their machine is, and have blocks of addresses', async () => {
    const { items } = await cluster.client.list(nodes);
    assert.deepEqual(items.map(({ metadata }) => metadata.name).toSorted(), ['worker-0', 'worker-1']);
    assert.equal(new Set(items.flatMap(({ spec }) => spec?.podCIDRs ?? [])).size, 4);
    for (const { status } of items) {
      assert.match(status?.nodeInfo?.containerRuntimeVersion ?? '', /^containerd:\/\/\d/);
      assert.ok(Number(status?.capacity?.['cpu']) > 0);
    }
  });

  test('run the pods of a deployment, which reach each other, Services and the API server by the pod network', async () => {
    const all = await podsOf('web');
    assert.deepEqual([...new Set(all.map(({ spec }) => spec.nodeName))].toSorted(), ['worker-0', 'worker-1']);
    const [here] = all.filter(({ spec }) => spec.nodeName === 'worker-0');
    const [there] = all.filter(({ spec }) => spec.nodeName === 'worker-1');
    assert.ok(here && there);
    const get = (address: string, at: number) => `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${address} ${at}`;
    assert.match(await exec(here, get(there.status?.podIP ?? '', port)), new RegExp(`${there.metadata.name}`));
    const service = await cluster.client.get(services, { namespace: 'default', name: 'web' });
    assert.match(await exec(here, get(service.spec?.clusterIP ?? '', 80)), /200 OK[^]*web-/);
    assert.match(await exec(here, 'nslookup web.default.svc.cluster.local'), new RegExp(`Address:? .*${service.spec?.clusterIP}`));
    assert.match(await exec(here, 'nc -w 5 10.96.0.1 443 < /dev/null && echo reached'), /reached/);
  });

  test('have addresses of both families, and so do their pods', async () => {
    const all = await podsOf('web');
    const [here] = all.filter(({ spec }) => spec.nodeName === 'worker-0');
    const [there] = all.filter(({ spec }) => spec.nodeName === 'worker-1');
    assert.ok(here && there);
    const [, ipv6 = ''] = there.status?.podIPs?.map(({ ip }) => ip) ?? [];
    assert.match(ipv6, /^fd/);
    assert.equal(there.status?.hostIPs?.length, 2);
    const get = (address: string, at: number) => `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${address} ${at}`;
    assert.match(await exec(here, get(ipv6, port)), new RegExp(`${there.metadata.name}`));
    const service = await cluster.client.get(services, { namespace: 'default', name: 'web' });
    assert.match(await exec(here, get(service.spec?.clusterIPs?.[1] ?? '', 80)), /200 OK[^]*web-/);
    await reachable(ipv6, port);
  });

  test('answer kubectl logs and exec, and their pods this computer', async () => {
    const [pod] = await podsOf('web');
    assert.ok(pod);
    assert.match((await kubectl(['logs', pod.metadata.name ?? ''])).stdout, /^serving\n/);
    assert.equal(await exec(pod, 'hostname'), `${pod.metadata.name}\n`);
    await reachable(pod.status?.podIP ?? '', port);
  });

  test('keep their containers when the kubelet is killed', async () => {
    const node = await cluster.client.get(nodes, { name: 'worker-0' });
    const before = await podsOf('web');
    const [killed] = kubelets(addressOf(node));
    assert.ok(killed);
    process.kill(killed, 'SIGKILL');
    await until('another kubelet', async () => kubelets(addressOf(node)).some((pid) => pid !== killed));
    await kubectl(['scale', 'deployment/web', '--replicas=6']);
    const now = await ready('web', 6);
    for (const { metadata, status } of before) {
      const same = now.find((pod) => pod.metadata.uid === metadata.uid);
      assert.equal(same?.status?.containerStatuses?.[0]?.containerID, status?.containerStatuses?.[0]?.containerID);
      assert.equal(same?.status?.containerStatuses?.[0]?.restartCount, 0);
    }
  });

  test('come back with their pods when their machine ends', async () => {
    const [before] = (await podsOf('web')).filter(({ spec }) => spec.nodeName === 'worker-1');
    process.kill(Number(readFileSync(join(dataDir, 'nodes/worker-1/pid'), 'utf8')), 'SIGKILL');
    await until('the pod’s next life', async () => {
      const pod = (await podsOf('web')).find(({ metadata }) => metadata.uid === before?.metadata.uid);
      return pod !== undefined && isReady(pod) && (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
    });
    const pod = await cluster.client.get(pods, before?.metadata ?? { name: '' });
    assert.equal(await exec(pod, 'hostname'), `${pod.metadata.name}\n`);
    await reachable(pod.status?.podIP ?? '', port);
  });

  test('can be a machine elsewhere, which joins with a token', async () => {
    const token = newToken((bound) => Math.floor(Math.random() * bound));
    await createToken(cluster.client, clock, { token, ttlMs: 600_000 });
    await until('the proof of the token', async () => {
      const { data } = await cluster.client.get(configMaps, { namespace: 'kube-public', name: 'cluster-info' });
      return data?.[`jws-kubeconfig-${token.slice(0, 6)}`] !== undefined;
    });
    const { server, authorityHash } = await joinFacts(cluster.client);
    await using elsewhere = await machineElsewhere(dataDir, image);
    const joining = elsewhere.kubelet(['--server', server, '--token', token, '--ca-hash', authorityHash, '--node-name', 'elsewhere', '--cgroup-root', elsewhere.cgroupRoot, '--cni-conf-dir', '/var/lib/cni/net.d']);
    await until('the node that joins', async () => (await cluster.client.list(nodes)).items.some((node) => node.metadata.name === 'elsewhere' && isReady(node))).catch((error: unknown) => {
      throw new Error(joining.lastWords(), { cause: error });
    });
    await cluster.client.create(deployments, deployment('guest', 1, 'elsewhere'));
    const [guest] = await ready('guest', 1);
    const [web] = (await podsOf('web')).filter(({ spec }) => spec.nodeName === 'worker-1');
    assert.ok(guest && web);
    assert.match(await exec(guest, `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${web.status?.podIP} ${port}`), new RegExp(`${web.metadata.name}`));
    await kubectl(['delete', 'deployment/guest', '--wait=true']);
    await kubectl(['delete', 'node/elsewhere']);
  });

  test('leave nothing behind', async () => {
    const name = bridgeOf(dataDir);
    const machines = ['worker-0', 'worker-1'].map((node) => Number(readFileSync(join(dataDir, 'nodes', node, 'pid'), 'utf8')));
    const namespaces = machines.map((pid) => readlinkSync(`/proc/${pid}/ns/pid`));
    const inside = processes().filter(({ pidNamespace }) => namespaces.includes(pidNamespace));
    assert.ok(inside.length > 10);
    await cluster.stop();
    // Numbers of processes and namespaces are given again to others at once.
    const left = processes();
    assert.deepEqual(inside.filter(({ pid, startedAt }) => left.some((other) => other.pid === pid && other.startedAt === startedAt)), []);
    assert.equal(existsSync(`/sys/class/net/${name}`), false);
    assert.doesNotMatch(execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' }), new RegExp(name));
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(dataDir));
    const cgroups = ['.', ...readdirSync('/sys/fs/cgroup')].map((hierarchy) => join('/sys/fs/cgroup', hierarchy, name));
    assert.deepEqual(cgroups.filter((path) => existsSync(path)), []);
  });
});

function deployment(app: string, replicas: number, nodeName?: string) {
  const command = ['sh', '-c', `mkdir /www && hostname > /www/index.html && echo serving && exec httpd -f -p ${port} -h /www`];
  return {
    metadata: { name: app, namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app } },
        spec: { terminationGracePeriodSeconds: 1, ...(nodeName === undefined ? {} : { nodeSelector: { 'kubernetes.io/hostname': nodeName } }), containers: [{ name: 'httpd', image: busyboxImage, command }] },
      },
    },
  };
}

/** One more machine on the cluster's bridge, which the cluster knows nothing of. */
async function machineElsewhere(dataDir: string, image: string) {
  const stack = new AsyncDisposableStack();
  const disk = mkdtempSync(join(tmpdir(), 'coxswain-elsewhere-'));
  stack.defer(() => rmSync(disk, { recursive: true, force: true }));
  const machine = await Machine.boot({ name: 'elsewhere', disk });
  stack.defer(() => machine.powerOff());
  const bridge = bridgeOf(dataDir);
  const { nodes: network } = JSON.parse(readFileSync(join(dataDir, 'nodes/network.json'), 'utf8')) as { nodes: string };
  execFileSync('ip', ['link', 'add', `${bridge}-x`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(machine.pid)]);
  execFileSync('ip', ['link', 'set', `${bridge}-x`, 'master', bridge, 'up']);
  for (const args of [`address add ${network.replace(/0$/, '200/24')} dev eth0`, 'link set eth0 up', `route add default via ${network.replace(/0$/, '1')}`]) await machine.run('ip', args.split(' '));
  const containerd = await startContainerd({ machine, cniPrograms, clock, logger: silentLogger });
  stack.defer(() => containerd.stop());
  await machine.run('ctr', ['--namespace', 'k8s.io', 'images', 'import', '--digests=false', image]);
  return {
    /** Below the cluster's own, which it removes. */
    cgroupRoot: `/${bridge}/elsewhere`,
    kubelet(flags: readonly string[]): Supervised {
      const command = [resolve(import.meta.dirname, '../bin/coxswain.js'), 'kubelet', ...flags];
      const kubelet = supervise({ name: 'kubelet', start: (stdio) => machine.spawn(process.execPath, command, { stdio }), log: join(disk, 'kubelet.log'), clock, logger: silentLogger });
      stack.defer(() => kubelet.stop());
      return kubelet;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function bridgeOf(dataDir: string): string {
  const { nodes: network } = JSON.parse(readFileSync(join(dataDir, 'nodes/network.json'), 'utf8')) as { nodes: string };
  const own = network.replace(/0$/, '1');
  const links = JSON.parse(execFileSync('ip', ['-json', 'address'], { encoding: 'utf8' })) as { ifname: string; addr_info: { local?: string }[] }[];
  return links.find(({ addr_info: addresses }) => addresses.some(({ local }) => local === own))?.ifname ?? '';
}

interface Process {
  readonly pid: number;
  /** In the kernel's ticks. */
  readonly startedAt: string;
  readonly pidNamespace: string;
  readonly command: readonly string[];
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const startedAt = readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? '';
        return [{ pid: Number(entry), startedAt, pidNamespace: readlinkSync(`/proc/${entry}/ns/pid`), command: readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0') }];
      } catch {
        return [];
      }
    });
}

function kubelets(address: string): number[] {
  return processes()
    .filter(({ command }) => command[0] === process.execPath && command.includes('kubelet') && command.some((argument) => argument.split(',').includes(address)))
    .map(({ pid }) => pid);
}

async function reachable(address: string, at: number): Promise<void> {
  await new Promise<void>((resolved, reject) => {
    const socket = connect(at, address, () => {
      socket.destroy();
      resolved();
    });
    socket.once('error', reject);
  });
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (await holds()) return;
    await realTime(100);
  }
  throw new Error(`waited in vain for ${what}`);
}
