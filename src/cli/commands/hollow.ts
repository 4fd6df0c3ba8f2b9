import { systemClock } from '../../base/clock.ts';
import { createLogger, type LogLevel } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { startRemoteFleet } from '../../cluster/hollow-nodes.ts';
import { serveProcess } from '../../cluster/process-endpoints.ts';
import { logSink } from '../log-sink.ts';
import { wholeNumber } from '../numbers.ts';
import { stagesText } from '../stages-option.ts';
import { dim, green, say } from '../terminal.ts';
import { untilToldToStop } from '../until-stopped.ts';
import { UsageError } from '../usage-error.ts';

export interface HollowCommandOptions {
  readonly kubeconfig: string;
  readonly nodes: string;
  readonly namePrefix: string;
  readonly credentials: string;
  readonly stages?: string;
  readonly cheap?: boolean;
  readonly metricsPort: string;
  readonly nodeAddress?: string;
  readonly logLevel: string;
}

const cheapWords = 'CHEAP: one watch for all of them, so nothing that is measured here holds for real nodes';
const provedBy = { certificates: 'a client certificate and a connection each', impersonation: 'impersonation over shared connections' } as const;

/** Runs hollow nodes against any API server, until it is told to stop. */
export async function hollow(options: HollowCommandOptions): Promise<void> {
  const { credentials } = options;
  if (credentials !== 'auto' && credentials !== 'certificates' && credentials !== 'impersonation') throw new UsageError(`--credentials takes auto, certificates or impersonation, not "${credentials}"`);
  const count = wholeNumber(options.nodes, '--nodes');
  const clock = systemClock();
  const logger = createLogger(logSink('text'), options.logLevel as LogLevel);
  const endpoints = await serveProcess({ port: wholeNumber(options.metricsPort, '--metrics-port'), thread: 'nodes', clock });
  const fleet = await startRemoteFleet({
    config: loadKubeconfig(options.kubeconfig),
    count,
    namePrefix: options.namePrefix,
    credentials,
    cheap: options.cheap ?? false,
    nodeAddress: options.nodeAddress,
    stages: stagesText(options.stages, logger),
    clock,
    random: systemRandom(),
    logger,
    metrics: endpoints.metrics,
  });
  const toldToStop = untilToldToStop();
  const registered = fleet.registered.then(() => {
    endpoints.ready();
    say(`${green('ready')} ${count} hollow node${count === 1 ? '' : 's'} registered ${dim(`by ${provedBy[fleet.credentials]}${options.cheap ? `, ${cheapWords}` : ''}; http://127.0.0.1:${endpoints.port}/metrics`)}`);
  });
  await Promise.race([registered, toldToStop]);
  await toldToStop;
  await fleet.stop();
  await endpoints.close();
}
