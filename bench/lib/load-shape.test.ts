import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupsOf, scaledSize, workloadsOf } from './load-shape.ts';

const counts = (pods: number) => groupsOf(pods).map(({ count }) => count);
const total = (groups: readonly { size: number; count: number }[]) => groups.reduce((sum, { size, count }) => sum + size * count, 0);

test('the groups of 1.2', () => {
  assert.deepEqual(counts(3000), [3, 25, 300]);
  assert.deepEqual(counts(30_000), [30, 250, 3000]);
  assert.deepEqual(counts(600), [0, 6, 84]);
  assert.equal(total(groupsOf(3000)), 3000);
  assert.equal(total(groupsOf(600)), 600);
});

test('the workloads of one namespace of 100 nodes', () => {
  assert.deepEqual(
    workloadsOf(3000).map(({ kind, name, count }) => `${count} ${name} ${kind}`),
    ['2 big Deployment', '1 big Job', '23 medium Deployment', '1 medium StatefulSet', '1 medium Job', '298 small Deployment', '1 small StatefulSet', '1 small Job'],
  );
  assert.equal(total(workloadsOf(3000)), 3000);
  assert.deepEqual(workloadsOf(10).map(({ kind, count }) => `${count} ${kind}`), ['1 Deployment']);
});

test('a group is scaled to between half and one and a half of its size', () => {
  assert.equal(scaledSize(250, 0), 125);
  assert.equal(scaledSize(250, 0.999), 374);
  assert.equal(scaledSize(5, 0.5), 4);
});
