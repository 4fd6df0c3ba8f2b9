/** Headers against zlib, frames in pieces, two ends against each other, and what a hostile end may do. */
import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { describe, test } from 'node:test';
import { constants, createDeflate, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { systemClock } from '../clock.ts';
import { SpdyConnection, streamsMax, type SpdyOptions } from './connection.ts';
import { dictionary } from './dictionary.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { controlFrame, dataFrame, flags, frameTypes, goAwayFrame, pingFrame, resetFrame, synReplyFrame, synStreamFrame } from './frames.ts';
import { HeaderDecoder, HeaderEncoder, type SpdyHeaders } from './header-block.ts';
import type { SpdyStream } from './stream.ts';

const clock = systemClock({ background: true });
const tick = () => new Promise<void>((resolve) => setImmediate(resolve));
const headersOf = (entries: Record<string, string> = {}): SpdyHeaders => new Map(Object.entries(entries));

/** Unlike an iterator, leaves the other direction open. */
async function bytesOf(stream: SpdyStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => stream.once('end', resolve));
  return Buffer.concat(chunks);
}
const textOf = async (stream: SpdyStream) => String(await bytesOf(stream));

function pair(server: Partial<SpdyOptions> = {}) {
  const [near, far] = duplexPair();
  const streams: SpdyStream[] = [];
  return {
    near,
    far,
    streams,
    client: new SpdyConnection(near, { role: 'client', clock }),
    server: new SpdyConnection(far, { role: 'server', clock, accept: () => true, onStream: (stream) => streams.push(stream), ...server }),
  };
}

describe('header blocks', () => {
  test('what zlib has compressed, block by block against the dictionary', async () => {
    const deflate = createDeflate({ dictionary, level: 9 });
    const blocks: Buffer[] = [];
    deflate.on('data', (chunk: Buffer) => blocks.push(chunk));
    const decoder = new HeaderDecoder();
    for (const headers of [headersOf({ streamtype: 'stdin', accept: 'text/html' }), headersOf(), headersOf({ streamtype: 'stdin', port: '80', requestid: '7' })]) {
      // The text of a block is what a stored one shows.
      const stored = new HeaderEncoder().encode(headers);
      const plain = inflateSync(stored, { finishFlush: constants.Z_SYNC_FLUSH });
      deflate.write(plain);
      await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
      assert.deepEqual(decoder.decode(Buffer.concat(blocks.splice(0))), headers);
    }
  });

  test('what is written is read, whatever it is', () => {
    const name = fc.string({ maxLength: 20 }).map((value) => value.toLowerCase());
    fc.assert(
      fc.property(fc.array(fc.dictionary(name, fc.string({ unit: 'grapheme', maxLength: 3000 }), { maxKeys: 6 }), { maxLength: 6 }), (blocks) => {
        const encoder = new HeaderEncoder();
        const decoder = new HeaderDecoder();
        for (const block of blocks) assert.deepEqual(decoder.decode(encoder.encode(headersOf(block))), headersOf(block));
      }),
      { numRuns: 100 },
    );
  });

  test('a block larger than deflate can store at once', () => {
    const headers = headersOf({ long: 'x'.repeat(150_000) });
    assert.deepEqual(new HeaderDecoder().decode(new HeaderEncoder().encode(headers)), headers);
  });

  test('a bomb is refused', () => {
    const bomb = new HeaderEncoder().encode(headersOf({ long: 'x'.repeat(300_000) }));
    assert.throws(() => new HeaderDecoder().decode(bomb), /cannot be inflated/);
  });
});

describe('two ends', () => {
  test('a stream both ways, each direction to its end', async () => {
    const { client, streams } = pair();
    const stream = await client.open(headersOf({ streamtype: 'data', port: '80' }));
    assert.deepEqual(streams[0]?.headers, headersOf({ streamtype: 'data', port: '80' }));
    stream.end('to the server');
    assert.equal(await textOf(streams[0]!), 'to the server');
    streams[0]!.end('and back');
    assert.equal(await textOf(stream), 'and back');
    assert.equal(client.streamCount, 0);
  });

  test('a refused stream rejects, a reset one closes', async () => {
    const { client, streams } = pair({ accept: (headers) => headers.has('port') });
    await assert.rejects(client.open(headersOf()), /reset/);
    const stream = await client.open(headersOf({ port: '1' }));
    const closed = new Promise((resolve) => stream.once('close', resolve));
    streams[0]!.destroy();
    await closed;
    assert.equal(client.streamCount, 0);
  });

  test('a goodbye ends both connections, and what was still open', async () => {
    const { client, server, streams } = pair();
    const stream = await client.open(headersOf());
    stream.write('heard');
    assert.equal(String((await streams[0]!.iterator({ destroyOnReturn: false }).next()).value), 'heard');
    server.close();
    await Promise.all([client, server].map(({ signal }) => (signal.aborted ? undefined : new Promise((resolve) => signal.addEventListener('abort', resolve)))));
    assert.ok(stream.destroyed && streams[0]!.destroyed);
    await assert.rejects(client.open(headersOf()), /no more streams/);
  });

  test('a connection that breaks off leaves nothing', async () => {
    const { client, server, near, far, streams } = pair();
    const opened = await client.open(headersOf());
    near.destroy();
    far.destroy();
    await tick();
    assert.ok(opened.destroyed && streams.every(({ destroyed }) => destroyed));
    assert.ok(client.signal.aborted && server.signal.aborted);
    assert.equal(server.streamCount, 0);
  });

  test('a reply that will never come is no longer waited for once the connection is gone', async () => {
    const [near] = duplexPair();
    const opening = new SpdyConnection(near, { role: 'client', clock }).open(headersOf());
    near.destroy();
    await assert.rejects(opening, /reset/);
  });

  test('who is not read is not sent to, and gets everything once it is', async () => {
    const { client, streams, far } = pair();
    const stream = await client.open(headersOf());
    const chunk = Buffer.alloc(100_000, 'x');
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 100; i++) {
        if (!stream.write(chunk)) await new Promise<void>((resolve) => stream.once('drain', resolve));
        written += chunk.length;
      }
      stream.end();
    })();
    for (let i = 0; i < 50; i++) await tick();
    assert.ok(far.isPaused());
    assert.ok(written < 1_000_000, `${written} bytes are under way`);
    assert.equal((await bytesOf(streams[0]!)).length, 10_000_000);
    await writing;
  });

  test('a full stream that is given up holds nobody back', async () => {
    const { client, streams, far } = pair();
    const [one, two] = [await client.open(headersOf()), await client.open(headersOf())];
    one.write(Buffer.alloc(1_000_000));
    for (let i = 0; i < 20; i++) await tick();
    assert.ok(far.isPaused());
    streams[0]!.destroy();
    two.end('through');
    assert.equal(await textOf(streams[1]!), 'through');
  });

  test('a thousand streams, and no more', async () => {
    const { client } = pair();
    await Promise.all(Array.from({ length: streamsMax }, () => client.open(headersOf())));
    await assert.rejects(client.open(headersOf()), /reset/);
  });
});

describe('a peer that writes frames itself', () => {
  /** What the server answers, frame by frame. */
  function raw() {
    const { near, far } = (([near, far]) => ({ near, far }))(duplexPair());
    const seen: string[] = [];
    const names = new Map<number, string>(Object.entries(frameTypes).map(([name, type]) => [type, name]));
    const sink: FrameSink = {
      control: (type, _flag, payload) => void seen.push(`${names.get(type)} ${payload.toString('hex', 0, 8)}`),
      data: (stream, part, fin) => void seen.push(`data ${stream} ${part.toString()}${fin ? ' fin' : ''}`),
    };
    const reader = new FrameReader(sink);
    near.on('data', (chunk: Buffer) => reader.receive(chunk));
    const streams: SpdyStream[] = [];
    const server = new SpdyConnection(far, { role: 'server', clock, accept: () => true, onStream: (stream) => streams.push(stream) });
    return { near, server, streams, seen };
  }
  const settle = async () => {
    for (let i = 0; i < 10; i++) await tick();
  };
  const empty = () => new HeaderEncoder().encode(headersOf());

  test('pings are answered, windows and settings passed over', async () => {
    const { near, seen } = raw();
    near.write(pingFrame(7));
    near.write(pingFrame(8));
    near.write(controlFrame(frameTypes.windowUpdate, 0, Buffer.alloc(8)));
    near.write(controlFrame(frameTypes.settings, 0, Buffer.alloc(4)));
    near.write(controlFrame(99, 0, Buffer.alloc(4)));
    await settle();
    assert.deepEqual(seen, ['ping 00000007']);
  });

  test('a large data frame comes through in pieces', async () => {
    const { near, streams } = raw();
    near.write(synStreamFrame(1, empty()));
    near.write(dataFrame(1, flags.fin, Buffer.alloc(3_000_000, 'y')));
    await settle();
    assert.equal((await bytesOf(streams[0]!)).length, 3_000_000);
  });

  test('numbers out of order, of the wrong side, and of streams that are over', async () => {
    const { near, seen, server } = raw();
    const encoder = new HeaderEncoder();
    for (const id of [3, 1, 4]) near.write(synStreamFrame(id, encoder.encode(headersOf())));
    near.write(dataFrame(9, 0, Buffer.from('x')));
    near.write(resetFrame(3, 5));
    near.write(dataFrame(3, 0, Buffer.from('x')));
    await settle();
    assert.deepEqual(seen, ['synReply 0000000378010004', 'reset 0000000100000001', 'reset 0000000400000001']);
    assert.equal(server.streamCount, 0);
  });

  test('what is no SPDY ends the connection', async () => {
    for (const nonsense of ['GET / HTTP/1.1\r\nhost: x\r\n\r\n\x80\x02', Buffer.from([0x80, 2, 0, 1, 0, 0, 0, 0]), Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]), synStreamFrame(1, Buffer.from('junk')), controlFrame(frameTypes.ping, 0, Buffer.alloc(1))]) {
      const { near, server } = raw();
      near.end(nonsense);
      near.resume();
      await settle();
      assert.ok(server.signal.aborted);
    }
  });

  test('whatever comes in whatever order, every stream ends and nothing is kept', async () => {
    const id = fc.constantFrom(0, 1, 2, 3, 5, 7, 9);
    const bytes = fc.uint8Array({ maxLength: 60 }).map((content) => Buffer.from(content));
    const encoder = () => empty();
    const step = fc.oneof(
      id.map((stream) => synStreamFrame(stream, encoder())),
      id.map((stream) => synReplyFrame(stream, encoder())),
      fc.tuple(id, bytes, fc.boolean()).map(([stream, content, fin]) => dataFrame(stream, fin ? flags.fin : 0, content)),
      id.map((stream) => resetFrame(stream, 5)),
      fc.nat(20).map(pingFrame),
      id.map((stream) => goAwayFrame(stream, 0)),
      fc.tuple(fc.nat(12), fc.nat(3), bytes).map(([type, flag, content]) => controlFrame(type, flag, content)),
      bytes,
    );
    const action = fc.constantFrom('write', 'end', 'destroy', 'read', 'close');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof({ weight: 3, arbitrary: step }, { weight: 1, arbitrary: action }), { maxLength: 40 }), async (steps) => {
        const { near, server, streams } = raw();
        near.on('error', () => {});
        for (const [i, one] of steps.entries()) {
          const stream = streams.at(-1 - (i % 3));
          if (typeof one !== 'string') near.write(one);
          else if (one === 'close') {
            if (i % 5 === 0) server.close();
          } else if (stream && !stream.destroyed && !stream.writableEnded) {
            if (one === 'write') stream.write(Buffer.alloc(100));
            else if (one === 'end') stream.end();
            else if (one === 'read') stream.resume();
            else stream.destroy();
          }
          if (i % 3 === 0) await tick();
        }
        await settle();
        near.end();
        near.resume();
        await settle();
        assert.ok(server.signal.aborted);
        assert.equal(server.streamCount, 0);
        for (const stream of streams) assert.ok(stream.destroyed || stream.readableLength > 0 || stream.remoteEnded);
      }),
      { numRuns: 300 },
    );
  });
});
