/** One suite for the three transports: what is built on a transport cannot tell which it is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { systemClock } from '../../base/clock.ts';
import type { ExchangeHandler, Responder } from '../../base/exchange.ts';
import { settle } from '../testing/manual-clock.ts';
import { startTlsServer } from '../testing/tls-server.ts';
import type { ClientStream, Transport } from '../transport.ts';
import { exchangeTransport } from './exchange.ts';
import { http2Transport } from './http2.ts';
import { PortClient } from './port.ts';
import { servePort } from './serve-port.ts';

interface Fixture {
  readonly transport: Transport;
  close(): Promise<void>;
}

const user = { username: 'test', groups: ['testers'] };
const clock = systemClock();

const fixtures: Record<string, (handler: ExchangeHandler) => Promise<Fixture>> = {
  'same thread': async (handler) => {
    const transport = exchangeTransport(handler, user);
    return { transport, close: () => transport.close() };
  },
  'other thread': async (handler) => {
    const { port1, port2 } = new MessageChannel();
    servePort(port2, handler);
    const client = new PortClient(port1);
    const transport = { ...client.as(user), close: () => client.close() };
    return { transport, close: () => client.close() };
  },
  'HTTP/2': async (handler) => {
    const server = await startTlsServer(handler);
    const transport = http2Transport({ server: server.url, ca: server.ca }, { clock });
    return {
      transport,
      async close() {
        await transport.close();
        await server.close();
      },
    };
  },
};

/** Echoes requests; `/stream` hands its responder to the test. */
function scripted() {
  const responders: Responder[] = [];
  let wake: (() => void) | undefined;
  const handler: ExchangeHandler = (request, responder) => {
    if (request.target === '/stream') {
      responder.head(200, { 'Content-Type': 'application/json' });
      responders.push(responder);
      wake?.();
      return;
    }
    if (request.target === '/hang') {
      responders.push(responder);
      wake?.();
      return;
    }
    void request.body().then((body) => {
      responder.head(201, { 'x-method': request.method, 'x-target': request.target });
      responder.end([Buffer.from('got '), body]);
    });
  };
  const next = async (): Promise<Responder> => {
    if (responders.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return responders.shift()!;
  };
  return { handler, next };
}

async function readUntil(stream: AsyncIterator<Uint8Array>, length: number): Promise<string> {
  let text = '';
  while (text.length < length) {
    const { value, done } = await stream.next();
    if (done) break;
    text += Buffer.from(value).toString();
  }
  return text;
}

const iterate = (stream: ClientStream) => stream.chunks[Symbol.asyncIterator]();

for (const [name, open] of Object.entries(fixtures)) {
  describe(`transport: ${name}`, () => {
    const withTransport = (body: (transport: Transport, next: () => Promise<Responder>) => Promise<void>) => async () => {
      const { handler, next } = scripted();
      const fixture = await open(handler);
      try {
        await body(fixture.transport, next);
      } finally {
        await fixture.close();
      }
    };

    test(
      'answers many requests at once, each with its own body',
      withTransport(async (transport) => {
        const answers = await Promise.all(
          Array.from({ length: 300 }, (_, i) => transport.request({ method: 'POST', target: `/x?${i}`, body: Buffer.from(`body ${i}`) })),
        );
        for (const [i, answer] of answers.entries()) {
          assert.equal(answer.status, 201);
          assert.equal(answer.headers['x-target'], `/x?${i}`);
          assert.equal(Buffer.from(answer.body).toString(), `got body ${i}`);
        }
      }),
    );

    test(
      'carries large bodies both ways',
      withTransport(async (transport) => {
        const body = Buffer.alloc(9_000_000, 'x');
        const answer = await transport.request({ method: 'PUT', target: '/big', body });
        assert.equal(answer.body.byteLength, body.length + 4);
      }),
    );

    test(
      'streams as the server writes, and ends with it',
      withTransport(async (transport, next) => {
        const stream = await transport.stream({ method: 'GET', target: '/stream' });
        assert.equal(stream.status, 200);
        assert.equal(stream.headers['content-type'], 'application/json');
        const responder = await next();
        const chunks = iterate(stream);
        responder.write([Buffer.from('one')]);
        assert.equal(await readUntil(chunks, 3), 'one');
        responder.write([Buffer.from('two'), Buffer.from('three')]);
        assert.equal(await readUntil(chunks, 8), 'twothree');
        responder.end();
        assert.equal((await chunks.next()).done, true);
      }),
    );

    test(
      'a broken answer is an error, not an end',
      withTransport(async (transport, next) => {
        const stream = await transport.stream({ method: 'GET', target: '/stream' });
        const responder = await next();
        const chunks = iterate(stream);
        responder.write([Buffer.from('one')]);
        assert.equal(await readUntil(chunks, 3), 'one');
        responder.destroy();
        await assert.rejects(async () => chunks.next());
      }),
    );

    test(
      'leaving the loop cancels at the server',
      withTransport(async (transport, next) => {
        const stream = await transport.stream({ method: 'GET', target: '/stream' });
        const responder = await next();
        const closed = new Promise<void>((resolve) => responder.onClose(resolve));
        responder.write([Buffer.from('one')]);
        for await (const _ of stream.chunks) break;
        await closed;
        assert.equal(responder.closed, true);
      }),
    );

    test(
      'abort rejects with its reason and cancels at the server',
      withTransport(async (transport, next) => {
        const abort = new AbortController();
        const answer = transport.request({ method: 'GET', target: '/hang', signal: abort.signal });
        const responder = await next();
        const closed = new Promise<void>((resolve) => responder.onClose(resolve));
        const reason = new Error('enough');
        abort.abort(reason);
        await assert.rejects(answer, reason);
        await closed;
      }),
    );

    test(
      'a server that outruns its reader is told to wait, and goes on when the reader has read',
      withTransport(async (transport, next) => {
        const stream = await transport.stream({ method: 'GET', target: '/stream' });
        const responder = await next();
        const block = Buffer.alloc(64 * 1024, 'y');
        let written = 0;
        while (responder.write([block]) && written < 1e9) {
          written += block.length;
          if (written % (1024 * 1024) === 0) await settle(1);
        }
        written += block.length;
        assert.ok(written < 100e6, 'the buffer is bounded');
        const drained = new Promise<void>((resolve) => responder.onDrain(resolve));
        let read = 0;
        const reading = (async () => {
          for await (const chunk of stream.chunks) read += chunk.byteLength;
        })();
        await drained;
        responder.end();
        await reading;
        assert.equal(read, written);
      }),
    );

    test(
      'close fails what is open',
      withTransport(async (transport, next) => {
        const stream = await transport.stream({ method: 'GET', target: '/stream' });
        await next();
        const reading = (async () => {
          for await (const _ of stream.chunks);
        })();
        await transport.close();
        await assert.rejects(reading);
        await assert.rejects(transport.request({ method: 'GET', target: '/x' }));
      }),
    );
  });
}

describe('port', () => {
  test('several identities share one port', async () => {
    const { port1, port2 } = new MessageChannel();
    servePort(port2, (request, responder) => {
      responder.head(200, {});
      responder.end([Buffer.from(request.identity?.username ?? '')]);
    });
    const client = new PortClient(port1);
    const names = ['node-1', 'node-2', 'node-1'];
    const answers = await Promise.all(
      names.map((username) => client.as({ username, groups: [] }).request({ method: 'GET', target: '/' })),
    );
    assert.deepEqual(answers.map(({ body }) => Buffer.from(body).toString()), names);
    await client.close();
  });
});

describe('port: who goes first', () => {
  /** A server that answers when it is told to. */
  function held() {
    const { port1, port2 } = new MessageChannel();
    const asked: { readonly target: string; answer(): void }[] = [];
    servePort(port2, ({ target, headers }, responder) => {
      const answer = () => {
        responder.head(200, { 'x-agent': headers['user-agent'] ?? '' });
        responder.end([Buffer.from(target)]);
      };
      asked.push({ target, answer });
    });
    return { asked, client: new PortClient(port1) };
  }

  test('the background has its places and no others', async () => {
    const { asked, client } = held();
    const transport = client.as(user);
    const answers = Array.from({ length: 100 }, (_, i) => transport.request({ method: 'GET', target: `/event-${i}`, background: true }));
    await settle(5);
    assert.equal(asked.length, 16);
    const urgent = transport.request({ method: 'GET', target: '/urgent', headers: { 'user-agent': 'ä' } });
    await settle(5);
    assert.equal(asked.at(-1)?.target, '/urgent');
    asked.pop()?.answer();
    const { headers, body } = await urgent;
    assert.deepEqual([headers['x-agent'], Buffer.from(body).toString()], ['ä', '/urgent']);
    for (let at = 0; at < 100; at++) {
      while (asked.length <= at) await settle(1);
      asked[at]?.answer();
    }
    assert.deepEqual((await Promise.all(answers)).map((answer) => Buffer.from(answer.body).toString()), Array.from({ length: 100 }, (_, i) => `/event-${i}`));
    await client.close();
  });

  test('one that is given up while it waits is never sent, and frees no place that it did not have', async () => {
    const { asked, client } = held();
    const transport = client.as(user);
    const first = Array.from({ length: 16 }, (_, i) => transport.request({ method: 'GET', target: `/${i}`, background: true }));
    const stop = new AbortController();
    const givenUp = Array.from({ length: 10 }, () => transport.request({ method: 'GET', target: '/given-up', background: true, signal: stop.signal }));
    const last = transport.request({ method: 'GET', target: '/last', background: true });
    await settle(5);
    stop.abort(new Error('enough'));
    for (const promise of givenUp) await assert.rejects(promise, /enough/);
    await settle(5);
    assert.equal(asked.length, 16);
    asked[0]?.answer();
    await settle(5);
    assert.deepEqual(asked.slice(16).map(({ target }) => target), ['/last']);
    for (const { answer } of asked.slice(1)) answer();
    await Promise.all([...first, last]);
    await client.close();
  });

  test('streams that have begun take no place', async () => {
    const { asked, client } = held();
    const transport = client.as(user);
    const { port1, port2 } = new MessageChannel();
    servePort(port2, (_, responder) => responder.head(200, {}));
    const streaming = new PortClient(port1);
    await Promise.all(Array.from({ length: 200 }, (_, i) => streaming.as(user).stream({ method: 'GET', target: `/watch-${i}` })));
    void transport.request({ method: 'GET', target: '/x' }).catch(() => {});
    await settle(5);
    assert.equal(asked.length, 1);
    await streaming.close();
    await client.close();
  });
});

describe('HTTP/2', () => {
  test('opens further connections beyond the streams of one, and leaves one that goes away', async () => {
    const { handler, next } = scripted();
    const server = await startTlsServer(handler);
    const transport = http2Transport({ server: server.url, ca: server.ca }, { clock, streamsPerConnection: 2 });
    const streams = await Promise.all(Array.from({ length: 5 }, () => transport.stream({ method: 'GET', target: '/stream' })));
    assert.equal(server.sessions.size, 3);
    for (const session of server.sessions) session.goaway();
    await settle(5);
    const late = await transport.stream({ method: 'GET', target: '/stream' });
    assert.equal(server.sessions.size, 4);
    for (let i = 0; i < 6; i++) (await next()).end([Buffer.from('bye')]);
    for (const stream of [...streams, late]) assert.equal(await readUntil(iterate(stream), 3), 'bye', 'streams of a leaving connection end in peace');
    await transport.close();
    await server.close();
  });

  test('connects anew after the connection broke', async () => {
    const { handler } = scripted();
    const server = await startTlsServer(handler);
    const transport = http2Transport({ server: server.url, ca: server.ca }, { clock });
    await transport.request({ method: 'GET', target: '/a' });
    for (const session of server.sessions) session.destroy();
    await settle(5);
    assert.equal((await transport.request({ method: 'GET', target: '/b' })).status, 201);
    await transport.close();
    await server.close();
  });

  test('a request without an answer times out; an unknown authority is refused', async () => {
    const { handler } = scripted();
    const server = await startTlsServer(handler);
    const slow = http2Transport({ server: server.url, ca: server.ca }, { clock, requestTimeoutMs: 50 });
    await assert.rejects(slow.request({ method: 'GET', target: '/hang' }), /no answer in time/);
    const stranger = http2Transport({ server: server.url }, { clock });
    await assert.rejects(stranger.request({ method: 'GET', target: '/' }), /self-signed|certificate/);
    await slow.close();
    await stranger.close();
    await server.close();
  });
});
