import { existsSync, mkdirSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { hostname } from 'node:os';
import { join as joinPath } from 'node:path';
import { systemClock, type Clock } from '../../base/clock.ts';
import { createLogger, type LogLevel } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { collectOnce } from '../../cluster/after-start.ts';
import { addressTowards } from '../../cluster/joining/own-address.ts';
import { join } from '../../cluster/joining/join.ts';
import { RotatingCredentials } from '../../cluster/joining/rotating-credentials.ts';
import { serviceNetworks } from '../../cluster/joining/service-networks.ts';
import { servingCertificate } from '../../cluster/joining/serving-certificate.ts';
import { untilOrphaned } from '../../cluster/orphaned.ts';
import { writePrivateFile } from '../../cluster/pki/pki.ts';
import { serveProcess } from '../../cluster/process-endpoints.ts';
import { startRealNode } from '../../cluster/real-node.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { logSink } from '../log-sink.ts';
import { wholeNumber } from '../numbers.ts';
import { runtimeSocket } from '../runtime-socket.ts';
import { stubDomainsOf } from '../stub-domains.ts';
import { dim, green, say } from '../terminal.ts';
import { untilToldToStop } from '../until-stopped.ts';
import { UsageError } from '../usage-error.ts';

export interface KubeletCommandOptions {
  readonly kubeconfig?: string;
  readonly server?: string;
  readonly token?: string;
  readonly caHash?: string;
  readonly nodeName?: string;
  readonly nodeIp?: string;
  readonly runtime: string;
  readonly rootDir: string;
  readonly logsDir: string;
  readonly podManifestPath?: string;
  readonly cniConfDir: string;
  readonly cgroupRoot: string;
  readonly clusterCidr: string;
  readonly serviceCidr?: string;
  readonly clusterDomain: string;
  readonly cleanup?: boolean;
  readonly stubDomain: readonly string[];
  readonly nodeLabels?: string;
  readonly port: string;
  readonly metricsPort: string;
  readonly logLevel: string;
}

/** Makes this machine a node of a cluster, until it is told to stop. */
export async function kubelet(options: KubeletCommandOptions): Promise<void> {
  const clock = systemClock();
  const random = systemRandom();
  const logger = createLogger(logSink('text'), options.logLevel as LogLevel);
  const name = options.nodeName ?? hostname().toLowerCase();
  const stopping = new AbortController();
  const toldToStop = Promise.race([untilToldToStop(), untilOrphaned()]).then(() => stopping.abort(new Error('the kubelet was stopped')));
  const endpoints = await serveProcess({ port: wholeNumber(options.metricsPort, '--metrics-port'), thread: 'kubelet', clock });
  const path = await ensureKubeconfig(options, name, clock, stopping.signal);
  const credentials = new RotatingCredentials({ path, nodeName: name, clock, random, logger, signal: stopping.signal });
  const addresses = options.nodeIp?.split(',') ?? [await addressTowards(loadKubeconfig(path).server)];
  const starting = startRealNode({
    name,
    addresses,
    transport: credentials,
    authority: credentials.authority,
    serving: servingCertificate(options.rootDir, name, [name, ...addresses], clock),
    port: wholeNumber(options.port, '--port'),
    runtimeSocket: runtimeSocket(options.runtime),
    rootDirectory: options.rootDir,
    logsDirectory: options.logsDir,
    manifests: options.podManifestPath,
    cniConfigDirectory: options.cniConfDir === '' ? undefined : options.cniConfDir,
    cgroupRoot: options.cgroupRoot.replace(/\/+$/, ''),
    clusterCidrs: options.clusterCidr.split(',').filter((cidr) => cidr !== ''),
    serviceCidrs: options.serviceCidr?.split(',') ?? (await serviceNetworks({ transport: credentials, clock, logger, signal: stopping.signal })),
    clusterDomain: options.clusterDomain,
    stubDomains: stubDomainsOf(options.stubDomain),
    labels: labelsOf(options.nodeLabels ?? ''),
    clock,
    random,
    logger,
    metrics: endpoints.metrics,
    cleanUp: options.cleanup ?? false,
    signal: stopping.signal,
  });
  try {
    const node = await starting;
    endpoints.ready();
    flushCompileCache();
    const collection = collectOnce(clock);
    say(`${green('ready')} node ${name} ${dim(`registered; http://127.0.0.1:${endpoints.port}/metrics`)}`);
    await toldToStop;
    collection.cancel();
    await node.stopped;
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    await credentials.close();
    await endpoints.close();
  }
}

/** The one that was given, else the one that an earlier start has left, else a new one by the token. */
async function ensureKubeconfig(options: KubeletCommandOptions, nodeName: string, clock: Clock, signal: AbortSignal): Promise<string> {
  const { kubeconfig, server, token, caHash, rootDir } = options;
  if (kubeconfig !== undefined) return kubeconfig;
  const path = joinPath(rootDir, 'kubeconfig');
  if (existsSync(path)) return path;
  if (server === undefined || token === undefined) throw new UsageError(`there is no ${path} yet: give --server and --token (coxswain token create makes one), or --kubeconfig`);
  mkdirSync(rootDir, { recursive: true, mode: 0o755 });
  writePrivateFile(path, await join({ server: server.replace(/\/+$/, ''), token, authorityHash: caHash, nodeName, clock, signal }));
  return path;
}

/** As the kubelet's flag of that name: `a=b,c=d`. */
function labelsOf(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair !== '');
  return Object.fromEntries(pairs.map((pair) => [pair.split('=')[0] ?? '', pair.slice(pair.indexOf('=') + 1)]));
}
