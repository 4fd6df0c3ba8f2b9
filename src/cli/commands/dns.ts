import { existsSync } from 'node:fs';
import { systemClock } from '../../base/clock.ts';
import { createLogger, type LogLevel } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { parseDnsServers } from '../../cluster/dns-servers.ts';
import { startLoneDns } from '../../cluster/lone-dns.ts';
import { serveProcess } from '../../cluster/process-endpoints.ts';
import { logSink } from '../log-sink.ts';
import { wholeNumber } from '../numbers.ts';
import { stubDomainsOf } from '../stub-domains.ts';
import { dim, green, say } from '../terminal.ts';
import { untilToldToStop } from '../until-stopped.ts';
import { UsageError } from '../usage-error.ts';

export interface DnsCommandOptions {
  readonly kubeconfig: string;
  readonly listen: string;
  readonly port: string;
  readonly clusterDomain: string;
  readonly upstream: string;
  readonly stubDomain: readonly string[];
  readonly metricsPort: string;
  readonly logLevel: string;
}

/** Runs the cluster's DNS alone, against any API server, until it is told to stop. */
export async function dns(options: DnsCommandOptions): Promise<void> {
  const clock = systemClock();
  const upstreams = existsSync(options.upstream) ? options.upstream : parseDnsServers(options.upstream);
  if (!upstreams) throw new UsageError(`--upstream takes addresses with commas between, or a resolv.conf, not "${options.upstream}"`);
  const stubDomains = stubDomainsOf(options.stubDomain);
  const port = wholeNumber(options.port, '--port');
  const stopping = new AbortController();
  const endpoints = await serveProcess({ port: wholeNumber(options.metricsPort, '--metrics-port'), thread: 'dns', clock });
  const running = await startLoneDns({
    config: loadKubeconfig(options.kubeconfig),
    listen: options.listen.split(',').map((address) => ({ address, port })),
    zone: options.clusterDomain,
    upstreams,
    stubDomains,
    clock,
    random: systemRandom(),
    logger: createLogger(logSink('text'), options.logLevel as LogLevel),
    metrics: endpoints.metrics,
    signal: stopping.signal,
  });
  const stopped = untilToldToStop().then(() => stopping.abort(new Error('the DNS server was stopped')));
  await Promise.race([running.ready, stopped]);
  if (running.isReady()) {
    endpoints.ready();
    say(`${green('ready')} ${options.clusterDomain} is answered at ${running.ports.map((taken, index) => `${options.listen.split(',')[index]} port ${taken}`).join(', ')} ${dim(`http://127.0.0.1:${endpoints.port}/metrics`)}`);
  }
  await stopped;
  await running.stopped;
  await endpoints.close();
}
