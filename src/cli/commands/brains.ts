import { readFileSync } from 'node:fs';
import { systemClock } from '../../base/clock.ts';
import { createLogger, type LogLevel } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { http2Transport } from '../../client/transports/http2.ts';
import { impersonating } from '../../client/transports/impersonating.ts';
import { startControllersOnly, startSchedulerOnly } from '../../cluster/brains.ts';
import { serveProcess } from '../../cluster/process-endpoints.ts';
import { logSink } from '../log-sink.ts';
import { wholeNumber } from '../numbers.ts';
import { untilToldToStop } from '../until-stopped.ts';
import { UsageError } from '../usage-error.ts';

export interface BrainsCommandOptions {
  readonly kubeconfig: string;
  readonly logLevel: string;
  readonly metricsPort: string;
}

export interface ControllersCommandOptions extends BrainsCommandOptions {
  readonly serviceAccountPrivateKeyFile?: string;
  readonly clusterSigningCertFile?: string;
  readonly clusterSigningKeyFile?: string;
  readonly clusterCidr?: string;
  readonly loadBalancerPool?: string;
}

/** Runs the controllers or the scheduler as a process of their own, until it is told to stop. */
export async function runBrains(part: 'controllers' | 'scheduler', options: ControllersCommandOptions): Promise<void> {
  const clock = systemClock();
  const logger = createLogger(logSink('text'), options.logLevel as LogLevel);
  const config = loadKubeconfig(options.kubeconfig);
  const endpoints = await serveProcess({ port: wholeNumber(options.metricsPort, '--metrics-port'), thread: part, clock });
  const transport = http2Transport(config, { clock });
  const stopping = new AbortController();
  const shared = { clock, random: systemRandom(), logger, metrics: endpoints.metrics, signal: stopping.signal };
  const stopped =
    part === 'controllers'
      ? await startControllersOnly({ ...shared, transportFor: () => transport, rootCa: String(config.ca ?? ''), ...controllersSettings(options) }).then((manager) => () => manager.stopped)
      : await startSchedulerOnly({ ...shared, transportFor: (identity) => impersonating(transport, identity) });
  endpoints.ready();
  logger.info(`${part} at work`, { server: config.server, metrics: `http://127.0.0.1:${endpoints.port}/metrics` });
  await untilToldToStop();
  stopping.abort();
  await transport.close();
  await stopped();
  await endpoints.close();
}

function controllersSettings(options: ControllersCommandOptions) {
  const { clusterSigningCertFile: certificateFile, clusterSigningKeyFile: keyFile } = options;
  if ((certificateFile === undefined) !== (keyFile === undefined)) throw new UsageError('--cluster-signing-cert-file and --cluster-signing-key-file go together');
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file, 'utf8'));
  const [certificate, privateKey] = [read(certificateFile), read(keyFile)];
  const listed = (text = '') => text.split(',').filter((entry) => entry !== '');
  return {
    serviceAccountKey: read(options.serviceAccountPrivateKeyFile),
    signing: certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey },
    clusterCidrs: listed(options.clusterCidr),
    loadBalancerPool: listed(options.loadBalancerPool),
  };
}
