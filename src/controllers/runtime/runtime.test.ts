import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/types/core-v1.ts';
import { ManualClock } from '../../client/testing/manual-clock.ts';
import { selectorFromLabels } from '../../api/selectors/label-selector.ts';
import { decideClaims } from './claim.ts';
import { podsToDelete } from './deletion-order.ts';
import { equal } from '../../base/equality.ts';
import { Expectations } from './expectations.ts';
import { slowStart } from './slow-start.ts';
import { templateHash } from './template-hash.ts';

const now = Date.UTC(2026, 0, 2);

describe('expectations', () => {
  test('hold until all was seen, each deletion once, or five minutes have gone', async () => {
    const clock = new ManualClock();
    const expectations = new Expectations(clock);
    assert.ok(expectations.satisfied('a'));
    expectations.expectCreations('a', 2);
    expectations.creationObserved('a');
    assert.ok(!expectations.satisfied('a'));
    expectations.creationObserved('a');
    assert.ok(expectations.satisfied('a'));
    expectations.expectDeletions('a', ['x', 'y']);
    expectations.deletionObserved('a', 'x');
    expectations.deletionObserved('a', 'x');
    assert.ok(!expectations.satisfied('a'));
    await clock.advance(5 * 60_000 + 1);
    assert.ok(expectations.satisfied('a'));
  });
});

describe('slow start', () => {
  test('doubles while all goes well, and stops with the batch that fails', async () => {
    const batches: number[] = [];
    let inFlight = 0;
    const count = async (fail: (index: number) => boolean) => {
      batches.length = 0;
      return slowStart(20, async (index) => {
        inFlight++;
        await Promise.resolve();
        if (inFlight > 0) batches.push(inFlight);
        inFlight = 0;
        if (fail(index)) throw new Error('no');
      });
    };
    assert.deepEqual(await count(() => false), { succeeded: 20, failed: 0, error: undefined });
    assert.deepEqual(batches, [1, 2, 4, 8, 5]);
    const failed = await count((index) => index === 3);
    assert.equal(failed.succeeded, 6);
    assert.equal(failed.failed, 14);
  });
});

describe('deletion order', () => {
  const pod = (name: string, spec: Partial<Pod['spec']>, phase: string, more: { ready?: string; cost?: number; restarts?: number } = {}): Pod => ({
    metadata: { name, uid: name, creationTimestamp: '2026-01-01T00:00:00Z', ...(more.cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': String(more.cost) } }) },
    spec: { containers: [], ...spec },
    status: {
      phase,
      conditions: more.ready ? [{ type: 'Ready', status: 'True', lastTransitionTime: more.ready }] : [],
      containerStatuses: [{ name: 'c', ready: true, restartCount: more.restarts ?? 0, image: '', imageID: '' }],
    },
  });
  test('what serves least goes first', () => {
    const on = { nodeName: 'n1' };
    const ready = '2026-01-01T00:00:00Z';
    const ordered = [
      pod('unassigned', {}, 'Pending'),
      pod('pending', on, 'Pending'),
      pod('not-ready', on, 'Running'),
      pod('cheap', { nodeName: 'n2' }, 'Running', { ready, cost: -5 }),
      pod('crowded', on, 'Running', { ready }),
      pod('young', { nodeName: 'n3' }, 'Running', { ready: '2026-01-01T23:59:00Z' }),
      pod('restarting', { nodeName: 'n4' }, 'Running', { ready, restarts: 3 }),
      pod('steady', { nodeName: 'n5' }, 'Running', { ready }),
    ];
    const shuffled = ordered.toSorted((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
    for (let count = 1; count < ordered.length; count++) {
      const names = podsToDelete(shuffled, shuffled, count, now).map(({ metadata }) => metadata.name);
      assert.deepEqual(names, ordered.slice(0, count).map(({ metadata }) => metadata.name));
    }
  });
});

describe('claims', () => {
  const owner = { apiVersion: 'v1', kind: 'X', metadata: { name: 'x', uid: 'x' } };
  const object = (name: string, controller: string | undefined, app: string) => ({
    metadata: { name, labels: { app }, ownerReferences: controller ? [{ apiVersion: 'v1', kind: 'X', name: controller, uid: controller, controller: true }] : [] },
  });
  test('what matches stays or is adopted, what does not is released, what is another’s is left', () => {
    const objects = [object('mine', 'x', 'a'), object('strayed', 'x', 'b'), object('orphan', undefined, 'a'), object('stranger', undefined, 'b'), object('theirs', 'y', 'a')];
    const names = (list: typeof objects) => list.map(({ metadata }) => metadata.name);
    const selector = selectorFromLabels({ app: 'a' });
    const { owned, adopt, release } = decideClaims(owner, selector, objects);
    assert.deepEqual([names(owned), names(adopt), names(release)], [['mine'], ['orphan'], ['strayed']]);
    const leaving = { ...owner, metadata: { ...owner.metadata, deletionTimestamp: 'now' } };
    assert.deepEqual(decideClaims(leaving, selector, objects).adopt, []);
  });
});

describe('values', () => {
  test('undefined fields equal absent ones, and the hash does not see the order of fields', () => {
    assert.ok(equal({ a: 1, b: undefined }, { a: 1 }));
    assert.ok(!equal({ a: [1, 2] }, { a: [2, 1] }));
    assert.equal(templateHash({ a: 1, b: { c: 2, d: undefined } }), templateHash({ b: { c: 2 }, a: 1 }));
    assert.notEqual(templateHash({ a: 1 }), templateHash({ a: 1 }, 1));
  });
});
