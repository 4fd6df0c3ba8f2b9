import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualClock } from '../conformance/manual-clock.ts';
import { StoreFailedError } from '../errors.ts';
import type { Journal } from './journal.ts';
import { MvccStore } from './mvcc-store.ts';

/** A journal whose appends wait until the test lets them through or fails them. */
function heldJournal(): {
  readonly journal: Journal;
  readonly held: { resolve: () => void; reject: (error: Error) => void }[];
} {
  const held: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const done = Promise.resolve();
  const journal: Journal = {
    append: () => new Promise((resolve, reject) => held.push({ resolve: () => resolve([]), reject })),
    read: (revisions) => Promise.resolve(revisions.map(() => undefined)),
    forget: () => done,
    saveLease: () => done,
    dropLease: () => done,
    sizeBytes: () => Promise.resolve(0),
    close: () => done,
  };
  return { journal, held };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));
const value = new Uint8Array([1]);

describe('MVCC store over a slow journal', () => {
  test('what is not durable is seen by later commits and by nobody else', async () => {
    const { journal, held } = heldJournal();
    const store = new MvccStore({ clock: new ManualClock(), journal, recentBytesMax: Infinity });
    store.start();
    const events: number[] = [];
    const abort = new AbortController();
    const watching = (async () => {
      for await (const batch of store.watch({ from: 'a', to: 'b', startRevision: 2, signal: abort.signal }))
        events.push(batch.revision);
    })();
    const first = store.commit({ key: 'a', expected: 0, value });
    const second = store.commit({ key: 'a', expected: 2, value });
    const loser = store.commit({ key: 'a', expected: 2, value });
    // The loser may build on what it lost against, and may tell nobody of it yet.
    const lost = await loser;
    assert.ok(lost.outcome === 'conflict' && lost.current?.modRevision === 3);
    let settled = 0;
    for (const promise of [first, second, lost.settled]) void promise.then(() => settled++);
    await tick();
    assert.equal(settled, 0);
    assert.equal(await store.currentRevision(), 1);
    assert.equal(await store.get('a'), undefined);
    assert.deepEqual(events, []);
    held.shift()?.resolve();
    await tick();
    assert.equal((await first).outcome, 'committed');
    assert.equal((await second).outcome, 'committed');
    await lost.settled;
    assert.equal(await store.currentRevision(), 3);
    assert.deepEqual(events, [3]);
    abort.abort();
    await watching;
    await store.close();
  });

  test('once the journal fails, everything that waits and everything later is refused; reads go on', async () => {
    const { journal, held } = heldJournal();
    const store = new MvccStore({ clock: new ManualClock(), journal, recentBytesMax: Infinity });
    store.start();
    const kept = store.commit({ key: 'a', expected: 0, value });
    await tick();
    held.shift()?.resolve();
    await kept;
    const waiting = [
      store.commit({ key: 'b', expected: 0, value }),
      store.commit({ key: 'b', expected: 0, value }).then(async (lost) => 'settled' in lost ? lost.settled : undefined),
      store.commit({ key: 'c', expected: 0, value }),
    ];
    await tick();
    held.shift()?.reject(new Error('disk full'));
    for (const result of await Promise.allSettled(waiting)) {
      assert.ok(result.status === 'rejected' && result.reason instanceof StoreFailedError);
      assert.equal(result.reason.message, 'the store can no longer write: disk full');
    }
    await assert.rejects(store.commit({ key: 'd', expected: 0, value }), StoreFailedError);
    assert.equal((await store.get('a'))?.modRevision, 2);
    assert.equal(await store.get('b'), undefined);
    await store.close();
  });
});
