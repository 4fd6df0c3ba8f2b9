import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SlowReaderError, type WatchEvent } from '../contract.ts';
import { systemClock } from '../../base/clock.ts';
import { WatchHub } from './watch-hub.ts';
import { watchQueueEventsMax } from './watch-queue.ts';

function put(key: string, revision: number): WatchEvent {
  return {
    type: 'put',
    current: { key, value: new Uint8Array(1), createRevision: revision, modRevision: revision },
    previous: undefined,
  };
}

describe('watch hub', () => {
  test('an event reaches the watches whose range holds its key, and no others', () => {
    const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), minLength: 1, maxLength: 3 });
    return fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(key, key), { maxLength: 8 }),
        fc.array(key, { minLength: 1, maxLength: 20 }),
        async (ranges, keys) => {
          const hub = new WatchHub(0, systemClock());
          const queues = ranges.map(([from, to]) => hub.subscribe(from, to, 1));
          for (const [nth, name] of keys.entries()) hub.push(name, put(name, nth + 1));
          hub.advance(keys.length);
          hub.requestProgress();
          for (const [nth, [from, to]] of ranges.entries()) {
            const batch = await queues[nth]?.take();
            const got = batch?.events.map((event) => event.type === 'put' && event.current.key);
            assert.deepEqual(
              got,
              keys.filter((name) => name >= from && name < to),
            );
            assert.equal(batch?.revision, keys.length);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a queue that nobody reads is dropped, and leaves the hub', async () => {
    const hub = new WatchHub(0, systemClock());
    const slow = hub.subscribe('a', 'b', 1);
    const reading = hub.subscribe('a', 'b', 1);
    for (let revision = 1; revision <= watchQueueEventsMax + 1; revision++) {
      hub.push('a', put('a', revision));
      hub.advance(revision);
      if (revision % 100 === 0) await reading.take();
    }
    await assert.rejects(slow.take(), SlowReaderError);
    reading.end();
    assert.equal(hub.watched('a'), false);
  });

  test('a batch never splits a revision', async () => {
    const hub = new WatchHub(0, systemClock());
    const queue = hub.subscribe('a', 'b', 1);
    for (let n = 0; n < 10; n++) hub.push('a', put('a', 1));
    for (let n = 0; n < 2000; n++) hub.push('a', put('a', 2));
    for (let n = 0; n < 10; n++) hub.push('a', put('a', 3));
    hub.advance(3);
    const first = await queue.take();
    assert.deepEqual([first?.events.length, first?.revision], [2010, 2]);
    const second = await queue.take();
    assert.deepEqual([second?.events.length, second?.revision], [10, 3]);
  });
});
