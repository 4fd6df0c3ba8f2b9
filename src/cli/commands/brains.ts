import { readFileSync } from 'node:fs';
import { systemClock } from '../../base/clock.ts';
import { createLogger, type LogLevel } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { http2Transport } from '../../client/transports/http2.ts';
import { impersonating } from '../../client/transports/impersonating.ts';
import { startControllersOnly, startSchedulerOnly } from '../../cluster/brains.ts';
import { logSink } from '../log-sink.ts';
import { untilToldToStop } from '../until-stopped.ts';

export interface BrainsCommandOptions {
  readonly kubeconfig: string;
  readonly logLevel: string;
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
  const transport = http2Transport(config, { clock });
  const stopping = new AbortController();
  const shared = { clock, random: systemRandom(), logger, signal: stopping.signal };
  const stopped =
    part === 'controllers'
      ? await startControllersOnly({ ...shared, transportFor: () => transport, rootCa: String(config.ca ?? ''), serviceAccountKey }).then((manager) => () => manager.stopped)
      : await startSchedulerOnly({ ...shared, transportFor: (identity) => impersonating(transport, identity) });
  logger.info(`${part} at work`, { server: config.server });
  await untilToldToStop();
  stopping.abort();
  await transport.close();
  await stopped();
}
