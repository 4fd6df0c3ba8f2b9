/** Frames of all kinds in any order, whole and broken: the connection may end, and nothing else may happen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { flags, frame, frameTypes, resetFrame, settingsFrame, windowUpdateFrame } from './frames.ts';
import { data, get, headers, post, Rig, settle } from './rig.testing.ts';

const stream = fc.constantFrom(1, 3, 5, 7, 9, 11, 13);
const bytes = fc.uint8Array({ maxLength: 40 });
const valid = fc.oneof(
  stream.map((id) => headers(id, get)),
  stream.map((id) => headers(id, post, { end: false })),
  fc.tuple(stream, bytes, fc.boolean()).map(([id, content, end]) => data(id, content, { end })),
  stream.map((id) => resetFrame(id, 0)),
  fc.tuple(fc.constantFrom(0, 1, 3, 5), fc.integer({ min: 1, max: 100_000 })).map(([id, size]) => windowUpdateFrame(id, size)),
  fc.integer({ min: 0, max: 200 }).map((size) => settingsFrame([[4, size]])),
  bytes.filter(({ length }) => length >= 8).map((content) => frame(frameTypes.ping, 0, 0, content.subarray(0, 8))),
);
const broken = fc.tuple(fc.nat(11), fc.nat(255), fc.oneof(stream, fc.nat(20)), bytes).map(([type, flag, id, content]) => frame(type, flag, id, content));
const junk = bytes.map((content) => Buffer.from(content));
/** What the handler does with the last request. */
const action = fc.constantFrom('head', 'write', 'end', 'destroy', 'body');

test('whatever comes, every exchange ends once and nothing is kept', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof({ weight: 12, arbitrary: valid }, { weight: 1, arbitrary: broken }, { weight: 1, arbitrary: junk }, { weight: 6, arbitrary: action }), { maxLength: 60 }), fc.nat(3), async (steps, cut) => {
      const rig = new Rig();
      const peer = await rig.open([[4, 100]]);
      for (const [i, step] of steps.entries()) {
        const responder = rig.exchanges.at(-1 - (i % 3))?.responder;
        if (typeof step !== 'string') peer.send(step);
        else if (step === 'head') responder?.head(200, { 'content-type': 'text/plain' });
        else if (step === 'write') responder?.write([Buffer.alloc(70), Buffer.alloc(i)]);
        else if (step === 'end') responder?.end([Buffer.alloc(i)]);
        else if (step === 'destroy') responder?.destroy();
        else rig.exchanges.at(-1)?.request.body().catch(() => {});
        if (i % 4 === cut) await settle();
      }
      await settle();
      peer.socket.destroy();
      await settle();
      assert.equal(rig.server.connectionCount, 0);
      assert.equal(rig.server.streamCount, 0);
      for (const { closes } of rig.exchanges) assert.equal(closes, 1);
    }),
    { numRuns: 200 },
  );
});

test('frames in pieces of any size are the same frames', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), async (sizes) => {
      const rig = new Rig();
      const peer = await rig.open();
      const all = Buffer.concat([headers(1, post, { end: false }), data(1, 'one '), frame(99, 255, 1, Buffer.alloc(30)), data(1, 'two', { end: true }), frame(frameTypes.ping, 0, 0, Buffer.alloc(8)), headers(3, get)]);
      for (let at = 0, i = 0; at < all.length; i++) {
        const size = sizes[i % sizes.length] as number;
        peer.send(all.subarray(at, at + size));
        at += size;
        await settle();
      }
      assert.equal(rig.exchanges.length, 2);
      assert.equal(Buffer.from(await rig.exchanges[0]!.request.body()).toString(), 'one two');
      assert.deepEqual(peer.frames.map(({ type, flags: flag }) => [type, flag]), [[frameTypes.ping, flags.ack]]);
    }),
    { numRuns: 20 },
  );
});
