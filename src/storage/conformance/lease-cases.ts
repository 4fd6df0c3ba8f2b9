import assert from 'node:assert/strict';
import { setTimeout as realTime } from 'node:timers/promises';
import { LeaseNotFoundError } from '../errors.ts';
import { bytes, type Case, type Rig } from './rig.ts';

export const leaseCases: Record<string, Case> = {
  'keys go when their lease runs out': async (rig) => {
    const lease = await rig.store.grantLease(2);
    const start = (await rig.store.currentRevision()) + 1;
    await putWith(rig, 'a', lease);
    await putWith(rig, 'b', lease);
    await rig.put('c', 'stays');
    await rig.under.advance(1000);
    assert.deepEqual(await rig.listing(), ['a=a', 'b=b', 'c=stays']);
    await rig.under.advance(2000);
    await until(async () => (await rig.listing()).length === 1);
    assert.deepEqual(await rig.listing(), ['c=stays']);
    const events = await rig.events(start, 5);
    assert.deepEqual(events.slice(3).sort(), ['delete a was=a', 'delete b was=b']);
    assert.equal(await rig.store.renewLease(lease), false);
  },

  'a renewed lease lives on': async (rig) => {
    const lease = await rig.store.grantLease(3);
    await putWith(rig, 'a', lease);
    for (let n = 0; n < 3; n++) {
      await rig.under.advance(1500);
      assert.equal(await rig.store.renewLease(lease), true);
    }
    assert.deepEqual(await rig.listing(), ['a=a']);
    await rig.under.advance(4000);
    await until(async () => (await rig.listing()).length === 0);
  },

  'revoking deletes at once; a key put without the lease has left it': async (rig) => {
    const lease = await rig.store.grantLease(1000);
    const other = await rig.store.grantLease(1000);
    for (const name of ['a', 'b', 'c']) await putWith(rig, name, lease);
    await rig.put('b', 'free');
    await putWith(rig, 'c', other);
    await rig.store.revokeLease(lease);
    assert.deepEqual(await rig.listing(), ['b=free', 'c=c']);
    await assert.rejects(rig.store.revokeLease(lease), LeaseNotFoundError);
    await assert.rejects(putWith(rig, 'd', lease), LeaseNotFoundError);
    await rig.store.revokeLease(other);
    assert.deepEqual(await rig.listing(), ['b=free']);
  },

  'a lease of very many keys': async (rig) => {
    const lease = await rig.store.grantLease(1000);
    const start = (await rig.store.currentRevision()) + 1;
    const total = 2500;
    await Promise.all(Array.from({ length: total }, (_, n) => putWith(rig, `k${n}`, lease)));
    const watched = rig.events(start, 2 * total);
    await rig.store.revokeLease(lease);
    assert.deepEqual(await rig.listing(), []);
    assert.equal((await watched).filter((event) => event.startsWith('delete')).length, total);
  },
};

async function putWith(rig: Rig, name: string, lease: string): Promise<void> {
  const result = await rig.store.commit({
    key: rig.key(name),
    expected: undefined,
    value: bytes(name),
    lease,
  });
  assert.equal(result.outcome, 'committed');
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return;
    await realTime(25);
  }
  assert.fail('it never came true');
}
