import { systemClock } from '../../base/clock.ts';
import { createLogger, type LogLevel } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { http2Transport } from '../../client/transports/http2.ts';
import { startRemoteFleet } from '../../cluster/hollow-nodes.ts';
import { serveProcess } from '../../cluster/process-endpoints.ts';
import { logSink } from '../log-sink.ts';
import { wholeNumber } from '../numbers.ts';
import { dim, green, say } from '../terminal.ts';
import { untilToldToStop } from '../until-stopped.ts';

/** Runs hollow nodes against any API server; the kubeconfig's user must be allowed to impersonate them. */
export async function hollow(options: { readonly kubeconfig: string; readonly nodes: string; readonly namePrefix: string; readonly logLevel: string; readonly metricsPort: string }): Promise<void> {
  const clock = systemClock();
  const count = wholeNumber(options.nodes, '--nodes');
  const endpoints = await serveProcess({ port: wholeNumber(options.metricsPort, '--metrics-port'), thread: 'nodes', clock });
  const transport = http2Transport(loadKubeconfig(options.kubeconfig), { clock });
  const stopping = new AbortController();
  const fleet = startRemoteFleet({
    transport,
    count,
    namePrefix: options.namePrefix,
    clock,
    random: systemRandom(),
    logger: createLogger(logSink('text'), options.logLevel as LogLevel),
    metrics: endpoints.metrics,
    signal: stopping.signal,
  });
  const toldToStop = untilToldToStop();
  const registered = fleet.registered.then(() => {
    endpoints.ready();
    say(`${green('ready')} ${count} hollow nodes registered ${dim(`http://127.0.0.1:${endpoints.port}/metrics`)}`);
  });
  await Promise.race([registered, toldToStop]);
  await toldToStop;
  stopping.abort();
  await transport.close();
  await endpoints.close();
}
