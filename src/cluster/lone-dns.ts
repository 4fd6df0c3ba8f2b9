/** The cluster's DNS as a process of its own, beside somebody else's kubelets. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { MetricRegistry } from '../base/metrics/registry.ts';
import type { Random } from '../base/random.ts';
import { Client } from '../client/client.ts';
import type { ConnectionConfig } from '../client/kubeconfig.ts';
import { http2Transport } from '../client/transports/http2.ts';
import { startDns, type DnsOptions, type RunningDns } from '../node/dns/dns.ts';

export interface LoneDnsOptions extends Pick<DnsOptions, 'listen' | 'zone' | 'upstreams' | 'stubDomains'> {
  readonly config: ConnectionConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly signal: AbortSignal;
}

export function startLoneDns({ config, ...options }: LoneDnsOptions): Promise<RunningDns> {
  const { clock } = options;
  return startDns({ ...options, client: new Client(http2Transport(config, { clock }), { clock, userAgent: 'coxswain-dns' }) });
}
