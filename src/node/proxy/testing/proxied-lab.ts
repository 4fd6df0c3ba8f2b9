/** A lab with a proxy on its node, that follows an API in memory. */
import type { Service, ServiceSpec } from '../../../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../../api/types/discovery-v1.ts';
import { systemClock } from '../../../base/clock.ts';
import { createLogger } from '../../../base/logger.ts';
import { MetricRegistry } from '../../../base/metrics/registry.ts';
import { seededRandom } from '../../../base/random.ts';
import { Client } from '../../../client/client.ts';
import { FakeApi } from '../../../client/testing/fake-api.ts';
import { exchangeTransport } from '../../../client/transports/exchange.ts';
import type { ProxyMode } from '../proxy-metrics.ts';
import { startProxy } from '../start-proxy.ts';
import type { RunningProxy } from '../start-proxy.ts';
import { addresses, addresses6, Lab } from './lab.ts';

export interface ProxiedLab {
  readonly lab: Lab;
  readonly api: FakeApi;
  readonly proxy: RunningProxy;
  readonly metrics: MetricRegistry;
  /** Creates or changes the Service and its endpoints, and waits until the kernel has it. */
  serve(name: string, spec: ServiceSpec, endpoints: readonly Endpoint[], more?: { readonly port?: number; readonly status?: Service['status'] }): Promise<void>;
  /** As somebody else would who takes part of our rules away. */
  breakRules(): Promise<void>;
  close(): Promise<void>;
}

export const clusterCidrs = ['10.244.0.0/16', 'fd00:244::/48'];

export async function proxiedLab(mode: ProxyMode): Promise<ProxiedLab> {
  const lab = await Lab.create();
  const clock = systemClock();
  const api = new FakeApi();
  api.put('nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node', labels: { 'topology.kubernetes.io/zone': 'near' } },
    status: { addresses: [{ type: 'InternalIP', address: addresses.node }, { type: 'InternalIP', address: addresses6.node }] },
  });
  const client = new Client(exchangeTransport(api.handler, { username: 'system:kube-proxy', groups: [] }), { clock });
  const stopping = new AbortController();
  const logger = createLogger(({ message, fields }) => process.stderr.write(`${message} ${JSON.stringify(fields)} ${String(fields['error'])}\n`), 'warn');
  const metrics = new MetricRegistry();
  const proxy = await startProxy({ client, clock, random: seededRandom(1), logger, metrics, nodeName: 'node', mode, clusterCidrs, signal: stopping.signal, run: lab.run, auditEveryMs: 500, health: { host: '127.0.0.1', port: 0 } });
  return {
    lab,
    api,
    proxy,
    metrics,
    async serve(name, spec, endpoints, { port = 8080, status } = {}) {
      const ports = (spec.ports ?? []).map(({ name: portName = '', protocol = 'TCP' }) => ({ name: portName, protocol, port }));
      api.put('services', { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default', uid: name }, spec, ...(status ? { status } : {}) });
      for (const family of ['IPv4', 'IPv6'] as const) {
        const slice: EndpointSlice = {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: { name: `${name}-${family.toLowerCase()}`, namespace: 'default', uid: `${name}-${family}`, labels: { 'kubernetes.io/service-name': name }, annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': new Date(clock.now()).toISOString() } },
          addressType: family,
          ports,
          endpoints: endpoints.filter(({ addresses: [ip = ''] }) => ip.includes(':') === (family === 'IPv6')),
        };
        api.put('discovery.k8s.io/endpointslices', slice);
      }
      // What was put travels through the watch first.
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      await clock.sleep(20);
      await proxy.settled();
    },
    async breakRules() {
      await (mode === 'nftables' ? lab.run('nft', ['flush', 'map', 'ip', 'coxswain-proxy', 'services']) : lab.run('iptables', ['-t', 'nat', '-F', 'PREROUTING']));
    },
    async close() {
      stopping.abort();
      await proxy.stopped;
      await proxy.cleanUp();
      await lab.close();
    },
  };
}

/** An endpoint at one of the lab's hosts; those of the node are `podA` and `podB`. */
export function endpoint(host: 'podA' | 'podB' | 'remote', more: Omit<Endpoint, 'addresses'> & { readonly v6?: boolean } = {}): Endpoint {
  const { v6 = false, ...rest } = more;
  return { addresses: [(v6 ? addresses6 : addresses)[host]], nodeName: host === 'remote' ? 'other' : 'node', conditions: { ready: true }, ...rest };
}
