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

export interface BrainsCommandOptions {
  readonly kubeconfig: string;
  readonly logLevel: string;
  readonly metricsPort: string;
  /** Of the controllers only. */
  readonly serviceAccountPrivateKeyFile?: string;
}

/** Runs the controllers or the scheduler as a process of their own, until it is told to stop. */
export async function runBrains(part: 'controllers' | 'scheduler', options: BrainsCommandOptions): Promise<void> {
  const clock = systemClock();
  const logger = createLogger(logSink('text'), options.logLevel as LogLevel);
  const config = loadKubeconfig(options.kubeconfig);
  const { serviceAccountPrivateKeyFile: keyFile } = options;
  const serviceAccountKey = keyFile === undefined ? undefined : readFileSync(keyFile, 'utf8');
  const endpoints = await serveProcess({ port: wholeNumber(options.metricsPort, '--metrics-port'), thread: part, clock });
  const transport = http2Transport(config, { clock });
  const stopping = new AbortController();
  const shared = { clock, random: systemRandom(), logger, metrics: endpoints.metrics, signal: stopping.signal };
  const stopped =
    part === 'controllers'
      ? await startControllersOnly({ ...shared, transportFor: () => transport, rootCa: String(config.ca ?? ''), serviceAccountKey }).then((manager) => () => manager.stopped)
      : await startSchedulerOnly({ ...shared, transportFor: (identity) => impersonating(transport, identity) });
  endpoints.ready();
  logger.info(`${part} at work`, { server: config.server, metrics: `http://127.0.0.1:${endpoints.port}/metrics` });
  await untilToldToStop();
  stopping.abort();
  await transport.close();
  await stopped();
  await endpoints.close();
}
