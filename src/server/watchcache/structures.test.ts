import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../base/clock.ts';
import { Arena, ArenaItem, ArenaSpace } from './arena.ts';
import { CacheEntry } from './cache-entry.ts';
import { Delivery } from './delivery.ts';
import { DerivedEncodings } from './derived-encodings.ts';
import { OrderedIndex, type IndexSnapshot } from './ordered-index.ts';

const encodings = new DerivedEncodings(1000);
const entryOf = (key: string, revision: number) =>
  new CacheEntry(
    { key, namespace: '', modRevision: revision, createRevision: revision, labels: undefined, fields: [] },
    encodings,
    new Arena(new Uint8Array(0)),
    0,
    0,
  );

describe('ordered index', () => {
  const contents = (snapshot: IndexSnapshot, from = '', to = '') =>
    [...snapshot.runs(from, to)].flat().map(({ key, modRevision }) => `${key}@${modRevision}`);

  test('is in order, and snapshots do not change', () => {
    const key = fc.integer({ min: 0, max: 1500 }).map((n) => String(n).padStart(4, '0'));
    const change = fc.record({ key, put: fc.boolean(), snapshot: fc.integer({ min: 0, max: 40 }) });
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(change, { maxLength: 600, size: 'max' }),
        key,
        key,
        (loaded, changes, one, other) => {
          const index = new OrderedIndex();
          const model = new Map<string, number>();
          const put = (key: string, revision: number) => {
            index.set(entryOf(key, revision));
            model.set(key, revision);
          };
          if (loaded) for (let n = 0; n < 1500; n += 2) put(String(n).padStart(4, '0'), 0);
          const expected = (from = '', to = '') =>
            [...model]
              .filter(([key]) => key >= from && (to === '' || key < to))
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, revision]) => `${key}@${revision}`);
          const taken: [IndexSnapshot, string[]][] = [];
          changes.forEach((change, at) => {
            if (change.put) put(change.key, at + 1);
            else {
              index.delete(change.key);
              model.delete(change.key);
            }
            if (change.snapshot === 0) taken.push([index.snapshot(), expected()]);
          });
          for (const [snapshot, then] of taken) assert.deepEqual(contents(snapshot), then);
          const now = index.snapshot();
          assert.deepEqual(contents(now), expected());
          assert.equal(now.size, model.size);
          const [from, to] = one < other ? [one, other] : [other, one];
          assert.deepEqual(contents(now, from, to), expected(from, to));
          assert.equal(now.count(from, to), expected(from, to).length);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('arenas', () => {
  test('emptying sparse ones keeps what is live, and views of what was moved', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ size: fc.integer({ min: 1, max: 300 }), release: fc.nat(400), step: fc.boolean() }),
          { maxLength: 400, size: 'max' },
        ),
        (steps) => {
          const space = new ArenaSpace(1000);
          const live: { item: ArenaItem; fill: number; view: Uint8Array }[] = [];
          steps.forEach(({ size, release, step }, at) => {
            const arena = space.reserve(size);
            const item = new ArenaItem(arena, arena.used, size);
            item.bytes.fill(at & 255);
            space.adopt(item);
            space.hold(item);
            live.push({ item, fill: at & 255, view: item.bytes });
            const victim = live[release];
            if (victim && release !== live.length - 1) {
              space.release(victim.item);
              live.splice(release, 1);
            }
            if (step) space.compactStep(500);
          });
          while (space.compactStep(1000));
          for (const { item, fill, view } of live) {
            assert.ok(item.bytes.every((byte) => byte === fill));
            assert.ok(view.every((byte) => byte === fill));
          }
          const liveBytes = live.reduce((sum, { item }) => sum + item.length, 0);
          assert.equal(space.liveBytes, liveBytes);
          assert.ok(space.capacityBytes <= 2 * liveBytes + 2000, `${space.capacityBytes} for ${liveBytes}`);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('derived encodings', () => {
  test('are made once, shared, and forgotten when there are too many', () => {
    let made = 0;
    const make = () => (made++, new Uint8Array(300));
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((key) => entryOf(key, 1)) as [
      CacheEntry,
      CacheEntry,
      CacheEntry,
      CacheEntry,
    ];
    const first = a.derived('proto', make);
    assert.equal(a.derived('proto', make), first);
    assert.notEqual(a.derived('table', make), first);
    b.derived('proto', make);
    assert.equal(made, 3);
    // `a` as proto has been asked for again and survives; the others make room.
    c.derived('proto', make);
    d.derived('proto', make);
    assert.ok(encodings.bytes <= 1000);
    assert.equal(a.derived('proto', make), first);
    encodings.drop(a);
    assert.notEqual(a.derived('proto', make), first);
  });
});

describe('delivery', () => {
  test('serves a crowd in slices, each once a turn', async () => {
    const clock = systemClock();
    const delivery = new Delivery(clock, { whenGathered: (callback) => void setImmediate(callback) }, 1);
    const served: number[] = [];
    const spin = () => {
      const until = clock.monotonic() + 0.2;
      while (clock.monotonic() < until);
    };
    const items = Array.from({ length: 40 }, (_, index) => ({
      queued: false,
      deliver: () => (spin(), served.push(index), false),
    }));
    for (const item of items) {
      delivery.request(item);
      delivery.request(item);
    }
    assert.equal(served.length, 0);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(served.length < 40, 'all in one turn');
    while (served.length < 40) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      served,
      items.map((_, index) => index),
    );
  });
});
