import assert from 'node:assert/strict';
import { CompactedError } from '../contract.ts';
import { bytes, type Case, type Rig } from './rig.ts';

/** For stores that outlive their process. */
export const reopenCases: Record<string, Case> = {
  'everything is there after reopening, and revisions go on': async (rig) => {
    const start = (await rig.store.currentRevision()) + 1;
    await rig.put('a', 'one');
    const two = await rig.put('a', 'two');
    await rig.put('b', 'gone');
    const last = await rig.delete('b');
    await reopen(rig);
    assert.equal(await rig.store.currentRevision(), last);
    assert.deepEqual(await rig.listing(), ['a=two']);
    assert.deepEqual(await rig.listing(two + 1), ['a=two', 'b=gone']);
    assert.equal((await rig.store.get(rig.key('a')))?.createRevision, start);
    assert.equal(await rig.put('a', 'three', two), last + 1);
    assert.deepEqual(await rig.events(start, 5), [
      'put a=one',
      'put a=two was=one',
      'put b=gone',
      'delete b was=gone',
      'put a=three was=two',
    ]);
  },

  'a compaction lasts': async (rig) => {
    await rig.put('a', 'one');
    await rig.put('b', 'gone');
    await rig.delete('b');
    const kept = await rig.put('a', 'two');
    await rig.put('a', 'three');
    await rig.store.compact(kept);
    await reopen(rig);
    assert.equal(rig.store.compactedRevision(), kept);
    await assert.rejects(rig.listing(kept - 1), CompactedError);
    assert.deepEqual(await rig.listing(kept), ['a=two']);
    assert.deepEqual(await rig.events(kept + 1, 1), ['put a=three was=two']);
    await rig.put('b', 'back', 0);
    assert.deepEqual(await rig.listing(), ['a=three', 'b=back']);
  },

  'leases last, with their keys': async (rig) => {
    const lease = await rig.store.grantLease(1000);
    await rig.store.commit({ key: rig.key('a'), expected: 0, value: bytes('leased'), lease });
    await rig.put('b', 'free');
    await reopen(rig);
    assert.equal(await rig.store.renewLease(lease), true);
    await rig.store.revokeLease(lease);
    assert.deepEqual(await rig.listing(), ['b=free']);
  },
};

async function reopen(rig: Rig): Promise<void> {
  assert.ok(rig.under.reopen);
  rig.store = await rig.under.reopen();
}
