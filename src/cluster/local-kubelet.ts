/**
 * A kubelet of this cluster on this computer: a process of its own, started as
 * the kubelet of a computer elsewhere is, and again when it ends. Whether it
 * runs in a machine made of namespaces or beside us is up to who spawns it.
 */
import type { SpawnOptions } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { LogLevel, Logger } from '../base/logger.ts';
import type { HostNetwork } from './machines/host-network.ts';
import { supervise, type Program, type Supervised } from './machines/supervise.ts';
import { formatKubeconfig } from './pki/kubeconfig.ts';
import { componentSubjects, writePrivateFile, type Pki } from './pki/pki.ts';

/** What all nodes on this computer share. */
export interface LocalNodeOptions {
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

export interface KeptNode {
  /** Resolves when it runs for the first time; rejects where it cannot. */
  readonly started: Promise<void>;
  /** Resolves when it has been stopped after the signal. */
  readonly stopped: Promise<void>;
}

export interface LocalKubelet {
  readonly name: string;
  readonly addresses: readonly string[];
  /** The folder that is the node's disk. */
  readonly disk: string;
  /** Where the kubelet finds the folder `lib` of its disk. */
  readonly lib: string;
  /** Beside those that follow from this. */
  readonly flags: readonly string[];
  spawn(file: string, args: readonly string[], options: SpawnOptions): Program;
}

const command = resolve(import.meta.dirname, '../../bin/coxswain.js');

export function startLocalKubelet(options: LocalNodeOptions, kubelet: LocalKubelet): Supervised {
  const { network, clock, logger, logLevel } = options;
  const { name, addresses, disk, lib } = kubelet;
  writeCredentials(options, kubelet);
  const flags: Readonly<Record<string, string>> = {
    '--kubeconfig': join(lib, 'kubelet/kubeconfig'),
    '--root-dir': join(lib, 'kubelet'),
    '--node-name': name,
    '--node-ip': addresses.join(','),
    '--cgroup-root': `/${network.name}/${name}`,
    '--cluster-cidr': network.clusterCidr,
    '--log-level': logLevel,
  };
  return supervise({
    name: `the kubelet of ${name}`,
    start: (stdio) => kubelet.spawn(process.execPath, [command, 'kubelet', ...Object.entries(flags).flat(), ...kubelet.flags], { stdio }),
    log: join(disk, 'kubelet.log'),
    clock,
    logger,
  });
}

/** What a kubelet elsewhere gets by its bootstrap token; the files have the names that such a kubelet gives them. */
function writeCredentials({ network, pki, port }: LocalNodeOptions, { name, addresses, disk }: LocalKubelet): void {
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
  const serving = pki.issueServingCertificate({ ...subject, names: [name, ...addresses] });
  writePrivateFile(join(folder, 'pki/kubelet.key'), serving.privateKey);
  writeFileSync(join(folder, 'pki/kubelet.crt'), serving.certificate);
}
