import assert from 'node:assert/strict';
import { CompactedError, FutureRevisionError } from '../contract.ts';
import { bytes, textOf, type Case } from './rig.ts';

export const readCases: Record<string, Case> = {
  'a range is in byte order and ends before its end': async (rig) => {
    for (const name of ['b', 'a/b', 'a', 'a-b', 'é', 'B', '\uffee', 'z', 'a0']) await rig.put(name, name);
    const names = (await rig.listing()).map((line) => line.split('=')[0]);
    assert.deepEqual(names, ['B', 'a', 'a-b', 'a/b', 'a0', 'b', 'z', 'é', '\uffee']);
    const part = await rig.store.range({ from: rig.key('a-b'), to: rig.key('b') });
    assert.deepEqual(
      part.items.map((item) => textOf(item)),
      ['a-b', 'a/b', 'a0'],
    );
    assert.equal((await rig.store.range({ from: rig.key('z'), to: rig.key('a') })).count, 0);
  },

  'the past stays readable': async (rig) => {
    const start = await rig.store.currentRevision();
    const created = await rig.put('a', 'one');
    const changed = await rig.put('a', 'two');
    await rig.put('b', 'three');
    const deleted = await rig.delete('a');
    assert.equal(await rig.text('a', start), undefined);
    assert.equal(await rig.text('a', created), 'one');
    assert.equal(await rig.text('a', changed), 'two');
    assert.equal(await rig.text('a', deleted), undefined);
    assert.deepEqual(await rig.listing(start), []);
    assert.deepEqual(await rig.listing(changed), ['a=two']);
    assert.deepEqual(await rig.listing(deleted - 1), ['a=two', 'b=three']);
    assert.deepEqual(await rig.listing(), ['b=three']);
    assert.equal((await rig.store.range({ ...rig.all, revision: created })).revision, deleted);
  },

  'the future is not': async (rig) => {
    const revision = await rig.put('a', 'one');
    await assert.rejects(rig.store.get(rig.key('a'), { revision: revision + 5 }), FutureRevisionError);
    await assert.rejects(rig.store.range({ ...rig.all, revision: revision + 5 }), FutureRevisionError);
  },

  'pages of one revision fit together while writes go on': async (rig) => {
    for (let n = 0; n < 50; n++) await rig.put(`k${String(n).padStart(3, '0')}`, String(n));
    const before = await rig.listing();
    let writing = true;
    const writer = (async () => {
      for (let n = 0; writing; n++) {
        await rig.put(`k${String((n * 7) % 60).padStart(3, '0')}`, `new ${n}`);
        if (n % 3 === 0) await rig.delete(`k${String((n * 11) % 60).padStart(3, '0')}`);
      }
    })();
    const seen: string[] = [];
    let from = rig.all.from;
    const first = await rig.store.range({
      ...rig.all,
      limit: 7,
      revision: await rig.store.currentRevision(),
    });
    const { revision } = first;
    const expected = await rig.listing(revision);
    for (;;) {
      const page = await rig.store.range({ from, to: rig.all.to, limit: 7, revision });
      assert.equal(page.count, expected.length - seen.length);
      assert.equal(page.more, page.count > page.items.length);
      for (const item of page.items) seen.push(`${item.key.slice(rig.root.length)}=${textOf(item)}`);
      if (!page.more) break;
      from = `${page.items.at(-1)?.key}\0`;
    }
    writing = false;
    await writer;
    assert.deepEqual(seen, expected);
    assert.ok(before.length === 50);
  },

  'compaction forgets the past and keeps the present': async (rig) => {
    const one = await rig.put('a', 'one');
    const two = await rig.put('a', 'two');
    await rig.put('b', 'gone');
    await rig.delete('b');
    const kept = await rig.put('c', 'kept');
    await rig.put('a', 'three');
    await rig.store.compact(kept);
    assert.equal(rig.store.compactedRevision(), kept);
    await assert.rejects(rig.store.get(rig.key('a'), { revision: one }), CompactedError);
    await assert.rejects(rig.store.range({ ...rig.all, revision: kept - 1 }), (error) => {
      assert.ok(error instanceof CompactedError);
      assert.equal(error.compactedRevision, kept);
      return true;
    });
    assert.deepEqual(await rig.listing(kept), ['a=two', 'c=kept']);
    assert.equal((await rig.store.get(rig.key('a'), { revision: kept }))?.modRevision, two);
    assert.deepEqual(await rig.listing(), ['a=three', 'c=kept']);
    await assert.rejects(rig.store.compact(kept - 1), CompactedError);
    await assert.rejects(rig.store.compact(kept + 1000), FutureRevisionError);
    // A key that compaction has removed altogether can come again.
    const again = await rig.put('b', 'back', 0);
    assert.equal((await rig.store.get(rig.key('b')))?.createRevision, again);
  },

  'compaction goes on beside writers': async (rig) => {
    const wanted = new Map<string, string>();
    let writing = true;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let n = 0; writing; n++) {
        const name = `w${writer}-${n % 25}`;
        if (n % 10 === 9) {
          await rig.delete(name);
          wanted.delete(name);
        } else {
          await rig.put(name, `${n}`);
          wanted.set(name, `${n}`);
        }
      }
    });
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 50; n++) await rig.put('tick', String(round));
      wanted.set('tick', String(round));
      await rig.store.compact(await rig.store.currentRevision());
    }
    writing = false;
    await Promise.all(writers);
    assert.deepEqual(
      (await rig.listing()).sort(),
      [...wanted].map(([name, text]) => `${name}=${text}`).sort(),
    );
  },

  'very many keys': async (rig) => {
    const total = rig.manyKeys;
    const value = bytes('x'.repeat(100));
    let next = 0;
    const writers = Array.from({ length: 500 }, async () => {
      while (next < total) {
        const n = (next++ * 7919) % total;
        const result = await rig.store.commit({
          key: rig.key(`k${String(n).padStart(6, '0')}`),
          expected: 0,
          value,
        });
        assert.equal(result.outcome, 'committed');
      }
    });
    await Promise.all(writers);
    let seen = 0;
    let from = rig.all.from;
    for (let more = true; more;) {
      const page = await rig.store.range({ from, to: rig.all.to, limit: 10_000 });
      assert.equal(page.count, total - seen);
      for (const item of page.items) assert.equal(item.key, rig.key(`k${String(seen++).padStart(6, '0')}`));
      more = page.more;
      from = `${page.items.at(-1)?.key}\0`;
    }
    assert.equal(seen, total);
    assert.equal(
      (await rig.store.range({ from: rig.key('k0010'), to: rig.key('k0011'), limit: 3 })).count,
      100,
    );
  },
};
