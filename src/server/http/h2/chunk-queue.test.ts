import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { ChunkQueue } from './chunk-queue.ts';
import { Gathering } from './gathering.ts';

function written(gathering: Gathering): Buffer {
  const parts: Buffer[] = [];
  const socket = new Duplex();
  socket.write = (part: Buffer) => parts.push(part) > 0;
  gathering.writeTo(socket);
  return Buffer.concat(parts);
}

test('what goes in comes out, in whatever pieces', () => {
  const gathering = new Gathering();
  const size = fc.oneof(fc.nat(20), fc.nat(30_000));
  const step = fc.oneof(fc.record({ add: fc.array(size, { maxLength: 5 }) }), fc.record({ move: fc.nat(40_000) }));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const queue = new ChunkQueue();
      let expected = Buffer.alloc(0);
      let fill = 0;
      for (const one of steps) {
        if ('add' in one) {
          const chunks = one.add.map((length) => Buffer.alloc(length, String(fill++ % 10)));
          queue.add(chunks);
          expected = Buffer.concat([expected, ...chunks]);
        } else {
          const length = Math.min(one.move, queue.size);
          queue.moveTo(gathering, length);
          assert.ok(written(gathering).equals(expected.subarray(0, length)));
          expected = expected.subarray(length);
        }
        assert.equal(queue.size, expected.length);
      }
    }),
  );
});

test('a queue that never empties takes no time to grow, and keeps nothing that has gone', () => {
  const gathering = new Gathering();
  const queue = new ChunkQueue();
  for (let i = 0; i < 100_000; i++) {
    queue.add([Buffer.from('ab')]);
    if (i > 1000) queue.moveTo(gathering, 2);
    if (i % 1000 === 0) written(gathering);
  }
  assert.equal(queue.size, 2002);
});
