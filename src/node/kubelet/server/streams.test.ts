/** Clients of a node's streams that read slowly, give up, or never say what they want: over SPDY and WebSockets, against a runtime of the test's own. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { after, before, beforeEach, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { MetricRegistry } from '../../../base/metrics/registry.ts';
import { SpdyConnection } from '../../../base/spdy/connection.ts';
import { systemClock } from '../../../base/clock.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { Client } from '../../../client/client.ts';
import { ManualClock } from '../../../client/testing/manual-clock.ts';
import { selfSigned } from '../../../client/testing/self-signed.ts';
import { FakeApi } from '../../hollow/testing/fake-api.ts';
import type { ContainerStreams, ExecRequest, PortForwardRequest, Runtime } from '../runtime.ts';
import { KubeletServer } from './kubelet-server.ts';
import type { ServedNode } from './served-node.ts';

const pod: Pod = { metadata: { namespace: 'ns', name: 'p', uid: 'u' }, spec: { containers: [{ name: 'c' }] }, status: { containerStatuses: [{ name: 'c', image: '', imageID: '', ready: true, restartCount: 0, containerID: 'x://1', state: { running: {} } }] } };
const chunk = Buffer.alloc(64 << 10, 'x');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Until nothing changes any more. */
async function still(value: () => number): Promise<number> {
  for (let before = -1, equal = 0; equal < 3; equal = before === value() ? equal + 1 : 0, before = value()) await pause(100);
  return value();
}

describe('streams of a node', () => {
  const serving = selfSigned();
  const api = new FakeApi();
  api.intercept = () => ({ status: 201, headers: {}, body: Buffer.from(JSON.stringify({ status: { authenticated: true, allowed: true, user: { username: 'alice' } } })) });
  const clock = new ManualClock();
  const server = new KubeletServer({ host: '127.0.0.1', certificate: serving.cert, privateKey: serving.key, clientAuthority: serving.cert, clock, pages: { metrics: new MetricRegistry(), configuration: {} } });
  let exec: (request: ExecRequest, streams: ContainerStreams) => Promise<number>;
  let forward: (request: PortForwardRequest) => Promise<void>;
  const runtime = { exec: (request: ExecRequest, streams: ContainerStreams) => exec(request, streams), portForward: (request: PortForwardRequest) => forward(request) } as unknown as Runtime;
  const node: ServedNode = { name: 'n', client: new Client(api, { clock }), runtime, pods: () => [pod], pod: () => pod };
  let port: number;
  let ended: Promise<void>;
  before(async () => {
    port = await server.serve(node);
  });
  beforeEach(() => {
    exec = () => Promise.reject(new Error('not in this test'));
  });
  after(() => server.close());

  /** The command that the next client runs; `ended` tells that it is over. */
  function command(work: typeof exec): void {
    ended = new Promise((resolve) => {
      exec = (request, streams) => work(request, streams).finally(() => resolve());
    });
  }

  async function spdy(path: string, protocol: string): Promise<{ socket: Duplex; connection: SpdyConnection }> {
    const headers = { authorization: 'Bearer good', connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol };
    const asked = https.request({ host: '127.0.0.1', port, path, method: 'POST', headers, rejectUnauthorized: false, agent: false });
    asked.end();
    const [, socket, head] = (await once(asked, 'upgrade')) as [unknown, Duplex, Buffer];
    if (head.length > 0) socket.unshift(head);
    return { socket, connection: new SpdyConnection(socket, { role: 'client', clock: systemClock({ background: true }) }) };
  }

  async function webSocket(path: string, protocol: string): Promise<WebSocket> {
    const socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, [protocol], { headers: { authorization: 'Bearer good' }, rejectUnauthorized: false });
    socket.on('error', () => {});
    await once(socket, 'open');
    return socket;
  }

  /** A client of a command: what it has sent, what it has heard. */
  interface ExecClient {
    readonly heard: () => number;
    send(): Promise<void>;
    /** Of what it is told; from the start it does not read. */
    read(): void;
    vanish(): void;
    readonly closed: Promise<unknown>;
  }
  const path = '/exec/ns/p/c?command=x&input=1&output=1';

  const clients: Readonly<Record<string, () => Promise<ExecClient>>> = {
    async SPDY() {
      const { socket, connection } = await spdy(path, 'v4.channel.k8s.io');
      const open = (type: string) => connection.open(new Map([['streamtype', type]]));
      const [error, stdin, stdout] = [await open('error'), await open('stdin'), await open('stdout')];
      error.resume();
      let heard = 0;
      return {
        heard: () => heard,
        send: () => new Promise((resolve) => stdin.write(chunk, () => resolve())),
        read: () => void stdout.on('data', (data: Buffer) => (heard += data.length)),
        vanish: () => void socket.destroy(),
        closed: new Promise((resolve) => socket.once('close', resolve)),
      };
    },
    async WebSocket() {
      const socket = await webSocket(path, 'v5.channel.k8s.io');
      let heard = 0;
      socket.pause();
      socket.on('message', (data: Buffer) => (heard += data[0] === 1 ? data.length - 1 : 0));
      return {
        heard: () => heard,
        send: () => new Promise((resolve) => socket.send(Buffer.concat([Buffer.from([0]), chunk]), () => resolve())),
        read: () => socket.resume(),
        vanish: () => socket.terminate(),
        closed: new Promise((resolve) => socket.once('close', resolve)),
      };
    },
  };

  for (const [protocol, connect] of Object.entries(clients))
    describe(protocol, () => {
      test('output that nobody reads is not written on, and comes whole once it is read', async () => {
        let written = 0;
        command(async (_, streams) => {
          for (; written < 32 << 20; written += chunk.length) await streams.write('stdout', chunk);
          return 0;
        });
        const client = await connect();
        const stuck = await still(() => written);
        assert.ok(stuck < 16 << 20, `${stuck} bytes are under way`);
        client.read();
        await ended;
        await client.closed;
        assert.equal(client.heard(), 32 << 20);
      });

      test('input that the command does not read is not taken, and comes whole once it is read', async () => {
        let reads = () => {};
        const reading = new Promise<void>((resolve) => (reads = resolve));
        let read = 0;
        command(async (_, { stdin }) => {
          await reading;
          for await (const part of stdin ?? []) if ((read += part.length) === 32 << 20) return 0;
          return 1;
        });
        const client = await connect();
        client.read();
        let sent = 0;
        const sending = (async () => {
          for (; sent < 32 << 20; sent += chunk.length) await client.send();
        })();
        const stuck = await still(() => sent);
        assert.ok(stuck < 16 << 20, `${stuck} bytes are under way`);
        reads();
        await Promise.all([sending, ended, client.closed]);
        assert.equal(read, 32 << 20);
      });

      test('a client that vanishes ends its command', async () => {
        let begun = () => {};
        const running = new Promise<void>((resolve) => (begun = resolve));
        command(async ({ signal }, { stdin }) => {
          begun();
          const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
          for await (const _ of stdin ?? []);
          await aborted;
          return 0;
        });
        const client = await connect();
        await running;
        client.vanish();
        await ended;
      });

      test('so does one that vanishes while nothing of it is read', async () => {
        command(async ({ signal }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          return 0;
        });
        const client = await connect();
        client.read();
        let sent = 0;
        void (async () => {
          for (; sent < 32 << 20; sent += chunk.length) await client.send();
        })();
        await still(() => sent);
        client.vanish();
        // What is sent to it finds out.
        for (let over = false; !over; await pause(10)) {
          clock.advance(30_000);
          over = await Promise.race([ended.then(() => true), pause(20).then(() => false)]);
        }
      });

      test('a command that ends leaves its client nothing to wait for, whatever that still sends', async () => {
        command(() => Promise.resolve(0));
        const client = await connect();
        client.read();
        const sending = (async () => {
          for (let i = 0; i < 50; i++) await Promise.race([client.send(), client.closed]);
        })();
        await Promise.all([client.closed, sending]);
      });
    });

  test('a client that never opens its streams is left', async () => {
    const { connection, socket } = await spdy(path, 'v4.channel.k8s.io');
    await connection.open(new Map([['streamtype', 'error']]));
    clock.advance(30_000);
    await once(socket, 'close');
  });

  test('port forwarding: half a pair is told so, and a client that vanishes ends its connections', async () => {
    const { connection, socket } = await spdy('/portForward/ns/p', 'portforward.k8s.io');
    const open = (type: string, id: string) => connection.open(new Map([['streamtype', type], ['port', '80'], ['requestid', id]]));
    const half = await open('error', '1');
    clock.advance(30_000);
    let text = '';
    for await (const part of half) text += String(part);
    assert.equal(text, 'timed out waiting for streams');
    let aborted = () => {};
    const over = new Promise<void>((resolve) => (aborted = resolve));
    forward = async ({ connection: data, signal }) => {
      data.resume();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      assert.ok(data.destroyed);
      aborted();
    };
    await open('error', '2');
    await open('data', '2');
    socket.destroy();
    await over;
  });

  test('what comes through a forwarded port waits for its reader', async () => {
    const { connection } = await spdy('/portForward/ns/p', 'portforward.k8s.io');
    const open = (type: string) => connection.open(new Map([['streamtype', type], ['port', '80'], ['requestid', '1']]));
    let written = 0;
    forward = async ({ connection: data }) => {
      for (; written < 32 << 20; written += chunk.length) if (!data.write(chunk)) await once(data, 'drain');
      data.end();
    };
    (await open('error')).resume();
    const data = await open('data');
    const stuck = await still(() => written);
    assert.ok(stuck < 16 << 20, `${stuck} bytes are under way`);
    let heard = 0;
    data.on('data', (part: Buffer) => (heard += part.length));
    await once(data, 'end');
    assert.equal(heard, 32 << 20);
    connection.close();
  });
});
