/** Against node:http2's client, through TLS and the listener. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import type { ExchangeRequest, Responder } from '../../../base/exchange.ts';
import { selfSigned } from '../../../client/testing/self-signed.ts';
import { listen, type Listener } from '../listener.ts';

interface Answer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}

function answerOf(stream: http2.ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {};
    const chunks: Buffer[] = [];
    stream.on('response', (received) => (headers = received));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => resolve({ status: headers[':status'] ?? 0, headers, body: Buffer.concat(chunks) }));
  });
}

const pattern = (bytes: number) => Buffer.alloc(bytes, 'the quick brown fox jumps over the lazy dog; ');

describe('node:http2 as the client', () => {
  const { cert, key } = selfSigned();
  let listener: Listener;
  let open = 0;
  /** Of watches: what to write to. */
  const watches = new Set<Responder>();

  async function answer(request: ExchangeRequest, responder: Responder): Promise<void> {
    switch (request.target) {
      case '/echo': {
        const body = await request.body();
        responder.head(200, { 'content-length': String(body.length), 'x-agent': request.headers['user-agent'] ?? '' });
        return responder.end([body]);
      }
      case '/large': {
        // In slices, as lists are sent.
        const slice = pattern(1 << 20);
        let left = 20;
        responder.head(200, {});
        const next = (): void => {
          for (; left > 0; left--) if (!responder.write([slice.subarray(0, 1000), slice.subarray(1000)])) break;
          if (left-- === 0) responder.end();
        };
        responder.onDrain(next);
        return next();
      }
      case '/watch':
        watches.add(responder);
        responder.onClose(() => watches.delete(responder));
        return responder.head(200, {});
      default:
        responder.head(404, {});
        return responder.end();
    }
  }

  before(async () => {
    const handler = (request: ExchangeRequest, responder: Responder): void => {
      open++;
      responder.onClose(() => open--);
      // Of uploads that break off: there is nobody to answer.
      answer(request, responder).catch(() => responder.destroy());
    };
    listener = await listen({ host: '127.0.0.1', port: 0, certificate: cert, privateKey: key, clientAuthority: cert, handler, clock: systemClock() });
  });
  after(() => listener.close(1000));

  function connect(settings: http2.Settings = {}): http2.ClientHttp2Session {
    const session = http2.connect(`https://127.0.0.1:${listener.port}`, { ca: cert, settings: { enablePush: false, ...settings } });
    session.on('error', () => {});
    return session;
  }

  function send(session: http2.ClientHttp2Session, path: string, body?: Buffer, headers: http2.OutgoingHttpHeaders = {}): Promise<Answer> {
    const stream = session.request({ ':path': path, ':method': body ? 'POST' : 'GET', ...headers }, { endStream: !body });
    if (body) stream.end(body);
    return answerOf(stream);
  }

  async function closed(session: http2.ClientHttp2Session): Promise<void> {
    session.close();
    if (!session.destroyed) await once(session, 'close');
    while (open > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  test('requests one after the other, each with the headers of the others', async () => {
    const session = connect();
    for (let i = 0; i < 300; i++) {
      const headers = { 'user-agent': `agent/${i % 3} (of a length that is worth an entry in the table)`, [`x-${i % 40}`]: 'y'.repeat(i) };
      const { status, headers: received, body } = await send(session, '/echo', Buffer.from(`{"i":${i}}`), headers);
      assert.deepEqual([status, body.toString(), received['x-agent']], [200, `{"i":${i}}`, headers['user-agent']]);
    }
    const { status, headers, body } = await send(session, '/nope');
    assert.deepEqual([status, body.length], [404, 0]);
    assert.ok(headers['date']);
    await closed(session);
  });

  test('headers of all kinds come as they were sent', async () => {
    const session = connect();
    const values = ['', 'a', '"quoted", and; more', 'x'.repeat(5000)];
    for (const value of values) {
      const { headers } = await send(session, '/echo', Buffer.from('x'), { 'user-agent': value });
      assert.equal(headers['x-agent'], value);
    }
    await closed(session);
  });

  test('large bodies both ways, through windows of all sizes', async () => {
    for (const settings of [{}, { initialWindowSize: 1000 }, { initialWindowSize: 1 << 24, maxFrameSize: 1 << 20 }]) {
      const session = connect(settings);
      const body = pattern(3_000_000);
      const [echoed, large] = await Promise.all([send(session, '/echo', body), send(session, '/large')]);
      assert.ok(echoed.body.equals(body));
      assert.equal(large.body.length, 20 << 20);
      assert.ok(large.body.subarray(0, 1 << 20).equals(pattern(1 << 20)));
      await closed(session);
    }
  });

  test('1000 streams at once', async () => {
    const session = connect();
    await once(session, 'remoteSettings');
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => send(session, '/echo', Buffer.from(String(i)))));
    for (const [i, { body }] of answers.entries()) assert.equal(body.toString(), String(i));
    await closed(session);
  });

  test('who does not read holds up neither the others of its connection nor us', async () => {
    const session = connect();
    const slow = session.request({ ':path': '/large' });
    slow.pause();
    await once(slow, 'response');
    for (let i = 0; i < 50; i++) assert.equal((await send(session, '/echo', Buffer.from('x'))).body.toString(), 'x');
    slow.resume();
    assert.equal((await answerOf(slow)).body.length, 20 << 20);
    await closed(session);
  });

  test('watches end with their client', async () => {
    const session = connect();
    const streams = Array.from({ length: 100 }, () => session.request({ ':path': '/watch' }));
    await Promise.all(streams.map((stream) => once(stream, 'response')));
    const received = Promise.all(streams.map((stream) => once(stream, 'data')));
    for (const responder of watches) responder.write([Buffer.from('event\n')]);
    await received;
    for (const stream of streams.slice(0, 50)) stream.close(http2.constants.NGHTTP2_CANCEL);
    while (watches.size > 50) await new Promise((resolve) => setImmediate(resolve));
    for (const stream of streams) stream.on('error', () => {});
    session.destroy();
    while (watches.size > 0) await new Promise((resolve) => setImmediate(resolve));
    await closed(session);
  });

  test('connections that are cut in the middle of everything', async () => {
    for (let i = 0; i < 20; i++) {
      const session = connect({ initialWindowSize: 100_000 });
      const streams = ['/large', '/watch', '/echo', '/large'].map((path) => session.request({ ':path': path, ':method': path === '/echo' ? 'POST' : 'GET' }));
      for (const stream of streams) stream.on('error', () => {});
      streams[2]!.write(pattern(100_000));
      await once(streams[i % 2]!, 'response');
      await new Promise((resolve) => setTimeout(resolve, i % 3));
      (session.socket as unknown as { destroy(): void }).destroy();
    }
    while (open > 0) await new Promise((resolve) => setImmediate(resolve));
    const session = connect();
    assert.equal((await send(session, '/echo', Buffer.from('alive'))).body.toString(), 'alive');
    await closed(session);
  });

  test('the listener ends: what is under way is finished, and what does not end is cut', async () => {
    const handler = (request: ExchangeRequest, responder: Responder): void => {
      responder.head(200, {});
      if (request.target === '/slow') request.body().then((body) => responder.end([body]), () => {});
    };
    const other = await listen({ host: '127.0.0.1', port: 0, certificate: cert, privateKey: key, clientAuthority: cert, handler, clock: systemClock() });
    const session = http2.connect(`https://127.0.0.1:${other.port}`, { ca: cert });
    session.on('error', () => {});
    const slow = session.request({ ':path': '/slow', ':method': 'POST' });
    const endless = session.request({ ':path': '/endless' });
    const broken = once(endless, 'close');
    endless.on('error', () => {});
    await Promise.all([once(slow, 'response'), once(endless, 'response')]);
    const gone = once(session, 'goaway');
    const end = other.close(300);
    await gone;
    slow.end('body');
    assert.equal((await answerOf(slow)).body.toString(), 'body');
    await end;
    await broken;
  });
});
