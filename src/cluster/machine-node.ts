/**
 * A real node on this computer: a machine made of namespaces with its
 * containerd, and a kubelet that is a process of its own and is started like the
 * kubelet of a computer elsewhere.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { LogLevel, Logger } from '../base/logger.ts';
import { cniConfigDirectory, containerdSocket, startContainerd } from './machines/containerd.ts';
import type { HostNetwork } from './machines/host-network.ts';
import { importIntoMachines } from './machines/images.ts';
import { Machine } from './machines/machine.ts';
import { cniPrograms } from './machines/requirements.ts';
import { supervise, type Supervised } from './machines/supervise.ts';
import { formatKubeconfig } from './pki/kubeconfig.ts';
import { componentSubjects, writePrivateFile, type Pki } from './pki/pki.ts';

export interface MachineNodeOptions {
  /** A folder a node. */
  readonly directory: string;
  readonly imageArchives: readonly string[];
  readonly network: HostNetwork;
  readonly pki: Pki;
  /** Of the API server. */
  readonly port: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logLevel: LogLevel;
}

const command = resolve(import.meta.dirname, '../../bin/coxswain.js');
const retryMs = 2000;

export function nodeName(index: number): string {
  return `worker-${index}`;
}

interface RunningNode {
  /** Resolves when the machine has ended, whoever ended it. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export interface KeptNode {
  /** Resolves when it runs for the first time; rejects where it cannot. */
  readonly started: Promise<void>;
  /** Resolves when it has been stopped after the signal. */
  readonly stopped: Promise<void>;
}

/** Runs a node until the signal aborts. A machine that ends before is started again, as somebody would who finds it switched off. */
export function keepNode(options: MachineNodeOptions, index: number, signal: AbortSignal): KeptNode {
  const { clock, logger } = options;
  const started = Promise.withResolvers<void>();
  const told = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  const keep = async () => {
    for (let hasRun = false; !signal.aborted; ) {
      try {
        const node = await startNode(options, index);
        hasRun = true;
        started.resolve();
        await Promise.race([node.ended, told]);
        await node.stop();
        if (!signal.aborted) logger.warn('the machine of a node has ended, and is started again', { node: nodeName(index) });
      } catch (error) {
        if (!hasRun) return started.reject(error);
        logger.warn('the machine of a node could not be started', { node: nodeName(index), error });
        await clock.sleep(retryMs, signal).catch(() => {});
      }
    }
  };
  return { started: started.promise, stopped: keep() };
}

async function startNode(options: MachineNodeOptions, index: number): Promise<RunningNode> {
  const { network, clock, logger } = options;
  const name = nodeName(index);
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
  return { ended: machine.ended, stop: () => running.disposeAsync() };
}

function startKubelet(options: MachineNodeOptions, machine: Machine, index: number): Supervised {
  const { network, clock, logger, logLevel } = options;
  const { name } = machine;
  writeCredentials(options, machine, index);
  const flags: Readonly<Record<string, string>> = {
    '--kubeconfig': '/var/lib/kubelet/kubeconfig',
    '--node-name': name,
    '--node-ip': network.addressesOf(index).join(','),
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
function writeCredentials({ network, pki, port }: MachineNodeOptions, { name, disk }: Machine, index: number): void {
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
  const serving = pki.issueServingCertificate({ ...subject, names: [name, ...network.addressesOf(index)] });
  writePrivateFile(join(folder, 'pki/kubelet.key'), serving.privateKey);
  writeFileSync(join(folder, 'pki/kubelet.crt'), serving.certificate);
}
