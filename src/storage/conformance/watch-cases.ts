import assert from 'node:assert/strict';
import { setTimeout as realTime } from 'node:timers/promises';
import {
  CompactedError,
  SlowReaderError,
  StoreClosedError,
  type WatchBatch,
  type WatchEvent,
} from '../contract.ts';
import { bytes, revisionOf, textOf, type Case, type Rig } from './rig.ts';

export const watchCases: Record<string, Case> = {
  'events come in order, with what was there before': async (rig) => {
    const start = (await rig.store.currentRevision()) + 1;
    const events = rig.events(start, 5);
    await rig.put('a', 'one');
    await rig.put('b', 'other');
    await rig.put('a', 'two');
    await rig.delete('a');
    await rig.put('a', 'three');
    const expected = ['put a=one', 'put b=other', 'put a=two was=one', 'delete a was=two', 'put a=three'];
    assert.deepEqual(await events, expected);
    assert.deepEqual(await rig.events(start, 5), expected);
    assert.deepEqual(await rig.events(start + 2, 3), expected.slice(2));
  },

  'a watch sees its range and nothing else': async (rig) => {
    const start = await rig.put('a/1', 'before');
    const seen: string[] = [];
    const done = (async () => {
      for await (const batch of rig.store.watch({
        from: rig.key('b/'),
        to: rig.key('b0'),
        startRevision: start,
      })) {
        for (const event of batch.events) seen.push(rig.describe(event));
        if (seen.length >= 2) return;
      }
    })();
    for (const name of ['a/2', 'b/1', 'b0', 'b', 'b/2']) await rig.put(name, name);
    await done;
    assert.deepEqual(seen, ['put b/1=b/1', 'put b/2=b/2']);
  },

  'a watch may start after the newest revision': async (rig) => {
    const now = await rig.store.currentRevision();
    const events = rig.events(now + 3, 1);
    await rig.put('a', '1');
    await rig.put('a', '2');
    await rig.put('a', '3');
    assert.deepEqual(await events, ['put a=3 was=2']);
  },

  'from any revision, beside writers, no gap and no duplicate': async (rig) => {
    const start = (await rig.store.currentRevision()) + 1;
    const perWriter = 150;
    let writing = true;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let n = 0; n < perWriter; n++) await rig.put(`w${writer}`, `${n}`);
    });
    const all = 4 * perWriter;
    const watchers = Array.from({ length: 12 }, async (_, nth) => {
      while (writing && (await rig.store.currentRevision()) < start + nth * 40) await realTime(1);
      const from = start + nth * 20;
      return { from, events: await collect(rig, from, start + all - 1) };
    });
    await Promise.all(writers);
    writing = false;
    for (const { from, events } of await Promise.all(watchers)) {
      assert.deepEqual(
        events.map(revisionOf),
        Array.from({ length: start + all - from }, (_, nth) => from + nth),
      );
      for (const event of events) {
        assert.equal(event.type, 'put');
        if (event.type !== 'put') continue;
        const n = Number(textOf(event.current));
        assert.equal(event.previous && textOf(event.previous), n === 0 ? undefined : String(n - 1));
      }
    }
  },

  'progress is told where nothing happens': async (rig) => {
    const start = (await rig.store.currentRevision()) + 1;
    const iterator = rig.store
      .watch({ from: rig.key('quiet/'), to: rig.key('quiet0'), startRevision: start })
      [Symbol.asyncIterator]();
    let next = iterator.next();
    const revision = await rig.put('noise', '1');
    for (let reached = 0; reached < revision;) {
      rig.store.requestProgress();
      const batch = await Promise.race([next, realTime(100)]);
      if (batch === undefined) continue;
      assert.deepEqual(batch.value?.events, []);
      reached = (batch.value as WatchBatch).revision;
      next = iterator.next();
    }
    const changed = await rig.store.commit({ key: rig.key('quiet/a'), expected: 0, value: bytes('x') });
    let batch = (await next).value as WatchBatch;
    while (batch.events.length === 0) batch = (await iterator.next()).value as WatchBatch;
    assert.equal(batch.revision >= (changed.outcome === 'committed' ? changed.revision : Infinity), true);
    await iterator.return?.();
  },

  'no batch claims a revision before its events have come': async (rig) => {
    const start = (await rig.store.currentRevision()) + 1;
    const total = 300;
    const watched = (async () => {
      let told = start - 1;
      let count = 0;
      for await (const { events, revision } of rig.watch(start)) {
        for (const event of events) {
          assert.ok(revisionOf(event) > told, 'an event comes after a mark that covers it');
          assert.ok(revisionOf(event) <= revision);
        }
        told = revision;
        count += events.length;
        if (count === total) return;
      }
    })();
    for (let n = 0; n < total; n++) {
      await rig.put(`k${n % 7}`, String(n));
      if (n % 10 === 0) rig.store.requestProgress();
    }
    await watched;
  },

  'a watch from a compacted revision ends with CompactedError': async (rig) => {
    const first = await rig.put('a', '1');
    await rig.put('a', '2');
    const kept = await rig.put('a', '3');
    await rig.put('a', '4');
    await rig.store.compact(kept);
    await assert.rejects(rig.events(first, 1), CompactedError);
    await assert.rejects(rig.events(kept - 1, 1), CompactedError);
    assert.equal((await rig.events(kept, 2))[1], 'put a=4 was=3');
    assert.deepEqual(await rig.events(kept + 1, 1), ['put a=4 was=3']);
  },

  'a watch ends when its signal aborts, when its reader leaves and when the store closes': async (rig) => {
    const start = (await rig.store.currentRevision()) + 1;
    const abort = new AbortController();
    const aborted = drain(rig.watch(start, abort.signal));
    const iterator = rig.watch(start)[Symbol.asyncIterator]();
    const pending = iterator.next();
    const closed = drain(rig.watch(start));
    await realTime(5);
    abort.abort();
    await aborted;
    await iterator.return?.();
    assert.equal((await pending).done, true);
    await drain(rig.watch(start, AbortSignal.abort()));
    const rejected = assert.rejects(closed, StoreClosedError);
    await rig.store.close();
    await rejected;
  },

  'a reader that has stopped gets SlowReaderError and stalls nobody': async (rig) => {
    const start = (await rig.store.currentRevision()) + 1;
    const iterator = rig.watch(start)[Symbol.asyncIterator]();
    const value = bytes('x'.repeat(200_000));
    const first = iterator.next();
    await rig.store.commit({ key: rig.key('a'), expected: undefined, value });
    assert.equal((await first).value?.events.length, 1);
    const live = collect(rig, start, start + 400);
    for (let n = 0; n < 400; n++) await rig.store.commit({ key: rig.key('a'), expected: undefined, value });
    assert.equal((await live).length, 401);
    await assert.rejects(async () => {
      for (let batch = await iterator.next(); !batch.done; batch = await iterator.next());
    }, SlowReaderError);
  },

  "a writer's hint reaches the watchers of this process, at least when they are there first": async (rig) => {
    const start = (await rig.store.currentRevision()) + 1;
    const hint = { parsed: true };
    const events = collect(rig, start, start);
    await realTime(50);
    await rig.store.commit({ key: rig.key('a'), expected: 0, value: bytes('{}'), hint });
    const [event] = await events;
    assert.equal(event?.type === 'put' && event.current.hint, hint);
  },
};

/** All events from `start` to `end`. */
async function collect(rig: Rig, start: number, end: number): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const batch of rig.watch(start)) {
    events.push(...batch.events);
    if (batch.revision >= end) break;
  }
  return events;
}

async function drain(batches: AsyncIterable<WatchBatch>): Promise<void> {
  for await (const batch of batches) assert.ok(batch.revision > 0);
}
