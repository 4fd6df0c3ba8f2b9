import { systemClock } from '../../base/clock.ts';
import { createLogger, type LogLevel } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { http2Transport } from '../../client/transports/http2.ts';
import { impersonating } from '../../client/transports/impersonating.ts';
import { startControllersOnly, startSchedulerOnly } from '../../cluster/brains.ts';
import { logSink } from '../log-sink.ts';
import { untilToldToStop } from '../until-stopped.ts';

/** Runs the controllers or the scheduler as a process of their own, until it is told to stop. */
export async function runBrains(part: 'controllers' | 'scheduler', options: { readonly kubeconfig: string; readonly logLevel: string }): Promise<void> {
  const clock = systemClock();
  const logger = createLogger(logSink('text'), options.logLevel as LogLevel);
  const config = loadKubeconfig(options.kubeconfig);
  const transport = http2Transport(config, { clock });
  const stopping = new AbortController();
  const shared = { clock, random: systemRandom(), logger, signal: stopping.signal };
  const stopped =
    part === 'controllers'
      ? await startControllersOnly({ ...shared, transportFor: () => transport, rootCa: String(config.ca ?? '') }).then((manager) => () => manager.stopped)
      : await startSchedulerOnly({ ...shared, transportFor: (identity) => impersonating(transport, identity) });
  logger.info(`${part} at work`, { server: config.server });
  await untilToldToStop();
  stopping.abort();
  await transport.close();
  await stopped();
}
