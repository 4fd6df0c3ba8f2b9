import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Endpoint } from '../../api/types/discovery-v1.ts';
import { endpointsPerSlice, planSlices } from './slice-plan.ts';

const ports = [{ name: '', port: 80, protocol: 'TCP' }];
const endpoint = (id: number, ready = true): Endpoint => ({ addresses: [`10.0.${id >> 8}.${id & 255}`], conditions: { ready }, targetRef: { uid: `u${id}` } });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => endpoint(from + i));

describe('slice plan', () => {
  test('no endpoints make one empty slice, and keep it', () => {
    const first = planSlices([], []);
    assert.deepEqual(first.create, [{ ports: [], endpoints: [] }]);
    const placeholder = { ports: [], endpoints: [] };
    assert.deepEqual(planSlices([placeholder], []), { create: [], update: [], remove: [], keep: [placeholder] });
  });

  test('at most 100 in a slice; a new endpoint goes where there is room', () => {
    const plan = planSlices([], [{ ports, endpoints: range(0, 250) }]);
    assert.deepEqual(plan.create.map(({ endpoints }) => endpoints.length), [100, 100, 50]);
    const existing = plan.create.map(({ endpoints }) => ({ ports, endpoints }));
    const more = planSlices(existing, [{ ports, endpoints: range(0, 251) }]);
    assert.equal(more.create.length + more.remove.length, 0);
    assert.deepEqual(more.update.map(({ slice }) => slice), [existing[2]]);
    assert.equal(more.keep.length, 2);
  });

  test('a change touches the slice it is in, and no other', () => {
    const existing = [{ ports, endpoints: range(0, 100) }, { ports, endpoints: range(100, 150) }];
    const wanted = [endpoint(0, false), ...range(1, 150)];
    const plan = planSlices(existing, [{ ports, endpoints: wanted }]);
    assert.deepEqual(plan.update.map(({ slice }) => slice), [existing[0]]);
    assert.deepEqual(plan.keep, [existing[1]]);
  });

  test('every wanted endpoint is in exactly one slice, and no slice is too full', () => {
    const ids = fc.uniqueArray(fc.nat(400), { maxLength: 300 });
    fc.assert(
      fc.property(ids, ids, (before, after) => {
        const existing = planSlices([], [{ ports, endpoints: before.map((id) => endpoint(id)) }]).create;
        const plan = planSlices(existing, after.length > 0 ? [{ ports, endpoints: after.map((id) => endpoint(id)) }] : []);
        const slices = [...plan.create, ...plan.update.map(({ group }) => group), ...plan.keep];
        const held = slices.flatMap(({ endpoints }) => endpoints.map(({ targetRef }) => targetRef?.uid));
        assert.deepEqual(held.toSorted(), after.map((id) => `u${id}`).toSorted());
        assert.ok(slices.every(({ endpoints }) => endpoints.length <= endpointsPerSlice));
        assert.equal(plan.update.length + plan.remove.length + plan.keep.length, existing.length);
      }),
      { numRuns: 100 },
    );
  });
});
