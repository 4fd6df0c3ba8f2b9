import { flushCompileCache } from 'node:module';
import process from 'node:process';
import { relative } from 'node:path';
import { createLogger, type LogLevel } from '../../base/logger.ts';
import { systemClock } from '../../base/clock.ts';
import { collectOnce } from '../../cluster/after-start.ts';
import { startCluster } from '../../cluster/all-in-one.ts';
import { hostNodeImpossible, machinesImpossible } from '../../cluster/machines/requirements.ts';
import { etcdAccess, type DatastoreOptions } from '../datastore-options.ts';
import { logSink } from '../log-sink.ts';
import { wholeNumber } from '../numbers.ts';
import { runtimeSocket } from '../runtime-socket.ts';
import { stagesText } from '../stages-option.ts';
import { bold, cyan, dim, green, say } from '../terminal.ts';
import { untilToldToStop } from '../until-stopped.ts';
import { UsageError } from '../usage-error.ts';

export interface UpOptions extends DatastoreOptions {
  readonly nodes?: string;
  readonly realNodes?: string;
  readonly imageArchive: readonly string[];
  readonly clusterCidr?: string;
  readonly host: string;
  readonly serviceCidr?: string;
  readonly loadBalancerPool?: string;
  readonly advertiseAddress?: string;
  readonly port: string;
  readonly kubeconfig?: string;
  readonly runtime: string;
  readonly cniConfDir?: string;
  readonly stages?: string;
  readonly cheap?: boolean;
  readonly output: string;
  readonly logLevel: string;
}

/** Starts a cluster and stays until it is told to stop. */
export async function up(options: UpOptions): Promise<void> {
  const hostNode = hostNodeOf(options);
  const machine = options.output === 'json';
  const logger = createLogger(logSink(machine ? 'json' : 'text'), options.logLevel as LogLevel);
  // From the start of the process: what the person at the terminal waits for.
  const bootMs = process.uptime() * 1000;
  const machines = wholeNumber(options.realNodes ?? (options.runtime === 'containerd' ? '1' : '0'), '--real-nodes');
  if (hostNode && machines > 0) throw new UsageError('--real-nodes goes with --runtime containerd: over a socket this computer is one node');
  const impossible = hostNode ? hostNodeImpossible(hostNode.runtimeSocket) : machines > 0 ? machinesImpossible() : undefined;
  if (impossible !== undefined) throw new UsageError(impossible);
  const realNodes = machines + (hostNode ? 1 : 0);
  const nodes = wholeNumber(options.nodes ?? (realNodes > 0 ? '0' : '3'), '--nodes');
  const cluster = await startCluster({
    nodes,
    realNodes: machines,
    ...(hostNode ? { hostNode } : {}),
    imageArchives: options.imageArchive,
    ...(options.clusterCidr ? { clusterCidr: options.clusterCidr } : {}),
    ...(options.serviceCidr ? { serviceCidr: options.serviceCidr } : {}),
    ...(options.loadBalancerPool ? { loadBalancerPool: options.loadBalancerPool } : {}),
    ...(options.advertiseAddress ? { advertiseAddress: options.advertiseAddress } : {}),
    cheap: options.cheap ?? false,
    stages: stagesText(options.stages, logger),
    datastore: options.datastore,
    etcd: etcdAccess(options),
    dataDir: options.dataDir,
    host: options.host,
    port: wholeNumber(options.port, '--port'),
    ...(options.kubeconfig ? { kubeconfig: options.kubeconfig } : {}),
    logger,
    logLevel: options.logLevel as LogLevel,
  });
  const apiReadyMs = Math.round(bootMs + cluster.apiReadyMs);
  if (!machine) {
    say(`${green('ready')} ${bold(cluster.url)} ${dim(`in ${(apiReadyMs / 1000).toFixed(2)} s`)}`);
    say();
    say(`  ${cyan(`export KUBECONFIG=${cluster.kubeconfigPath}`)}`);
    say(`  ${cyan('kubectl get nodes')}`);
    say();
  }
  flushCompileCache();
  const collection = collectOnce(systemClock());
  let isTold = false;
  const stopping = untilToldToStop().then(() => (isTold = true));
  const ready = cluster.nodesReady().then(
    () => {
      const nodesReadyMs = Math.round(process.uptime() * 1000);
      if (machine) say(JSON.stringify({ ready: true, url: cluster.url, kubeconfig: cluster.kubeconfigPath, apiReadyMs, nodes, realNodes, nodesReadyMs, ...(options.cheap ? { cheap: true } : {}) }));
      else say(`${green('ready')} ${described(nodes, realNodes)}${options.cheap ? ' (CHEAP: one watch for all of them, not for measurements)' : ''} ${dim(`in ${(nodesReadyMs / 1000).toFixed(2)} s; Ctrl-C stops the cluster, data stays in ${relative('.', options.dataDir) || '.'}`)}`);
    },
    (error: unknown) => {
      if (!isTold) logger.error('the nodes did not become ready', { error });
    },
  );
  // A cluster without its controllers looks alive and is not: better an end that whoever started it hears of.
  await Promise.race([stopping, cluster.failed.catch(() => (process.exitCode = 1))]);
  collection.cancel();
  if (!machine) say(dim('stopping'));
  await cluster.stop();
  await ready;
}

function hostNodeOf({ runtime, cniConfDir }: UpOptions) {
  if (runtime.includes(':')) return { runtimeSocket: runtimeSocket(runtime), cniConfigDirectory: cniConfDir };
  if (runtime !== 'hollow' && runtime !== 'containerd') throw new UsageError(`--runtime takes hollow, containerd or a socket as unix:///run/containerd/containerd.sock, not "${runtime}"`);
  if (cniConfDir !== undefined) throw new UsageError('--cni-conf-dir goes with a socket as --runtime');
  return undefined;
}

function described(hollow: number, real: number): string {
  const counted = (count: number, kind: string) => (count === 0 ? [] : [`${count} ${kind} node${count === 1 ? '' : 's'}`]);
  return [...counted(hollow, 'hollow'), ...counted(real, 'real')].join(' and ') || 'without nodes';
}
