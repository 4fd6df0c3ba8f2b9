/** For tests: the server over an API in memory, other servers to forward to, and queries as bytes. */
import { createSocket } from 'node:dgram';
import { promises as dns } from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { silentLogger } from '../../../base/logger.ts';
import { systemClock } from '../../../base/clock.ts';
import type { Clock } from '../../../base/clock.ts';
import { MetricRegistry } from '../../../base/metrics/registry.ts';
import { seededRandom } from '../../../base/random.ts';
import { Client } from '../../../client/client.ts';
import { FakeApi } from '../../../client/testing/fake-api.ts';
import { exchangeTransport } from '../../../client/transports/exchange.ts';
import { startDns } from '../dns.ts';
import type { DnsOptions, RunningDns } from '../dns.ts';
import { encodeName, readName } from '../name.ts';

export interface TestDns extends AsyncDisposable {
  readonly api: FakeApi;
  readonly running: RunningDns;
  readonly port: number;
  readonly metrics: MetricRegistry;
  /** The resolver that comes with Node: a client that is not ours. */
  readonly resolver: dns.Resolver;
}

export async function startTestDns(fill: (api: FakeApi) => void, options: Partial<DnsOptions> = {}, clock: Clock = systemClock(), waitUntilReady = true): Promise<TestDns> {
  const api = new FakeApi();
  for (const name of ['default', 'kube-system']) api.put('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  fill(api);
  const stopping = new AbortController();
  const client = new Client(exchangeTransport(api.handler, { username: 'dns', groups: [] }), { clock });
  const metrics = new MetricRegistry();
  const running = await startDns({ client, clock, random: seededRandom(1), logger: silentLogger, metrics, signal: stopping.signal, listen: [{ address: '127.0.0.1', port: 0 }], ...options });
  if (waitUntilReady) await running.ready;
  const [port = 0] = running.ports;
  const resolver = new dns.Resolver({ timeout: 5000, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  const stop = async () => {
    stopping.abort();
    await running.stopped;
  };
  return { api, running, port, metrics, resolver, [Symbol.asyncDispose]: stop };
}

export interface QueryOptions {
  readonly udpBytes?: number;
  readonly id?: number;
  readonly class?: number;
  readonly ednsVersion?: number;
}

export function queryBytes(name: string, type: number, options: QueryOptions = {}): Buffer {
  const owner = encodeName(name) ?? Buffer.alloc(1);
  const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, options.udpBytes ? 1 : 0]);
  head.writeUInt16BE(options.id ?? 0x1234, 0);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(type, 0);
  tail.writeUInt16BE(options.class ?? 1, 2);
  const opt = Buffer.from([0, 0, 41, 0, 0, 0, options.ednsVersion ?? 0, 0, 0, 0, 0]);
  opt.writeUInt16BE(options.udpBytes ?? 0, 3);
  return Buffer.concat([head, owner, tail, ...(options.udpBytes ? [opt] : [])]);
}

/** Sends bytes over UDP; resolves to the answer, or to undefined where none comes in `waitMs`. */
export async function exchangeUdp(port: number, message: Uint8Array, waitMs = 5000): Promise<Buffer | undefined> {
  const socket = createSocket('udp4');
  try {
    socket.send(message, port, '127.0.0.1');
    const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(waitMs) })) as [Buffer];
    return answer;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

export interface FakeUpstream extends AsyncDisposable {
  readonly port: number;
  /** The names asked for, in order. */
  readonly asked: string[];
}

/** `respond` is given a query's bytes; undefined keeps silent. */
export async function startUpstream(respond: (query: Buffer, name: string, protocol: 'udp' | 'tcp') => Buffer | undefined): Promise<FakeUpstream> {
  const asked: string[] = [];
  const answer = (query: Buffer, protocol: 'udp' | 'tcp') => {
    const name = readName(query, 12, false)?.text ?? '';
    // Probes of the loop guard.
    if (/^[0-9a-f]{32}/.test(name)) return undefined;
    asked.push(name);
    return respond(query, name, protocol);
  };
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => {
      const message = answer(data.subarray(2), 'tcp');
      const length = Buffer.alloc(2);
      if (message) {
        length.writeUInt16BE(message.length);
        socket.write(Buffer.concat([length, message]));
      }
    });
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  udp.on('message', (query, { port: client, address }) => {
    const message = answer(query, 'udp');
    if (message) udp.send(message, client, address);
  });
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  return { port, asked, [Symbol.asyncDispose]: async () => void (udp.close(), tcp.close()) };
}

/** An answer to `query`: `records` are whole ones, of the answer section. */
export function replyBytes(query: Buffer, records: readonly Buffer[], options: { readonly rcode?: number; readonly truncated?: boolean; readonly authority?: readonly Buffer[] } = {}): Buffer {
  const end = (readName(query, 12, false)?.end ?? 12) + 4;
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(0x8180 | (options.rcode ?? 0) | (options.truncated ? 0x0200 : 0), 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt16BE(options.authority?.length ?? 0, 8);
  head.writeUInt16BE(0, 10);
  return Buffer.concat([head, ...records, ...(options.authority ?? [])]);
}

/** A record whose owner is the question's name. */
export function recordBytes(type: number, ttl: number, data: Uint8Array, owner: Uint8Array = Buffer.from([0xc0, 12])): Buffer {
  const head = Buffer.alloc(10);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(1, 2);
  head.writeUInt32BE(ttl, 4);
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, head, data]);
}
