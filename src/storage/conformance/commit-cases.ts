import assert from 'node:assert/strict';
import { StoreClosedError } from '../contract.ts';
import type { KeyValue } from '../contract.ts';
import { bytes, committed, conflicted, textOf, type Case } from './rig.ts';

export const commitCases: Record<string, Case> = {
  'an expected revision of 0 creates, and only once': async (rig) => {
    const revision = await rig.put('a', 'one', 0);
    const { current } = conflicted(
      await rig.store.commit({ key: rig.key('a'), expected: 0, value: bytes('two') }),
    );
    assert.equal(current?.modRevision, revision);
    assert.equal(current.createRevision, revision);
    assert.equal(textOf(current), 'one');
    assert.equal(await rig.text('a'), 'one');
  },

  'an expected revision must be the one that stands': async (rig) => {
    const first = await rig.put('a', 'one', 0);
    const result = committed(
      await rig.store.commit({ key: rig.key('a'), expected: first, value: bytes('two') }),
    );
    assert.equal(result.previous && textOf(result.previous), 'one');
    const { current } = conflicted(
      await rig.store.commit({ key: rig.key('a'), expected: first, value: bytes('three') }),
    );
    assert.equal(current && textOf(current), 'two');
    assert.equal(current?.createRevision, first);
    assert.equal(
      conflicted(await rig.store.commit({ key: rig.key('b'), expected: first, value: bytes('x') })).current,
      undefined,
    );
  },

  'without an expected revision a commit takes whatever is there': async (rig) => {
    assert.equal(
      committed(await rig.store.commit({ key: rig.key('a'), expected: undefined, value: bytes('one') }))
        .previous,
      undefined,
    );
    const second = committed(
      await rig.store.commit({ key: rig.key('a'), expected: undefined, value: bytes('two') }),
    );
    assert.equal(second.previous && textOf(second.previous), 'one');
  },

  'each commit raises the revision by one; a conflict does not': async (rig) => {
    const start = await rig.store.currentRevision();
    assert.ok(start > 0);
    assert.equal(await rig.put('a', '1'), start + 1);
    assert.equal(await rig.put('b', '2'), start + 2);
    conflicted(await rig.store.commit({ key: rig.key('a'), expected: 0, value: bytes('no') }));
    assert.equal(await rig.delete('a'), start + 3);
    assert.equal(await rig.store.currentRevision(), start + 3);
  },

  'a deleted key is gone, and a new one under its name is new': async (rig) => {
    const first = await rig.put('a', 'one');
    conflicted(await rig.store.commit({ key: rig.key('a'), expected: first + 1000, value: undefined }));
    const gone = committed(await rig.store.commit({ key: rig.key('a'), expected: first, value: undefined }));
    assert.equal(gone.previous && textOf(gone.previous), 'one');
    assert.equal(await rig.text('a'), undefined);
    assert.equal(
      conflicted(await rig.store.commit({ key: rig.key('a'), expected: first, value: bytes('x') })).current,
      undefined,
    );
    const again = await rig.put('a', 'two', 0);
    assert.equal((await rig.store.get(rig.key('a')))?.createRevision, again);
  },

  'deleting nothing changes nothing': async (rig) => {
    const before = await rig.store.currentRevision();
    const result = committed(
      await rig.store.commit({ key: rig.key('a'), expected: undefined, value: undefined }),
    );
    assert.equal(result.previous, undefined);
    assert.equal(await rig.store.currentRevision(), before);
  },

  'values: empty, binary, 1 MB, and not shared with the caller': async (rig) => {
    await rig.put('empty', '');
    assert.equal((await rig.store.get(rig.key('empty')))?.value.byteLength, 0);
    const large = Buffer.alloc(1024 * 1024, 'abcdefg');
    await rig.store.commit({ key: rig.key('large'), expected: 0, value: large });
    assert.ok(large.equals((await rig.store.get(rig.key('large')))?.value ?? bytes('')));
    const mine = Buffer.from([0, 255, 128, 10]);
    await rig.store.commit({ key: rig.key('binary'), expected: 0, value: mine });
    mine.fill(7);
    assert.deepEqual([...((await rig.store.get(rig.key('binary')))?.value ?? [])], [0, 255, 128, 10]);
  },

  'of many writers with one expectation exactly one wins': async (rig) => {
    let revision = await rig.put('a', 'start');
    for (let round = 0; round < 20; round++) {
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, writer) =>
          rig.store.commit({ key: rig.key('a'), expected: revision, value: bytes(`${round}/${writer}`) }),
        ),
      );
      const winners = results.filter((result) => result.outcome === 'committed');
      assert.equal(winners.length, 1);
      revision = committed(winners[0] as (typeof results)[0]).revision;
      for (const result of results)
        if (result.outcome === 'conflict') assert.equal(result.current?.modRevision, revision);
    }
  },

  'a commit sees the one before it, though that is still under way': async (rig) => {
    const base = await rig.put('a', 'base');
    const counted = await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let tries = 0; ; tries++) {
          const now = await rig.store.get(rig.key('count'));
          const next = now === undefined ? 1 : Number(textOf(now)) + 1;
          const result = await rig.store.commit({
            key: rig.key('count'),
            expected: now?.modRevision ?? 0,
            value: bytes(String(next)),
          });
          if (result.outcome === 'committed') return next;
          await result.settled;
          const { current } = result;
          if (current) assert.ok(((await rig.store.get(rig.key('count')))?.modRevision ?? 0) >= current.modRevision);
        }
      }),
    );
    assert.deepEqual(
      counted.toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    assert.equal((await rig.store.get(rig.key('a')))?.modRevision, base);
  },

  'who loses can build on what won at once': async (rig) => {
    const count = async () => {
      let now: KeyValue | undefined;
      for (;;) {
        const value = bytes(String(now === undefined ? 1 : Number(textOf(now)) + 1));
        const result = await rig.store.commit({ key: rig.key('count'), expected: now?.modRevision ?? 0, value });
        if (result.outcome === 'committed') return;
        now = result.current;
      }
    };
    await Promise.all(Array.from({ length: 20 }, count));
    const last = await rig.store.get(rig.key('count'));
    assert.equal(last && textOf(last), '20');
  },

  'after close nothing is taken': async (rig) => {
    const last = rig.store.commit({ key: rig.key('a'), expected: 0, value: bytes('last') });
    const closing = rig.store.close();
    committed(await last);
    await closing;
    await assert.rejects(
      rig.store.commit({ key: rig.key('a'), expected: undefined, value: bytes('x') }),
      StoreClosedError,
    );
    await rig.store.close();
  },
};
