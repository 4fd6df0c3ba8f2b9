import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { createLogger, type LogLevel } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { http2Transport } from '../../client/transports/http2.ts';
import { serveProcess } from '../../cluster/process-endpoints.ts';
import { startRealNode } from '../../cluster/real-node.ts';
import { logSink } from '../log-sink.ts';
import { wholeNumber } from '../numbers.ts';
import { dim, green, say } from '../terminal.ts';
import { untilToldToStop } from '../until-stopped.ts';
import { UsageError } from '../usage-error.ts';

export interface KubeletCommandOptions {
  readonly kubeconfig: string;
  readonly nodeName?: string;
  readonly nodeIp: string;
  readonly runtime: string;
  readonly rootDir: string;
  readonly logsDir: string;
  readonly podManifestPath?: string;
  readonly cniConfDir: string;
  readonly cgroupRoot: string;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly clusterDomain: string;
  readonly nodeLabels?: string;
  readonly port: string;
  readonly metricsPort: string;
  readonly logLevel: string;
}

/** Makes this machine a node of a cluster, until it is told to stop. */
export async function kubelet(options: KubeletCommandOptions): Promise<void> {
  const clock = systemClock();
  const logger = createLogger(logSink('text'), options.logLevel as LogLevel);
  const endpoints = await serveProcess({ port: wholeNumber(options.metricsPort, '--metrics-port'), thread: 'kubelet', clock });
  const config = loadKubeconfig(options.kubeconfig);
  const name = options.nodeName ?? hostname().toLowerCase();
  const stopping = new AbortController();
  const transport = http2Transport(config, { clock });
  const pki = (file: string) => readFileSync(join(options.rootDir, 'pki', file), 'utf8');
  const node = await startRealNode({
    name,
    address: options.nodeIp,
    transport,
    authority: String(config.ca ?? ''),
    serving: { certificate: pki('kubelet.crt'), privateKey: pki('kubelet.key') },
    port: wholeNumber(options.port, '--port'),
    runtimeSocket: socketOf(options.runtime),
    rootDirectory: options.rootDir,
    logsDirectory: options.logsDir,
    manifests: options.podManifestPath,
    cniConfigDirectory: options.cniConfDir === '' ? undefined : options.cniConfDir,
    cgroupRoot: options.cgroupRoot.replace(/\/+$/, ''),
    clusterCidrs: options.clusterCidr.split(',').filter((cidr) => cidr !== ''),
    serviceCidr: options.serviceCidr,
    clusterDomain: options.clusterDomain,
    labels: labelsOf(options.nodeLabels ?? ''),
    clock,
    random: systemRandom(),
    logger,
    metrics: endpoints.metrics,
    signal: stopping.signal,
  });
  endpoints.ready();
  say(`${green('ready')} node ${name} ${dim(`registered; http://127.0.0.1:${endpoints.port}/metrics`)}`);
  await untilToldToStop();
  stopping.abort(new Error('the kubelet was stopped'));
  await node.stopped;
  await transport.close();
  await endpoints.close();
}

function socketOf(runtime: string): string {
  if (!runtime.startsWith('unix:///')) throw new UsageError(`--runtime takes a socket, as unix:///run/containerd/containerd.sock, not "${runtime}"`);
  return runtime.slice('unix://'.length);
}

/** As the kubelet's flag of that name: `a=b,c=d`. */
function labelsOf(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair !== '');
  return Object.fromEntries(pairs.map((pair) => [pair.split('=')[0] ?? '', pair.slice(pair.indexOf('=') + 1)]));
}
