import { hostname } from 'node:os';
import { systemClock } from '../../base/clock.ts';
import { createLogger, type LogLevel } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { startLoneProxy } from '../../cluster/lone-proxy.ts';
import { serveProcess } from '../../cluster/process-endpoints.ts';
import { logSink } from '../log-sink.ts';
import { wholeNumber } from '../numbers.ts';
import { dim, green, say } from '../terminal.ts';
import { untilToldToStop } from '../until-stopped.ts';
import { UsageError } from '../usage-error.ts';

export interface ProxyCommandOptions {
  readonly kubeconfig: string;
  readonly nodeName?: string;
  readonly mode: string;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly cleanup?: boolean;
  readonly metricsPort: string;
  readonly logLevel: string;
}

/** Runs the proxy of Services and NetworkPolicies alone, beside somebody else's kubelet, until it is told to stop. */
export async function proxy(options: ProxyCommandOptions): Promise<void> {
  const { mode } = options;
  if (mode !== 'nftables' && mode !== 'iptables') throw new UsageError(`--mode takes nftables or iptables, not "${mode}"`);
  const clock = systemClock();
  const listed = (text: string) => text.split(',').filter((cidr) => cidr !== '');
  const endpoints = await serveProcess({ port: wholeNumber(options.metricsPort, '--metrics-port'), thread: 'proxy', clock });
  const running = await startLoneProxy({
    config: loadKubeconfig(options.kubeconfig),
    nodeName: options.nodeName ?? hostname().toLowerCase(),
    mode,
    clusterCidrs: listed(options.clusterCidr),
    serviceCidrs: listed(options.serviceCidr),
    clock,
    random: systemRandom(),
    logger: createLogger(logSink('text'), options.logLevel as LogLevel),
    metrics: endpoints.metrics,
  });
  endpoints.ready();
  say(`${green('ready')} Services are forwarded ${dim(`by ${mode}; http://127.0.0.1:${endpoints.port}/metrics`)}`);
  await untilToldToStop();
  await running.stop(options.cleanup ?? false);
  await endpoints.close();
}
