/**
 * Queries a second at a fixed rate: `node src/node/dns/dns.bench.ts [per second] [seconds]`.
 *
 * A cluster of 2000 Services and 200 headless ones of 10 endpoints; the server is
 * a process of its own that reads the API over HTTP/2. The load is an open loop:
 * queries go out when they are due, whether or not earlier ones were answered, and
 * the time of each runs from when it was due. Its mix is what pods ask: half of
 * the names end in NXDOMAIN, as search lists make them. With COREDNS=<executable>
 * CoreDNS serves the same cluster to the same load.
 */
import { fork, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env, stdout } from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { systemRandom } from '../../base/random.ts';
import { Client } from '../../client/client.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { endpointSlices, services } from '../../client/resources.ts';
import { http2Transport } from '../../client/transports/http2.ts';
import { startCluster } from '../../cluster/all-in-one.ts';
import { startDns } from './dns.ts';
import { queryBytes } from './testing/dns-server.ts';

const clock = systemClock();
const servicesCount = 2000;
const headlessCount = 200;
const endpointsEach = 10;
const zone = 'default.svc.cluster.local';

const [mode = ''] = argv.slice(2);
if (mode === 'serve') await serve(argv[3] as string);
else await measure(Number(argv[2] ?? 5000), Number(argv[3] ?? 10));

/** The child's part. */
async function serve(kubeconfig: string): Promise<void> {
  const client = new Client(http2Transport(loadKubeconfig(kubeconfig), { clock }), { clock });
  const dns = await startDns({ client, clock, random: systemRandom(), logger: silentLogger, metrics: new MetricRegistry(), signal: new AbortController().signal, listen: [{ address: '127.0.0.1', port: 0 }] });
  await dns.ready;
  process.send?.({ port: dns.ports[0] });
  process.on('message', () => process.send?.(process.cpuUsage()));
}

async function measure(perSecond: number, seconds: number): Promise<void> {
  await using cluster = await startCluster({ datastore: 'memory', nodes: 0 });
  await fill(cluster.client);
  const child = fork(import.meta.filename, ['serve', cluster.kubeconfigPath]);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  try {
    await load(port, perSecond, 2);
    for (const rate of [perSecond, perSecond * 3]) print('coxswain', await load(port, rate, seconds));
    child.send('usage');
    const [usage] = (await once(child, 'message')) as [{ user: number; system: number }];
    stdout.write(`${((usage.user + usage.system) / (perSecond * (2 + 4 * seconds))).toFixed(1)} us of CPU a query, the start included\n`);
  } finally {
    child.kill();
  }
  if (env.COREDNS) await measurePeer(env.COREDNS, cluster.kubeconfigPath, perSecond, seconds);
}

async function measurePeer(executable: string, kubeconfig: string, perSecond: number, seconds: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
  const port = 10_053;
  writeFileSync(join(directory, 'Corefile'), `cluster.local:${port} {\n bind 127.0.0.1\n errors\n loadbalance\n kubernetes cluster.local {\n kubeconfig ${kubeconfig}\n pods insecure\n }\n}\n`);
  const child = spawn(executable, ['-conf', join(directory, 'Corefile'), '-quiet'], { stdio: 'ignore' });
  try {
    await clock.sleep(8000);
    await load(port, perSecond, 2);
    for (const rate of [perSecond, perSecond * 3]) print('coredns', await load(port, rate, seconds));
  } finally {
    child.kill();
    rmSync(directory, { recursive: true });
  }
}

async function fill(client: Client): Promise<void> {
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
  for (let from = 0; from < servicesCount; from += 50)
    await Promise.all(numbers(50).map((i) => client.create(services, { metadata: { namespace: 'default', name: `web-${from + i}` }, spec: { ports: [{ name: 'http', port: 80 }] } })));
  for (const i of numbers(headlessCount)) {
    await client.create(services, { metadata: { namespace: 'default', name: `db-${i}` }, spec: { clusterIP: 'None', ports: [{ name: 'http', port: 80 }] } });
    await client.create(endpointSlices, {
      metadata: { namespace: 'default', name: `db-${i}-1`, labels: { 'kubernetes.io/service-name': `db-${i}` } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: numbers(endpointsEach).map((e) => ({ addresses: [`10.${i}.0.${e + 1}`], conditions: { ready: true } })),
    });
  }
}

/** A name that exists of three kinds, and as many that do not. */
function questionOf(index: number): Buffer {
  const service = (index * 7919) % servicesCount;
  const headless = (index * 7919) % headlessCount;
  const options = { udpBytes: 1232, id: index & 0xffff };
  switch (index % 6) {
    case 0:
      return queryBytes(`web-${service}.${zone}`, 1, options);
    case 1:
      return queryBytes(`db-${headless}.${zone}`, 1, options);
    case 2:
      return queryBytes(`_http._tcp.web-${service}.${zone}`, 33, options);
    case 3:
      return queryBytes(`web-${service}.${zone}`, 28, options);
    default:
      return queryBytes(`www.example.com.${zone}`, index % 2 ? 1 : 28, options);
  }
}

interface Result {
  readonly perSecond: number;
  readonly answered: number;
  readonly sent: number;
  readonly latenciesMs: Float64Array;
}

/** From eight ports. It never sleeps: a timer would make it late by more than the server takes. */
async function load(port: number, perSecond: number, seconds: number): Promise<Result> {
  const total = perSecond * seconds;
  const dueMs = new Float64Array(0x1_0000);
  const latenciesMs = new Float64Array(total);
  let answered = 0;
  const sockets = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
      socket.on('message', (message) => void (latenciesMs[answered++] = clock.monotonic() - (dueMs[message.readUInt16BE(0)] as number)));
      socket.connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    }),
  );
  const startMs = clock.monotonic();
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((clock.monotonic() - startMs) * perSecond) / 1000));
    for (; sent < due; sent++) {
      dueMs[sent & 0xffff] = startMs + (sent * 1000) / perSecond;
      sockets[sent % sockets.length]!.send(questionOf(sent));
    }
    await nextTurn();
  }
  await clock.sleep(500);
  for (const socket of sockets) socket.close();
  return { perSecond, answered, sent: total, latenciesMs: latenciesMs.subarray(0, answered).sort() };
}

function print(name: string, { perSecond, answered, sent, latenciesMs }: Result): void {
  const at = (fraction: number) => (latenciesMs[Math.ceil(fraction * answered) - 1] ?? NaN).toFixed(2);
  stdout.write(`${name.padEnd(10)}${String(perSecond).padStart(7)}/s  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  p99.9 ${at(0.999)} ms  answered ${answered} of ${sent}\n`);
}
