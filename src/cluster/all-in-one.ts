/**
 * A whole cluster in one process: API server on this thread, controllers with
 * the scheduler on another, hollow nodes on a third. `startCluster` is also
 * what a test imports.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock, type Clock } from '../base/clock.ts';
import { silentLogger, type LogLevel, type Logger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { Client } from '../client/client.ts';
import { nodes as nodeResource } from '../client/resources.ts';
import { exchangeTransport } from '../client/transports/exchange.ts';
import { defaultServiceCidrs, localUrl, startApiServer, type RunningApiServer } from './api-server.ts';
import type { DatastoreSpec, EtcdAccess } from './datastore.ts';
import { administrator } from './identities.ts';
import { formatKubeconfig, writeKubeconfig } from './pki/kubeconfig.ts';
import { componentSubjects } from './pki/pki.ts';
import { startThread } from './thread.ts';

export interface ClusterOptions {
  /** Hollow nodes; 3 unless set, or none where there are real ones. */
  readonly nodes?: number;
  /** Nodes with real containers, each in namespaces of its own on this computer; none unless set. Needs root, containerd, runc and the CNI plugins. */
  readonly realNodes?: number;
  /** This computer itself is a node too, over a runtime that runs on it already. Needs root. */
  readonly hostNode?: { readonly runtimeSocket: string; readonly cniConfigDirectory: string | undefined };
  /** Files of images that the real nodes shall have. */
  readonly imageArchives?: readonly string[];
  /** Out of which nodes get the blocks for their pods; with a comma between where there is a block of each family; unless set, 10.244.0.0/16, or where there are real nodes here a network that is free on this computer. */
  readonly clusterCidr?: string;
  /** Where Services have their addresses, with a comma between where there is a block of each family; `10.96.0.0/12` unless set. */
  readonly serviceCidr?: string;
  /** Blocks out of which Services of type LoadBalancer get their addresses, with commas between; none: they get none. */
  readonly loadBalancerPool?: string;
  /** One watch for all nodes, instead of one each: what is measured with it says nothing of a real cluster. */
  readonly cheap?: boolean;
  /** How their containers behave: the text of a file of stages (see docs/hollow-nodes.md). */
  readonly stages?: string;
  /** `sqlite` (the default), `memory`, or the addresses of an etcd, with commas between. */
  readonly datastore?: DatastoreSpec;
  readonly etcd?: EtcdAccess;
  /** Keys, certificates, data and kubeconfig. A folder of its own, removed at the end, where left out. */
  readonly dataDir?: string;
  readonly host?: string;
  /** By which pods and nodes reach the API server; see ApiServerOptions. */
  readonly advertiseAddress?: string;
  /** 0 (the default) takes a free one. */
  readonly port?: number;
  /** Where to write the kubeconfig; `<dataDir>/kubeconfig` unless set. */
  readonly kubeconfig?: string;
  readonly logger?: Logger;
  readonly logLevel?: LogLevel;
  readonly clock?: Clock;
}

export interface Cluster {
  /** `https://127.0.0.1:6443` */
  readonly url: string;
  /** The administrator's kubeconfig, as text, and where it was written. */
  readonly kubeconfig: string;
  readonly kubeconfigPath: string;
  /** Talks to the API from within the process, as the administrator. */
  readonly client: Client;
  /** Milliseconds from the call of startCluster until the API answered. */
  readonly apiReadyMs: number;
  /** Resolves when all nodes are Ready; rejects where the cluster fails or is stopped before. */
  nodesReady(): Promise<void>;
  /** Rejects when a part of the cluster ends that nobody has stopped: what is left of it does no good. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
  /** `await using cluster = await startCluster()` stops it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void>;
}

const partGraceMs = 2000;
const sharedFleetMax = 20;
/** Of nodes elsewhere that bring no block of their own. */
const defaultClusterCidr = '10.244.0.0/16';

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const clock = options.clock ?? systemClock();
  const started = clock.monotonic();
  const logger = options.logger ?? silentLogger;
  const logLevel = options.logLevel ?? 'warn';
  const temporary = options.dataDir === undefined;
  const dataDir = resolve(options.dataDir ?? mkdtempSync(join(tmpdir(), 'coxswain-')));
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  await using opened = new AsyncDisposableStack();
  if (temporary) opened.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const host = options.host ?? '127.0.0.1';
  const realOnes = { count: options.realNodes ?? 0, hostNode: options.hostNode && { ...options.hostNode, address: options.advertiseAddress } };
  const realCount = realOnes.count + (realOnes.hostNode ? 1 : 0);
  const real = realCount > 0 ? await import('./real-nodes.ts') : undefined;
  const dualStack = [options.serviceCidr, options.clusterCidr].some((cidrs) => cidrs?.includes(':'));
  const network = await real?.prepareHost(realOnes, { directory: join(dataDir, 'nodes'), clusterCidr: options.clusterCidr, dualStack, logger });
  if (network) opened.defer(() => network.remove());
  const serviceCidrs = options.serviceCidr?.split(',') ?? defaultServiceCidrs;
  const server = await startApiServer({
    datastore: options.datastore ?? 'sqlite',
    ...(options.etcd ? { etcd: options.etcd } : {}),
    dataDir,
    host,
    ...(network ? { alsoAt: [network.address], advertiseAddress: network.address } : {}),
    ...(options.advertiseAddress === undefined ? {} : { advertiseAddress: options.advertiseAddress }),
    port: options.port ?? 0,
    serviceCidrs,
    clock,
    random: systemRandom(),
    logger,
  });
  opened.defer(() => server.stop());
  const apiReadyMs = clock.monotonic() - started;

  const count = options.nodes ?? (realCount > 0 ? 0 : 3);
  const brainsOptions = {
    clusterCidrs: network?.clusterCidr ?? options.clusterCidr ?? defaultClusterCidr,
    loadBalancerPool: options.loadBalancerPool ?? '',
    rootCa: server.pki.authorityCertificate,
    signingKey: server.pki.authorityKey,
    // Threads are of this process: what they are started with is not seen outside.
    serviceAccountKey: String(server.pki.serviceAccountKeys.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
  const serving = server.pki.issueServingCertificate({ commonName: 'hollow-nodes', names: ['localhost', '127.0.0.1'] });
  const nodesOptions = {
    nodes: count,
    cheap: options.cheap ?? false,
    stages: options.stages ?? '',
    servingCertificate: serving.certificate,
    servingKey: serving.privateKey,
    clientAuthority: server.pki.authorityCertificate,
  };
  const parts = threadsFor(count).map((names) => {
    const partOptions = { parts: names, ...(names.includes('nodes') ? nodesOptions : {}), ...(names.includes('brains') ? brainsOptions : {}) };
    const part = startThread(server.handler, clock, logger, { options: partOptions, logLevel });
    server.metrics.add(part.metrics);
    return part;
  });
  opened.defer(async () => void (await Promise.all(parts.map((part) => part.stop(partGraceMs)))));

  const client = new Client(exchangeTransport(server.handler, administrator), { clock });
  const realNodes = real && network && real.startRealNodes({ ...realOnes, imageArchives: options.imageArchives ?? [], directory: join(dataDir, 'nodes'), network, pki: server.pki, port: server.port, loadBalancerPool: options.loadBalancerPool?.split(',') ?? [], client, clock, logger, logLevel });
  if (realNodes) opened.defer(() => realNodes.stop());

  const url = localUrl(host, server.port);
  const kubeconfigPath = resolve(options.kubeconfig ?? join(dataDir, 'kubeconfig'));
  const access = administratorAccess(server, url);
  writeKubeconfig(kubeconfigPath, { ...access, clock, issue: () => access.client });
  const failed = Promise.race([...parts.map((part) => part.failed), ...(realNodes ? [realNodes.failed] : [])]);
  // Whoever does not wait for it has the log.
  failed.catch(() => {});
  const running = opened.move();
  let stopped: Promise<void> | undefined;
  const stopping = new AbortController();
  const stop = () => {
    stopping.abort(new Error('the cluster was stopped'));
    return (stopped ??= running.disposeAsync());
  };
  return {
    url,
    kubeconfig: formatKubeconfig(access),
    kubeconfigPath,
    client,
    apiReadyMs,
    nodesReady: async () => {
      await Promise.all([...parts.map((part) => part.ready), realNodes?.ready]);
      await allReady(client, count + realCount, clock, stopping.signal);
    },
    failed,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A thread costs some 20 MB: a small fleet shares the one of the controllers, a large one is busy enough for its own. */
function threadsFor(nodes: number): readonly string[] {
  if (nodes === 0) return ['brains'];
  return nodes <= sharedFleetMax ? ['brains,nodes'] : ['brains', 'nodes'];
}

function administratorAccess(server: RunningApiServer, url: string) {
  return {
    server: url,
    authorityCertificate: server.pki.authorityCertificate,
    user: componentSubjects.admin.commonName,
    client: server.pki.issueClientCertificate(componentSubjects.admin),
  };
}

/** Looks at the nodes until `count` of them are Ready; rejects when the cluster stops before. */
async function allReady(client: Client, count: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const ready = async () => {
    const { items } = await client.list(nodeResource, { signal });
    return items.filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')).length;
  };
  while ((await ready()) < count) await clock.sleep(20, signal);
}
