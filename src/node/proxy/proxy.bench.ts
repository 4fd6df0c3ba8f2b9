/**
 * What it takes to put Services into a kernel, and one change of one of them:
 * `node src/node/proxy/proxy.bench.ts [services] [endpoints] [mode]`, as root.
 * Everything happens in a network namespace that is gone afterwards.
 */
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { Client } from '../../client/client.ts';
import { FakeApi } from '../../client/testing/fake-api.ts';
import { exchangeTransport } from '../../client/transports/exchange.ts';
import { runCommand } from '../system/command.ts';
import type { RunCommand } from '../system/command.ts';
import type { ProxyMode } from './proxy-metrics.ts';
import { startProxy } from './start-proxy.ts';

const [count = 10_000, endpointCount = 3] = process.argv.slice(2, 4).map(Number);
const mode = (process.argv[4] ?? 'nftables') as ProxyMode;
const changes = 100;
const clock = systemClock();
const say = (what: string, value: number, unit: string) => process.stdout.write(`${what.padEnd(60)} ${value.toFixed(1).padStart(9)} ${unit}\n`);
const quantile = (sorted: readonly number[], q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;

const netns = `cxbench${process.pid}`;
const api = new FakeApi();
api.put('nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node' }, status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] } });
const ipOf = (network: number, i: number) => `10.${network + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
const sliceOf = (i: number, change: number): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: `s${i}`, namespace: 'default', uid: `slice${i}`, labels: { 'kubernetes.io/service-name': `s${i}` } },
  addressType: 'IPv4',
  ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  endpoints: Array.from({ length: endpointCount }, (_, e) => ({ addresses: [ipOf(160, i * endpointCount + e + (e === 0 ? change * 7 : 0))], conditions: { ready: true }, nodeName: 'other' })),
});
for (let i = 0; i < count; i++) {
  const clusterIP = ipOf(96, i + 256);
  api.put('services', { apiVersion: 'v1', kind: 'Service', metadata: { name: `s${i}`, namespace: 'default', uid: `s${i}` }, spec: { type: 'ClusterIP', clusterIP, clusterIPs: [clusterIP], ports: [{ port: 80, protocol: 'TCP' }] } });
  api.put('discovery.k8s.io/endpointslices', sliceOf(i, 0));
}

const toolMs: number[] = [];
const run: RunCommand = async (command, args, options) => {
  const startedAt = performance.now();
  const result = await runCommand('nsenter', [`--net=/run/netns/${netns}`, command, ...args], options);
  toolMs.push(performance.now() - startedAt);
  return result;
};

await runCommand('ip', ['netns', 'add', netns]);
try {
  const stopping = new AbortController();
  const logger = createLogger(({ message, fields }) => process.stderr.write(`${message} ${String(fields['error'] ?? fields['amiss'])}\n`), 'warn');
  const client = new Client(exchangeTransport(api.handler, { username: 'system:kube-proxy', groups: [] }), { clock });
  const startedAt = performance.now();
  const proxy = await startProxy({ client, clock, random: seededRandom(1), logger, nodeName: 'node', mode, clusterCidrs: ['10.160.0.0/11'], families: ['IPv4'], signal: stopping.signal, run });
  say(`${count} Services of ${endpointCount} endpoints, from nothing, by ${mode}`, performance.now() - startedAt, 'ms');
  say('  of it the kernel’s tool', toolMs.at(-1) ?? NaN, 'ms');
  const took: number[] = [];
  const tool: number[] = [];
  for (let change = 1; change <= changes; change++) {
    await clock.sleep(300);
    const begun = performance.now();
    api.put('discovery.k8s.io/endpointslices', sliceOf((change * 97) % count, change));
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    await proxy.settled();
    took.push(performance.now() - begun);
    tool.push(toolMs.at(-1) ?? NaN);
  }
  for (const [what, values] of [['one change, from the API to the kernel', took], ['  of it the kernel’s tool', tool]] as const) {
    const sorted = values.toSorted((a, b) => a - b);
    say(`${what}: p50`, quantile(sorted, 0.5), 'ms');
    say(`${what}: p99`, quantile(sorted, 0.99), 'ms');
  }
  stopping.abort();
  await proxy.stopped;
} finally {
  await runCommand('ip', ['netns', 'delete', netns]);
}
