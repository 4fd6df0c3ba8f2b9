import { test } from 'node:test';
import assert from 'node:assert/strict';
import { feasibleNodesToFind } from './schedule-one.ts';
import { Core, makeNode, makePod } from './testing/fixtures.ts';

test('how many nodes are enough, as upstream counts', () => {
  const rows: readonly [nodes: number, percentage: number, enough: number][] = [
    [10, 0, 10],
    [99, 0, 99],
    [100, 0, 100],
    [1000, 0, 420],
    [5000, 0, 500],
    [6000, 0, 300],
    [10_000, 0, 500],
    [1000, 40, 400],
    [150, 10, 100],
  ];
  for (const [nodes, percentage, enough] of rows) assert.equal(feasibleNodesToFind(nodes, percentage), enough);
});

test('of equals any is chosen', () => {
  const core = new Core().nodes(...Array.from({ length: 5 }, (_, index) => makeNode(`n${index}`)));
  const pod = makePod('p');
  const chosen = new Set(Array.from({ length: 100 }, () => {
    const result = core.try(pod);
    return result.kind === 'placed' ? result.node.name : result.kind;
  }));
  assert.equal(chosen.size, 5);
});

test('on a large cluster only a part is searched, beginning where the last search ended', () => {
  const core = new Core().nodes(...Array.from({ length: 1000 }, (_, index) => makeNode(`n${index}`)));
  const first = core.try(makePod('p'));
  assert.ok(first.kind === 'placed');
  assert.equal(first.evaluated, 420);
  const number = (result: typeof first) => Number(result.node.name.slice(1));
  assert.ok(number(first) < 420);
  const second = core.try(makePod('p'));
  assert.ok(second.kind === 'placed' && number(second) >= 420 && number(second) < 840);
});

test('nodes come in turn from each zone', () => {
  const core = new Core();
  for (let i = 0; i < 9; i++) core.nodes(makeNode(`n${i}`, { labels: { 'topology.kubernetes.io/zone': `z${Math.floor(i / 3)}` } }));
  const zones = [...core.snapshot.order].map((slot) => core.snapshot.at(slot).labels['topology.kubernetes.io/zone']);
  assert.deepEqual(zones, ['z0', 'z1', 'z2', 'z0', 'z1', 'z2', 'z0', 'z1', 'z2']);
});

test('a node that comes back under its name, and new kinds of resources, keep amounts right', () => {
  const core = new Core().nodes(makeNode('a'));
  const info = core.run('a', makePod('p', { requests: { cpu: '8' } }));
  core.snapshot.removeNode('a');
  assert.equal(core.place(makePod('q')), 'no nodes');
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`example.com/r${index}`, '2']));
  core.nodes(makeNode('a', { allocatable: many }));
  assert.match(core.place(makePod('q', { requests: { cpu: '1' } })), /Insufficient cpu/);
  core.snapshot.removePod(info, 'a');
  assert.equal(core.place(makePod('q', { requests: { cpu: '8', ...many } })), 'a');
  assert.match(core.place(makePod('q', { requests: { 'example.com/r19': '1' } })), /1 Insufficient example.com\/r19\./);
});
