/**
 * The real nodes of an all-in-one cluster: machines made of namespaces, each
 * with its containerd, and a kubelet that is a process of its own and is started
 * like the kubelet of a computer elsewhere. Power off, and nothing of them is
 * left but their disks.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { LogLevel, Logger } from '../base/logger.ts';
import type { Client } from '../client/client.ts';
import { nodes } from '../client/resources.ts';
import { isNotFound } from '../client/failure.ts';
import { removeCgroups } from './machines/cgroups.ts';
import { cniConfigDirectory, containerdSocket, startContainerd } from './machines/containerd.ts';
import { cniPrograms } from './machines/requirements.ts';
import type { HostNetwork } from './machines/host-network.ts';
import { importIntoMachines } from './machines/images.ts';
import { Machine } from './machines/machine.ts';
import { supervise, type Supervised } from './machines/supervise.ts';
import { formatKubeconfig } from './pki/kubeconfig.ts';
import { componentSubjects, writePrivateFile, type Pki } from './pki/pki.ts';

export interface RealNodesOptions {
  readonly count: number;
  /** A folder a node. */
  readonly directory: string;
  readonly imageArchives: readonly string[];
  readonly network: HostNetwork;
  readonly pki: Pki;
  /** Of the API server. */
  readonly port: number;
  /** Addresses of load balancers: this computer sends what is for them to the first node. */
  readonly loadBalancerPool: readonly string[];
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logLevel: LogLevel;
}

export interface RealNodes {
  /** Resolves once all nodes are registered and have blocks of addresses for pods; rejects where a machine cannot be made. */
  readonly ready: Promise<void>;
  /** Rejects where a machine cannot be made. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

const namePrefix = 'worker-';
const command = resolve(import.meta.dirname, '../../bin/coxswain.js');
const pollMs = 50;

export function startRealNodes(options: RealNodesOptions): RealNodes {
  const stopping = new AbortController();
  const started = Array.from({ length: options.count }, (_, index) => startNode(options, index));
  const ready = Promise.all(started.map(async (node, index) => {
    await node;
    await routed(options, index, stopping.signal);
  })).then(() => {});
  // Whoever waits for it hears of a failure; nobody has to.
  ready.catch(() => {});
  const failed = Promise.all(started).then(() => new Promise<never>(() => {}));
  failed.catch((error: unknown) => options.logger.error('a real node cannot be started', { error }));
  return {
    ready,
    failed,
    async stop() {
      stopping.abort(new Error('the cluster was stopped'));
      await Promise.all((await Promise.allSettled(started)).map((node) => (node.status === 'fulfilled' ? node.value.stop() : undefined)));
      await removeCgroups(options.network.name, options.clock);
    },
  };
}

interface RunningNode {
  stop(): Promise<void>;
}

async function startNode(options: RealNodesOptions, index: number): Promise<RunningNode> {
  const { network, clock, logger } = options;
  const name = `${namePrefix}${index}`;
  await using opened = new AsyncDisposableStack();
  const machine = await Machine.boot({ name, disk: join(options.directory, name) });
  opened.defer(() => machine.powerOff());
  await network.connect(machine, index);
  const containerd = await startContainerd({ machine, cniPrograms, clock, logger });
  opened.defer(() => containerd.stop());
  for (const archive of options.imageArchives) await importIntoMachines(options.directory, archive, name);
  const kubelet = startKubelet(options, machine, index);
  opened.defer(() => kubelet.stop());
  const running = opened.move();
  return { stop: () => running.disposeAsync() };
}

function startKubelet(options: RealNodesOptions, machine: Machine, index: number): Supervised {
  const { network, clock, logger, logLevel } = options;
  const { name } = machine;
  writeCredentials(options, machine, index);
  const flags: Readonly<Record<string, string>> = {
    '--kubeconfig': '/var/lib/kubelet/kubeconfig',
    '--node-name': name,
    '--node-ip': network.addressOf(index),
    '--runtime': `unix://${containerdSocket}`,
    '--cni-conf-dir': cniConfigDirectory,
    '--cgroup-root': `/${network.name}/${name}`,
    '--cluster-cidr': network.clusterCidr,
    '--log-level': logLevel,
  };
  return supervise({
    name: `the kubelet of ${name}`,
    start: (stdio) => machine.spawn(process.execPath, [command, 'kubelet', ...Object.entries(flags).flat()], { stdio }),
    log: join(machine.disk, 'kubelet.log'),
    clock,
    logger,
  });
}

/** What a kubelet elsewhere gets by its bootstrap token; the files have the names that such a kubelet gives them. */
function writeCredentials({ network, pki, port }: RealNodesOptions, { name, disk }: Machine, index: number): void {
  const folder = join(disk, 'lib/kubelet');
  mkdirSync(join(folder, 'pki'), { recursive: true, mode: 0o700 });
  const subject = componentSubjects.node(name);
  const kubeconfig = formatKubeconfig({
    server: `https://${network.address}:${port}`,
    authorityCertificate: pki.authorityCertificate,
    user: subject.commonName,
    client: pki.issueClientCertificate(subject),
  });
  writePrivateFile(join(folder, 'kubeconfig'), kubeconfig);
  const serving = pki.issueServingCertificate({ ...subject, names: [name, network.addressOf(index)] });
  writePrivateFile(join(folder, 'pki/kubelet.key'), serving.privateKey);
  writeFileSync(join(folder, 'pki/kubelet.crt'), serving.certificate);
}

/** Waits until the node has its block, and makes its pods known to this computer. */
async function routed({ client, clock, network, loadBalancerPool }: RealNodesOptions, index: number, signal: AbortSignal): Promise<void> {
  const name = `${namePrefix}${index}`;
  for (;;) {
    const node = await client.get(nodes, { name }, { signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return undefined;
    });
    const blocks = node?.spec?.podCIDRs ?? [];
    if (blocks.length > 0) return network.route([...blocks, ...(index === 0 ? loadBalancerPool : [])], index);
    await clock.sleep(pollMs, signal);
  }
}
