/** The proxy of a node as a process of its own. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { MetricRegistry } from '../base/metrics/registry.ts';
import type { Random } from '../base/random.ts';
import { Client } from '../client/client.ts';
import type { ConnectionConfig } from '../client/kubeconfig.ts';
import { http2Transport } from '../client/transports/http2.ts';
import { startNetworkPolicy } from '../node/proxy/policy/start-network-policy.ts';
import { startProxy, type ProxyOptions } from '../node/proxy/start-proxy.ts';
import { userAgents } from './identities.ts';

export interface LoneProxyOptions extends Pick<ProxyOptions, 'nodeName' | 'mode' | 'clusterCidrs' | 'serviceCidrs'> {
  /** As `system:kube-proxy`, which may also list pods, namespaces and NetworkPolicies where those shall be kept to. */
  readonly config: ConnectionConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
}

export interface LoneProxy {
  /** With `cleanUp` the rules go too; else traffic goes on until the next start. */
  stop(cleanUp: boolean): Promise<void>;
}

/** Resolves once the rules are in the kernel. */
export async function startLoneProxy({ config, nodeName, mode, clusterCidrs, serviceCidrs, ...common }: LoneProxyOptions): Promise<LoneProxy> {
  const stopping = new AbortController();
  const transport = http2Transport(config, { clock: common.clock });
  const client = new Client(transport, { clock: common.clock, userAgent: userAgents.proxy });
  const shared = { ...common, client, nodeName, signal: stopping.signal };
  const running = await Promise.all([startProxy({ ...shared, mode, clusterCidrs, ...(serviceCidrs ? { serviceCidrs } : {}) }), startNetworkPolicy(shared)]);
  return {
    async stop(cleanUp) {
      stopping.abort(new Error('the proxy was stopped'));
      await Promise.all(running.map(({ stopped }) => stopped));
      if (cleanUp) await Promise.all(running.map((part) => part.cleanUp()));
      await transport.close();
    },
  };
}
