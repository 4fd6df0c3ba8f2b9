import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../../../api/errors.ts';
import { bodyBytesMax } from '../body.ts';
import { errorCodes, flags, frame, frameTypes, preface, resetFrame, settings, settingsFrame, windowMax, windowUpdateFrame } from './frames.ts';
import { block, data, get, headers, post, Rig, settle, type Fields, type Peer } from './rig.testing.ts';

const nothing = Buffer.alloc(0);
const ack = frame(frameTypes.settings, flags.ack, 0, nothing);
const ping = (content = '12345678') => frame(frameTypes.ping, 0, 0, Buffer.from(content));
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const increments = (peer: Peer, stream: number) => peer.of(frameTypes.windowUpdate, stream).map(({ payload }) => payload.readUInt32BE(0));

/** Nothing is left of it on the server. */
async function assertGone(rig: Rig, peer: Peer): Promise<void> {
  peer.socket.destroy();
  await settle();
  assert.equal(rig.server.streamCount, 0);
  assert.equal(rig.server.connectionCount, 0);
  for (const { closes, responder } of rig.exchanges) {
    assert.equal(closes, 1);
    assert.ok(responder.closed);
  }
}

describe('the beginning', () => {
  test('settings and a window, then an acknowledgement', async () => {
    const rig = new Rig();
    const peer = rig.connect();
    peer.send(preface.subarray(0, 10));
    await settle();
    peer.send(preface.subarray(10), settingsFrame([]), ack);
    await settle();
    const [first, second, third] = peer.frames;
    assert.deepEqual(first?.payload.toString('hex'), '0003000003e80004001000000006' + '00010000');
    assert.deepEqual([second?.type, second?.payload.readUInt32BE(0)], [frameTypes.windowUpdate, (1 << 22) - 65_535]);
    assert.deepEqual([third?.type, third?.flags], [frameTypes.settings, flags.ack]);
    assert.equal(peer.frames.length, 3);
    await assertGone(rig, peer);
  });

  for (const [title, bytes] of [
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')],
    ['a preface that goes wrong at its end', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\t')],
    ['a first frame that is none of settings', Buffer.concat([preface, ping()])],
    ['an acknowledgement as the first frame', Buffer.concat([preface, ack])],
  ] as const)
    test(`${title}: PROTOCOL_ERROR`, async () => {
      const rig = new Rig();
      const peer = rig.connect();
      peer.send(bytes);
      await settle();
      assert.deepEqual(peer.codes(frameTypes.goAway), [errorCodes.protocol]);
      await assertGone(rig, peer);
    });

  test('settings that are not acknowledged: SETTINGS_TIMEOUT', async () => {
    const rig = new Rig();
    const peer = rig.connect();
    peer.send(preface, settingsFrame([]), headers(1, get));
    await settle();
    rig.clock.advance(30_000);
    await settle();
    assert.deepEqual(peer.codes(frameTypes.goAway), [errorCodes.settingsTimeout]);
    await assertGone(rig, peer);
  });
});

describe('requests', () => {
  test('head and body of an answer leave in one write', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.writes = 0;
    peer.send(headers(1, [...get, ['accept', 'a'], ['accept', 'b'], ['cookie', 'c'], ['cookie', 'd'], ['impersonate-group', 'e, f'], ['impersonate-group', 'g'], ['authorization', 'h'], ['authorization', 'i']]), headers(3, get));
    await settle();
    const { request, responder } = rig.exchanges[0]!;
    assert.deepEqual([request.method, request.target, request.remoteAddress], ['GET', '/x', '127.0.0.1']);
    assert.deepEqual({ ...request.headers }, { accept: 'a, b', cookie: 'c; d', 'impersonate-group': 'e, f\ng', authorization: 'h', host: 'here' });
    assert.equal((await request.body()).length, 0);
    for (const { responder: one } of rig.exchanges) {
      one.head(200, { 'content-type': 'text/plain' });
      one.write([Buffer.from('one')]);
      one.end([Buffer.from(' two'), Buffer.from(' three')]);
    }
    assert.equal(responder.closed, false);
    await settle();
    const head = peer.head(1);
    assert.deepEqual([head[':status'], head['content-type']], ['200', 'text/plain']);
    assert.ok(head['date']?.endsWith(' GMT'));
    assert.deepEqual(peer.body(1), { text: 'one two three', ended: true });
    assert.deepEqual(peer.body(3), { text: 'one two three', ended: true });
    assert.equal(peer.writes, 1);
    assert.equal(rig.server.streamCount, 0);
    await assertGone(rig, peer);
  });

  test('a head that comes before the body, and an end without one', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, get));
    await settle();
    const { responder } = rig.last;
    responder.head(200, {});
    await settle();
    assert.equal(peer.head(1)[':status'], '200');
    responder.head(500, {});
    responder.end();
    await settle();
    assert.equal(peer.frames.length, 2);
    assert.deepEqual(peer.body(1), { text: '', ended: true });
    responder.write([Buffer.from('late')]);
    responder.end();
    responder.destroy();
    await settle();
    assert.equal(peer.frames.length, 2);
    await assertGone(rig, peer);
  });

  test('HEAD gets the head and nothing else', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, [[':method', 'HEAD'], ...get.slice(1)]));
    await settle();
    rig.last.responder.head(200, { 'content-length': '5' });
    rig.last.responder.end([Buffer.from('12345')]);
    await settle();
    assert.deepEqual(peer.frames.map(({ type, flags: flag }) => [type, flag]), [[frameTypes.headers, flags.endHeaders | flags.endStream]]);
    await assertGone(rig, peer);
  });

  test('an answer that ends without a head is an error of ours', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, get));
    await settle();
    rig.last.responder.end();
    await settle();
    assert.deepEqual(peer.codes(frameTypes.reset), [errorCodes.internal]);
    await assertGone(rig, peer);
  });

  test('a destroyed answer is reset, not ended', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, get));
    await settle();
    rig.last.responder.head(200, {});
    rig.last.responder.write([Buffer.from('half')]);
    await settle();
    rig.last.responder.destroy();
    await settle();
    assert.deepEqual(peer.body(1), { text: 'half', ended: false });
    assert.deepEqual(peer.codes(frameTypes.reset), [errorCodes.internal]);
    await assertGone(rig, peer);
  });

  test('padding, priority, continuation, trailers, frames of unknown types', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    const head = block([...post, ['content-length', '4']]);
    const padded = Buffer.concat([Buffer.from([3]), Buffer.from([0, 0, 0, 7, 10]), head.subarray(0, 20), Buffer.alloc(3)]);
    peer.send(
      frame(frameTypes.headers, flags.padded | flags.priority, 1, padded),
      frame(frameTypes.continuation, 0, 1, head.subarray(20, 30)),
      frame(frameTypes.continuation, 0, 1, nothing),
      frame(frameTypes.continuation, flags.endHeaders, 1, head.subarray(30)),
      frame(frameTypes.priority, 0, 9, Buffer.alloc(5)),
      frame(77, 255, 1, Buffer.from('what is this')),
      frame(frameTypes.data, flags.padded, 1, Buffer.concat([Buffer.from([200]), Buffer.from('body'), Buffer.alloc(200)])),
      headers(1, [['grpc-status', '0']]),
    );
    await settle();
    assert.equal(rig.last.request.headers['content-length'], '4');
    assert.equal(rig.last.request.headers['grpc-status'], undefined);
    assert.equal(text(await rig.last.request.body()), 'body');
    await assertGone(rig, peer);
  });

  test('a long head of an answer is continued', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, get));
    await settle();
    const warning = ['a'.repeat(30_000), 'b'.repeat(30_000)];
    rig.last.responder.head(200, { warning });
    rig.last.responder.end([Buffer.from('!')]);
    await settle();
    assert.deepEqual(peer.frames.map(({ type }) => type), [frameTypes.headers, frameTypes.continuation, frameTypes.continuation, frameTypes.continuation, frameTypes.data]);
    assert.equal(peer.head(1)['warning'], warning[1]);
    await assertGone(rig, peer);
  });

  test('the dynamic table goes on through refused requests', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    const indexing = (name: string, value: string) => Buffer.concat([Buffer.from([0x40, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
    const refused = Buffer.concat([indexing('x-one', '1'), block(get)]);
    peer.send(frame(frameTypes.headers, flags.endHeaders | flags.endStream, 1, refused));
    peer.send(frame(frameTypes.headers, flags.endHeaders | flags.endStream, 3, Buffer.concat([block(get), Buffer.from([0x80 | 62])])));
    await settle();
    assert.deepEqual(peer.codes(frameTypes.reset), [errorCodes.protocol]);
    assert.equal(rig.exchanges.length, 1);
    assert.equal(rig.last.request.headers['x-one'], '1');
    await assertGone(rig, peer);
  });

  const malformed: readonly (readonly [title: string, fields: Fields])[] = [
    ['no method', get.slice(1)],
    ['no scheme', get.filter(([name]) => name !== ':scheme')],
    ['no path', get.filter(([name]) => name !== ':path')],
    ['an empty path', [...get.filter(([name]) => name !== ':path'), [':path', '']]],
    ['two methods', [...get, [':method', 'GET']]],
    ['two paths', [...get, [':path', '/y']]],
    ['an unknown pseudo field', [...get, [':what', 'x']]],
    ['one of answers', [...get, [':status', '200']]],
    ['a pseudo field behind others', [['accept', '*/*'], ...get]],
    ['upper case', [...get, ['Accept', '*/*']]],
    ['a line break', [...get, ['accept', 'a\nb']]],
    ['a field of connections', [...get, ['connection', 'close']]],
    ['another', [...get, ['transfer-encoding', 'chunked']]],
    ['te', [...get, ['te', 'gzip']]],
    ['a length that is no number', [...get, ['content-length', 'x']]],
    ['two lengths', [...get, ['content-length', '0'], ['content-length', '1']]],
    ['a length and no body', [...get, ['content-length', '1']]],
    ['CONNECT with a path', [[':method', 'CONNECT'], ...get.slice(1)]],
  ];
  for (const [title, fields] of malformed)
    test(`malformed, ${title}: reset, and nobody asked`, async () => {
      const rig = new Rig();
      const peer = await rig.open();
      peer.send(headers(1, fields), headers(3, [...get, ['te', 'trailers']]));
      await settle();
      assert.deepEqual(peer.codes(frameTypes.reset), [errorCodes.protocol]);
      assert.equal(rig.exchanges.length, 1);
      await assertGone(rig, peer);
    });

  test('a list of headers that is too large: 431', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    const head = block([...get, ...Array.from({ length: 70 }, (_, i): readonly [string, string] => [`x-${i}`, 'y'.repeat(1000)])]);
    const frames = [frame(frameTypes.headers, flags.endStream, 1, head.subarray(0, 16_000))];
    for (let at = 16_000; at < head.length; at += 16_000) frames.push(frame(frameTypes.continuation, at + 16_000 >= head.length ? flags.endHeaders : 0, 1, head.subarray(at, at + 16_000)));
    peer.send(...frames, headers(3, get));
    await settle();
    assert.equal(peer.head(1)[':status'], '431');
    assert.equal(rig.exchanges.length, 1);
    // A few bytes that stand for a lot.
    const bomb = Buffer.concat([block(get), Buffer.from([0x40, 1, 0x61, 0x7f, 0x81, 0x1e]), Buffer.alloc(4000, 'x'), Buffer.alloc(1000, 0x80 | 62)]);
    peer.send(frame(frameTypes.headers, flags.endHeaders | flags.endStream, 5, bomb));
    await settle();
    assert.equal(peer.head(5)[':status'], '431');
    await assertGone(rig, peer);
  });

  test('more than 1000 streams at once are refused', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(...Array.from({ length: 1001 }, (_, i) => headers(2 * i + 1, get)));
    await settle();
    assert.equal(rig.exchanges.length, 1000);
    assert.deepEqual(peer.of(frameTypes.reset).map(({ stream }) => stream), [2001]);
    assert.deepEqual(peer.codes(frameTypes.reset), [errorCodes.refusedStream]);
    rig.exchanges[0]!.responder.head(204, {});
    rig.exchanges[0]!.responder.end();
    await settle();
    peer.send(headers(2003, get));
    await settle();
    assert.equal(rig.exchanges.length, 1001);
    await assertGone(rig, peer);
  });
});

describe('bodies', () => {
  const rejected = (promise: Promise<unknown>, code: number, message: RegExp) => assert.rejects(promise, (error) => error instanceof ApiError && error.code === code && message.test(error.message));

  test('asked for before and after they come', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, post, { end: false }));
    await settle();
    const early = rig.last.request.body();
    assert.equal(rig.last.request.body(), early);
    peer.send(data(1, 'one '), data(1, 'two', { end: true }));
    assert.equal(text(await early), 'one two');
    peer.send(headers(3, post, { end: false }), data(3, 'three', { end: true }));
    await settle();
    assert.equal(text(await rig.last.request.body()), 'three');
    assert.equal(text(await rig.last.request.body()), 'three');
    peer.send(headers(5, post, { end: false }), data(5, '', { end: true }));
    await settle();
    assert.equal((await rig.last.request.body()).length, 0);
    await assertGone(rig, peer);
  });

  for (const [title, sent] of [
    ['shorter', data(1, 'abc', { end: true })],
    ['shorter, ended by trailers', Buffer.concat([data(1, 'abc'), headers(1, [])])],
    ['longer', data(1, 'abcdefghijk')],
  ] as const)
    test(`${title} than announced: never taken for a whole one`, async () => {
      const rig = new Rig();
      const peer = await rig.open();
      peer.send(headers(1, [...post, ['content-length', '10']], { end: false }));
      await settle();
      const asked = rig.last.request.body();
      peer.send(sent);
      await rejected(asked, 400, /unexpected EOF/);
      await rejected(rig.last.request.body(), 400, /unexpected EOF/);
      await settle();
      assert.deepEqual(peer.codes(frameTypes.reset), [errorCodes.protocol]);
      await assertGone(rig, peer);
    });

  test('broken off by a reset, or with the connection', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, post, { end: false }), data(1, 'half'));
    peer.send(headers(3, post, { end: false }), data(3, 'half'));
    await settle();
    const [first, second] = rig.exchanges.map(({ request }) => request.body());
    peer.send(resetFrame(1, errorCodes.noError));
    await rejected(first!, 400, /unexpected EOF/);
    peer.socket.destroy();
    await rejected(second!, 400, /unexpected EOF/);
    await assertGone(rig, peer);
  });

  test('beyond the limit: 413, announced or not; the rest is refused once there is an answer', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, [...post, ['content-length', String(bodyBytesMax + 1)]], { end: false }));
    await settle();
    await rejected(rig.last.request.body(), 413, /limit is 3145728/);
    peer.send(headers(3, post, { end: false }));
    await settle();
    const unannounced = rig.last.request.body();
    unannounced.catch(() => {});
    const chunk = Buffer.alloc(16_384, 'x');
    for (let sent = 0; sent <= bodyBytesMax; sent += chunk.length) {
      peer.send(data(3, chunk));
      await settle();
    }
    await rejected(unannounced, 413, /limit is 3145728/);
    for (const { responder } of rig.exchanges) {
      responder.head(413, {});
      responder.end([Buffer.from('no')]);
    }
    await settle();
    assert.deepEqual([peer.body(1), peer.body(3)], [{ text: 'no', ended: true }, { text: 'no', ended: true }]);
    assert.deepEqual(peer.codes(frameTypes.reset), [errorCodes.noError, errorCodes.noError]);
    // What was under way is not held against the peer.
    peer.send(data(3, chunk), headers(3, []), data(1, 'x', { end: true }), headers(5, get));
    await settle();
    assert.equal(rig.exchanges.length, 3);
    assert.deepEqual(peer.codes(frameTypes.goAway), []);
    await assertGone(rig, peer);
  });

  test('of GET and HEAD are not wanted', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, get, { end: false }));
    for (let sent = 0; sent < 4 << 20; sent += 16_384) {
      peer.send(data(1, Buffer.alloc(16_384)));
      await settle();
    }
    assert.equal((await rig.last.request.body()).length, 0);
    assert.deepEqual(peer.codes(frameTypes.reset), []);
    await assertGone(rig, peer);
  });

  test('the window is given back when the body is asked for, in batches', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, post, { end: false }));
    const chunk = Buffer.alloc(16_384, 'x');
    for (let i = 0; i < 63; i++) peer.send(data(1, chunk));
    await settle();
    assert.deepEqual(peer.frames, []);
    const asked = rig.last.request.body();
    peer.send(data(1, chunk));
    for (let i = 0; i < 64; i++) peer.send(data(1, chunk));
    peer.send(data(1, '', { end: true }));
    await settle();
    assert.equal((await asked).length, 2 << 20);
    assert.deepEqual(increments(peer, 1), [63 * 16_384, 1 << 18, 1 << 18, 1 << 18, 1 << 18]);
    assert.deepEqual(increments(peer, 0), [1 << 20, 1 << 20]);
    await assertGone(rig, peer);
  });

  test('what was held of a stream that ends unread goes back to the connection', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    const chunk = Buffer.alloc(16_384, 'x');
    for (let stream = 1; stream < 21; stream += 2) {
      peer.send(headers(stream, post, { end: false }));
      for (let i = 0; i < 60; i++) peer.send(data(stream, chunk));
      await settle();
      rig.last.responder.head(403, {});
      rig.last.responder.end();
      await settle();
    }
    assert.deepEqual(peer.codes(frameTypes.goAway), []);
    assert.equal(rig.exchanges.length, 10);
    await assertGone(rig, peer);
  });
});

describe('flow control of what we send', () => {
  test('a stream without window holds up nobody', async () => {
    const rig = new Rig();
    const peer = await rig.open([[settings.initialWindowSize, 10]]);
    peer.send(headers(1, get), headers(3, get));
    await settle();
    const [slow, other] = rig.exchanges;
    let drains = 0;
    slow!.responder.onDrain(() => drains++);
    slow!.responder.head(200, {});
    assert.equal(slow!.responder.write([Buffer.from('0123456'), Buffer.from('789abc')]), false);
    other!.responder.head(200, {});
    assert.equal(other!.responder.write([Buffer.from('short')]), true);
    await settle();
    assert.equal(peer.body(1).text, '0123456789');
    assert.equal(peer.body(3).text, 'short');
    assert.equal(drains, 0);
    assert.equal(slow!.responder.write([Buffer.from('def')]), false);
    peer.send(windowUpdateFrame(1, 4));
    await settle();
    assert.equal(peer.body(1).text, '0123456789abcd');
    assert.equal(drains, 0);
    slow!.responder.end();
    peer.send(windowUpdateFrame(1, 100));
    await settle();
    assert.deepEqual(peer.body(1), { text: '0123456789abcdef', ended: true });
    assert.equal(slow!.closes, 1);
    await assertGone(rig, peer);
  });

  test('a full stream says when it has emptied', async () => {
    const rig = new Rig();
    const peer = await rig.open([[settings.initialWindowSize, 4]]);
    peer.send(headers(1, get));
    await settle();
    const { responder } = rig.last;
    let written = 0;
    const write = () => {
      if (written < 5) assert.equal(responder.write([Buffer.from(`<${written++}>...`)]), false);
      else responder.end();
    };
    responder.onDrain(write);
    responder.head(200, {});
    write();
    for (let i = 0; i < 12; i++) {
      peer.send(windowUpdateFrame(1, 4));
      await settle();
    }
    assert.deepEqual(peer.body(1), { text: '<0>...<1>...<2>...<3>...<4>...', ended: true });
    await assertGone(rig, peer);
  });

  test('the connection’s window is shared, and all go on when it opens', async () => {
    const rig = new Rig();
    const peer = await rig.open([[settings.initialWindowSize, 1 << 20]]);
    peer.send(headers(1, get), headers(3, get), headers(5, get));
    await settle();
    for (const { responder } of rig.exchanges.slice(0, 2)) {
      responder.head(200, {});
      responder.end([Buffer.alloc(60_000, 'x')]);
    }
    await settle();
    assert.equal(peer.body(1).text.length + peer.body(3).text.length, 65_535);
    // Heads need no window.
    rig.exchanges[2]!.responder.head(204, {});
    rig.exchanges[2]!.responder.end();
    await settle();
    assert.ok(peer.body(5).ended);
    peer.send(windowUpdateFrame(0, 20_000));
    await settle();
    assert.equal(peer.body(1).text.length + peer.body(3).text.length, 85_535);
    peer.send(windowUpdateFrame(0, 100_000));
    await settle();
    assert.deepEqual([peer.body(1), peer.body(3)].map((body) => [body.text.length, body.ended]), [[60_000, true], [60_000, true]]);
    await assertGone(rig, peer);
  });

  test('settings change the windows of open streams, below zero too', async () => {
    const rig = new Rig();
    const peer = await rig.open([[settings.initialWindowSize, 10]]);
    peer.send(headers(1, get));
    await settle();
    rig.last.responder.head(200, {});
    rig.last.responder.write([Buffer.from('0123456789abcdef')]);
    await settle();
    peer.send(settingsFrame([[settings.initialWindowSize, 4]]), windowUpdateFrame(1, 6));
    await settle();
    assert.equal(peer.body(1).text, '0123456789');
    peer.send(settingsFrame([[settings.initialWindowSize, 7]]));
    await settle();
    assert.equal(peer.body(1).text, '0123456789abc');
    await assertGone(rig, peer);
  });

  test('frames are as large as the peer allows', async () => {
    const rig = new Rig();
    const peer = await rig.open([[settings.initialWindowSize, windowMax]]);
    peer.send(windowUpdateFrame(0, 1 << 24), headers(1, get));
    await settle();
    const sizes = () => peer.of(frameTypes.data).map(({ payload }) => payload.length);
    rig.last.responder.head(200, {});
    rig.last.responder.write([Buffer.alloc(10_000), Buffer.alloc(30_000)]);
    await settle();
    assert.deepEqual(sizes(), [16_384, 16_384, 7232]);
    peer.send(settingsFrame([[settings.maxFrameSize, 20_000]]));
    await settle();
    rig.last.responder.end([Buffer.alloc(30_000)]);
    await settle();
    assert.deepEqual(sizes().slice(3), [20_000, 10_000]);
    await assertGone(rig, peer);
  });

  test('where too much waits there are no further answers, until it has gone', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    const mebibyte = Buffer.alloc(1 << 20);
    peer.send(headers(1, get), headers(3, get));
    await settle();
    for (const { responder } of rig.exchanges) {
      responder.head(200, {});
      responder.end(Array.from({ length: 40 }, () => mebibyte));
    }
    await settle();
    peer.send(headers(5, get));
    await settle();
    assert.deepEqual(peer.of(frameTypes.reset).map(({ stream }) => stream), [5]);
    assert.deepEqual(peer.codes(frameTypes.reset), [errorCodes.refusedStream]);
    peer.send(resetFrame(1, errorCodes.noError), headers(7, get));
    await settle();
    assert.equal(rig.exchanges.length, 3);
    peer.send(windowUpdateFrame(3, 40 << 20), windowUpdateFrame(0, 40 << 20));
    for (let i = 0; i < 100 && !rig.exchanges[1]!.responder.closed; i++) await settle();
    assert.equal(peer.of(frameTypes.data, 3).reduce((sum, { payload }) => sum + payload.length, 0), 40 << 20);
    await assertGone(rig, peer);
  });

  test('a large answer is sent in turns with the others, and by its own bytes', async () => {
    const rig = new Rig();
    const peer = await rig.open([[settings.initialWindowSize, windowMax]]);
    peer.send(windowUpdateFrame(0, 1 << 28), headers(1, get), headers(3, get));
    await settle();
    const large = Buffer.alloc(5 << 20, 'abcdefg');
    for (const { responder } of rig.exchanges) {
      responder.head(200, {});
      responder.end([large]);
    }
    for (let i = 0; i < 100 && rig.server.streamCount > 0; i++) await settle();
    assert.deepEqual([peer.body(1), peer.body(3)], [{ text: large.toString(), ended: true }, { text: large.toString(), ended: true }]);
    const streams = peer.of(frameTypes.data).map(({ stream }) => stream);
    assert.ok(streams.indexOf(3) < streams.lastIndexOf(1));
    await assertGone(rig, peer);
  });

  test('a peer that does not read costs no more than what was written before it was full', async () => {
    const rig = new Rig();
    const peer = await rig.open([[settings.initialWindowSize, windowMax]], { highWaterMark: 1000 });
    peer.send(windowUpdateFrame(0, 1 << 24), headers(1, get), headers(3, get));
    await settle();
    peer.socket.pause();
    const [first, second] = rig.exchanges;
    let drains = 0;
    first!.responder.onDrain(() => drains++);
    first!.responder.head(200, {});
    first!.responder.write([Buffer.alloc(5000)]);
    await settle();
    first!.responder.write([Buffer.alloc(5000)]);
    await settle();
    assert.equal(first!.responder.write([Buffer.alloc(5000)]), false);
    // Nothing of a stream that ends meanwhile stays.
    second!.responder.head(200, {});
    second!.responder.write([Buffer.from('x')]);
    peer.send(resetFrame(3, errorCodes.noError));
    await settle();
    assert.equal(second!.closes, 1);
    peer.socket.resume();
    await settle();
    assert.equal(peer.body(1).text.length, 15_000);
    assert.equal(peer.body(3).text, '');
    assert.equal(drains, 1);
    await assertGone(rig, peer);
  });
});

describe('what breaks the rules of a stream ends the stream', () => {
  const cases: readonly (readonly [title: string, code: number, ...bytes: Buffer[]])[] = [
    ['a window of no size', errorCodes.protocol, windowUpdateFrame(1, 0)],
    ['a window beyond the largest', errorCodes.flowControl, windowUpdateFrame(1, windowMax)],
    ['trailers that do not end it', errorCodes.protocol, headers(1, [['a', 'b']], { end: false })],
    ['pseudo fields in trailers', errorCodes.protocol, headers(1, [[':method', 'GET']])],
    ['malformed trailers', errorCodes.protocol, headers(1, [['A', 'b']])],
    ['data behind the end', errorCodes.streamClosed, data(1, '', { end: true }), data(1, 'x')],
    ['a head behind the end', errorCodes.streamClosed, data(1, '', { end: true }), headers(1, [])],
    ['a priority of the wrong size', errorCodes.frameSize, frame(frameTypes.priority, 0, 1, Buffer.alloc(4))],
  ];
  for (const [title, code, ...bytes] of cases)
    test(title, async () => {
      const rig = new Rig();
      const peer = await rig.open();
      peer.send(headers(1, post, { end: false }), ...bytes, headers(3, get));
      await settle();
      assert.deepEqual(peer.codes(frameTypes.reset), [code]);
      assert.deepEqual(peer.codes(frameTypes.goAway), []);
      assert.equal(rig.exchanges.length, 2);
      await assertGone(rig, peer);
    });

  test('more data than the stream’s window', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, post, { end: false }));
    for (let i = 0; i < 65; i++) peer.send(data(1, Buffer.alloc(16_384)));
    await settle();
    assert.deepEqual(peer.codes(frameTypes.reset), [errorCodes.flowControl]);
    await assertGone(rig, peer);
  });
});

describe('what breaks the rules of the connection ends the connection', () => {
  const open = headers(1, post, { end: false });
  const partial = frame(frameTypes.headers, 0, 1, block(get));
  const cases: readonly (readonly [title: string, code: number, ...bytes: Buffer[]])[] = [
    ['a frame that is too large', errorCodes.frameSize, open, data(1, Buffer.alloc(16_385))],
    ['an even stream', errorCodes.protocol, headers(2, get)],
    ['stream 0', errorCodes.protocol, headers(0, get)],
    ['a stream that is older than the last', errorCodes.streamClosed, headers(5, get), headers(3, get)],
    ['a stream again', errorCodes.streamClosed, headers(1, get), resetFrame(1, errorCodes.noError), headers(1, get)],
    ['data on stream 0', errorCodes.protocol, data(0, 'x')],
    ['data on an idle stream', errorCodes.protocol, data(1, 'x')],
    ['a reset of an idle stream', errorCodes.protocol, resetFrame(1, errorCodes.noError)],
    ['a reset of the wrong size', errorCodes.frameSize, open, frame(frameTypes.reset, 0, 1, Buffer.alloc(3))],
    ['a window for an idle stream', errorCodes.protocol, windowUpdateFrame(1, 1)],
    ['a window of no size', errorCodes.protocol, windowUpdateFrame(0, 0)],
    ['a window beyond the largest', errorCodes.flowControl, windowUpdateFrame(0, windowMax)],
    ['a window of the wrong size', errorCodes.frameSize, frame(frameTypes.windowUpdate, 0, 0, Buffer.alloc(5))],
    ['padding beyond the frame, data', errorCodes.protocol, open, frame(frameTypes.data, flags.padded, 1, Buffer.from([5, 1, 2, 3]))],
    ['padding beyond the frame, head', errorCodes.protocol, frame(frameTypes.headers, flags.padded | flags.endHeaders, 1, Buffer.from([5, 1, 2, 3]))],
    ['padding without its length', errorCodes.protocol, frame(frameTypes.headers, flags.padded | flags.endHeaders, 1, nothing)],
    ['a head that cannot be decoded', errorCodes.compression, frame(frameTypes.headers, flags.endHeaders, 1, Buffer.from([0xff]))],
    ['a head that is not continued', errorCodes.protocol, partial, ping()],
    ['a head that another continues', errorCodes.protocol, partial, frame(frameTypes.continuation, flags.endHeaders, 3, nothing)],
    ['a continuation of nothing', errorCodes.protocol, frame(frameTypes.continuation, flags.endHeaders, 1, nothing)],
    ['a promise', errorCodes.protocol, open, frame(frameTypes.pushPromise, flags.endHeaders, 1, Buffer.alloc(4))],
    ['a ping of a stream', errorCodes.protocol, frame(frameTypes.ping, 0, 1, Buffer.alloc(8))],
    ['a ping of the wrong size', errorCodes.frameSize, frame(frameTypes.ping, 0, 0, Buffer.alloc(7))],
    ['a priority of stream 0', errorCodes.protocol, frame(frameTypes.priority, 0, 0, Buffer.alloc(5))],
    ['GOAWAY of a stream', errorCodes.protocol, frame(frameTypes.goAway, 0, 1, Buffer.alloc(8))],
    ['GOAWAY of the wrong size', errorCodes.frameSize, frame(frameTypes.goAway, 0, 0, Buffer.alloc(7))],
    ['settings of a stream', errorCodes.protocol, frame(frameTypes.settings, 0, 1, nothing)],
    ['settings of the wrong size', errorCodes.frameSize, frame(frameTypes.settings, 0, 0, Buffer.alloc(5))],
    ['an acknowledgement that says something', errorCodes.frameSize, frame(frameTypes.settings, flags.ack, 0, Buffer.alloc(6))],
    ['a push setting', errorCodes.protocol, settingsFrame([[settings.enablePush, 2]])],
    ['a window setting', errorCodes.flowControl, settingsFrame([[settings.initialWindowSize, windowMax + 1]])],
    ['a window setting that makes one too large', errorCodes.flowControl, open, windowUpdateFrame(1, windowMax - 65_535), settingsFrame([[settings.initialWindowSize, 65_536]])],
    ['a small frame size', errorCodes.protocol, settingsFrame([[settings.maxFrameSize, 16_383]])],
    ['a large frame size', errorCodes.protocol, settingsFrame([[settings.maxFrameSize, 1 << 24]])],
  ];
  for (const [title, code, ...bytes] of cases)
    test(title, async () => {
      const rig = new Rig();
      const other = await rig.open();
      const peer = await rig.open();
      peer.send(...bytes, headers(101, get));
      await settle();
      assert.deepEqual(peer.codes(frameTypes.goAway), [code]);
      assert.ok(peer.frames.at(-1)?.type === frameTypes.goAway);
      assert.ok(rig.exchanges.every(({ closes }) => closes === 1));
      assert.ok(peer.socket.readableEnded);
      peer.send(headers(103, get));
      other.send(headers(1, get));
      await settle();
      rig.last.responder.head(204, {});
      rig.last.responder.end();
      await settle();
      assert.equal(other.head(1)[':status'], '204');
      other.socket.destroy();
      await assertGone(rig, peer);
    });

  test('more data than the connection’s window', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    for (let stream = 1; stream <= 9; stream += 2) {
      peer.send(headers(stream, post, { end: false }));
      for (let i = 0; i < 64; i++) peer.send(data(stream, Buffer.alloc(16_384)));
      await settle();
    }
    assert.deepEqual(peer.codes(frameTypes.goAway), [errorCodes.flowControl]);
    await assertGone(rig, peer);
  });

  test('the peer has time to read why; then the socket goes', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    // As one who keeps its end open.
    peer.socket.allowHalfOpen = true;
    peer.send(data(1, 'x'));
    await settle();
    assert.equal(peer.closed, false);
    rig.clock.advance(20_000);
    await settle();
    assert.equal(peer.closed, true);
    await assertGone(rig, peer);
  });
});

describe('patience', () => {
  const calm = [errorCodes.enhanceYourCalm];

  test('requests that are reset before an answer', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    for (let i = 0; i < 1001; i++) peer.send(headers(2 * i + 1, get), resetFrame(2 * i + 1, errorCodes.noError));
    for (let i = 0; i < 5; i++) await settle();
    assert.deepEqual(peer.codes(frameTypes.goAway), calm);
    await assertGone(rig, peer);
  });

  test('not so ones that were answered, or that come slowly', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    for (let i = 0; i < 1500; i++) {
      peer.send(headers(2 * i + 1, get));
      await settle();
      rig.last.responder.head(200, {});
      peer.send(resetFrame(2 * i + 1, errorCodes.noError));
    }
    for (let i = 1500; i < 5000; i++) {
      peer.send(headers(2 * i + 1, get), resetFrame(2 * i + 1, errorCodes.noError));
      if (i % 100 > 0) continue;
      await settle();
      rig.clock.advance(5000);
    }
    await settle();
    assert.deepEqual(peer.codes(frameTypes.goAway), []);
    await assertGone(rig, peer);
  });

  test('requests that we have to reset', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    for (let i = 0; i < 1001; i++) peer.send(headers(2 * i + 1, get), windowUpdateFrame(2 * i + 1, 0));
    for (let i = 0; i < 5; i++) await settle();
    assert.deepEqual(peer.codes(frameTypes.goAway), calm);
    await assertGone(rig, peer);
  });

  test('data without data', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, post, { end: false }), ...Array.from({ length: 1001 }, () => data(1, '')));
    await settle();
    assert.deepEqual(peer.codes(frameTypes.goAway), calm);
    await assertGone(rig, peer);
  });

  test('a head that goes on and on, with content and without', async () => {
    for (const content of [nothing, Buffer.alloc(16_384, 0x82)]) {
      const rig = new Rig();
      const peer = await rig.open();
      peer.send(frame(frameTypes.headers, flags.endStream, 1, nothing), ...Array.from({ length: 101 }, () => frame(frameTypes.continuation, 0, 1, content)));
      for (let i = 0; i < 5; i++) await settle();
      assert.deepEqual(peer.codes(frameTypes.goAway), calm);
      await assertGone(rig, peer);
    }
  });

  test('questions whose answers nobody reads', async () => {
    for (const question of [ping(), settingsFrame([])]) {
      const rig = new Rig();
      const peer = await rig.open([], { highWaterMark: 100 });
      peer.socket.pause();
      for (let i = 0; i < 200; i++) {
        peer.send(...Array.from({ length: 10 }, () => question));
        await settle();
      }
      peer.socket.resume();
      await settle();
      assert.deepEqual(peer.codes(frameTypes.goAway), calm);
      await assertGone(rig, peer);
    }
  });
});

describe('the end', () => {
  test('pings are answered', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(ping('abcdefgh'), frame(frameTypes.ping, flags.ack, 0, Buffer.alloc(8)));
    await settle();
    assert.deepEqual(peer.frames.map(({ type, flags: flag, payload }) => [type, flag, payload.toString()]), [[frameTypes.ping, flags.ack, 'abcdefgh']]);
    await assertGone(rig, peer);
  });

  test('open streams end, new ones are not taken, then the connection closes', async () => {
    const rig = new Rig();
    const peer = await rig.open();
    peer.send(headers(1, post, { end: false }));
    await settle();
    rig.server.close();
    await settle();
    const [goAway] = peer.of(frameTypes.goAway);
    assert.deepEqual([goAway?.payload.readUInt32BE(0), goAway?.payload.readUInt32BE(4)], [1, errorCodes.noError]);
    peer.send(headers(3, post, { end: false }), data(3, 'x'), data(1, 'body', { end: true }));
    await settle();
    assert.equal(rig.exchanges.length, 1);
    assert.equal(text(await rig.last.request.body()), 'body');
    rig.last.responder.head(200, {});
    rig.last.responder.end([Buffer.from('done')]);
    assert.equal(peer.socket.readableEnded, false);
    await settle();
    assert.deepEqual(peer.body(1), { text: 'done', ended: true });
    assert.deepEqual(peer.codes(frameTypes.reset), []);
    assert.equal(peer.socket.readableEnded, true);
    await assertGone(rig, peer);
  });

  test('a connection without requests is closed after ten minutes, one with a watch is not', async () => {
    const rig = new Rig();
    const idle = await rig.open();
    const watching = await rig.open();
    watching.send(headers(1, get));
    rig.clock.advance(300_000);
    idle.send(ping());
    rig.clock.advance(590_000);
    assert.deepEqual(idle.codes(frameTypes.goAway), []);
    rig.clock.advance(30_000);
    await settle();
    assert.deepEqual(idle.codes(frameTypes.goAway), [errorCodes.noError]);
    assert.deepEqual(watching.codes(frameTypes.goAway), []);
    watching.socket.destroy();
    await assertGone(rig, idle);
  });

  test('a connection that is cut, with bytes of all kinds under way', async () => {
    const rig = new Rig();
    const peer = await rig.open([[settings.initialWindowSize, 5]], { highWaterMark: 10 });
    peer.send(headers(1, get), headers(3, post, { end: false }), data(3, 'half'), headers(5, get), headers(7, get), ping());
    await settle();
    peer.socket.pause();
    rig.exchanges[0]!.responder.head(200, {});
    rig.exchanges[0]!.responder.write([Buffer.alloc(100)]);
    await settle();
    rig.exchanges[2]!.responder.head(200, {});
    rig.exchanges[2]!.responder.end([Buffer.alloc(100)]);
    rig.exchanges[3]!.responder.head(204, {});
    rig.exchanges[3]!.responder.end();
    await assertGone(rig, peer);
    rig.exchanges[0]!.responder.write([Buffer.alloc(100)]);
    let told = 0;
    rig.exchanges[0]!.responder.onClose(() => told++);
    assert.equal(told, 1);
  });
});
