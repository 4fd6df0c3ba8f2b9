import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareObjects } from './compare.ts';
import { fieldsOfConfiguration } from './configuration.ts';
import { structPlan } from './field-plan.ts';
import { fieldsOfNew } from './fields-text.ts';
import { inOrder, leaf } from './field-set.ts';
import { mergeConfiguration } from './merge.ts';
import { unowned } from './reset-fields.ts';

const pod = structPlan('io.k8s.api.core.v1.Pod');
const configMap = structPlan('io.k8s.api.core.v1.ConfigMap');
const withContainers = (...containers: object[]) => ({ metadata: {}, spec: { containers }, status: {} });
const inWeb = (fields: object) => ({ 'f:spec': { 'f:containers': { 'k:{"name":"web"}': fields } } });

interface Case {
  readonly name: string;
  readonly old: object;
  readonly now: object;
  readonly changed?: object;
  readonly removed?: object;
}

const podCases: Case[] = [
  { name: 'nothing', old: withContainers({ name: 'web', image: 'a', env: [{ name: 'A', value: '1' }] }), now: withContainers({ name: 'web', image: 'a', env: [{ name: 'A', value: '1' }] }) },
  { name: 'a value', old: withContainers({ name: 'web', image: 'a' }), now: withContainers({ name: 'web', image: 'b' }), changed: inWeb({ 'f:image': {} }) },
  { name: 'items that only move', old: withContainers({ name: 'web' }, { name: 'side' }), now: withContainers({ name: 'side' }, { name: 'web' }) },
  {
    name: 'a new item is owned with all it has',
    old: withContainers({ name: 'web', env: [{ name: 'A', value: '1' }] }),
    now: withContainers({ name: 'web', env: [{ name: 'A', value: '1' }, { name: 'B', valueFrom: { fieldRef: { fieldPath: 'x' } } }] }),
    changed: inWeb({ 'f:env': { 'k:{"name":"B"}': { '.': {}, 'f:name': {}, 'f:valueFrom': { '.': {}, 'f:fieldRef': {} } } } }),
  },
  {
    name: 'a list that was not there is itself new',
    old: withContainers({ name: 'web' }),
    now: withContainers({ name: 'web', ports: [{ containerPort: 443, protocol: 'TCP' }, { containerPort: 80, protocol: 'TCP' }] }),
    changed: inWeb({ 'f:ports': { '.': {}, 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} }, 'k:{"containerPort":443,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} } } }),
  },
  { name: 'an atomic list changes as one', old: withContainers({ name: 'web', command: ['a', 'b'] }), now: withContainers({ name: 'web', command: ['a'] }), changed: inWeb({ 'f:command': {} }) },
  { name: 'an atomic map too', old: { spec: { nodeSelector: { a: '1' } } }, now: { spec: { nodeSelector: { a: '1', b: '2' } } }, changed: { 'f:spec': { 'f:nodeSelector': {} } } },
  {
    name: 'an item goes with all it had',
    old: withContainers({ name: 'web' }, { name: 'side', image: 's' }),
    now: withContainers({ name: 'web' }),
    removed: { 'f:spec': { 'f:containers': { 'k:{"name":"side"}': { '.': {}, 'f:image': {}, 'f:name': {}, 'f:resources': {} } } } },
  },
  {
    name: 'items of one key change as one',
    old: withContainers({ name: 'web', env: [{ name: 'A', value: '1' }, { name: 'A', value: '2' }] }),
    now: withContainers({ name: 'web', env: [{ name: 'A', value: '1' }, { name: 'A', value: '3' }] }),
    changed: inWeb({ 'f:env': { 'k:{"name":"A"}': {} } }),
  },
  {
    name: 'a second item of a key takes the place of the fields of the first',
    old: withContainers({ name: 'web', env: [{ name: 'A', value: '1' }] }),
    now: withContainers({ name: 'web', env: [{ name: 'A', value: '1' }, { name: 'A', value: '2' }] }),
    changed: inWeb({ 'f:env': { 'k:{"name":"A"}': {} } }),
    removed: inWeb({ 'f:env': { 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } } }),
  },
  {
    name: 'a condition has a probe time, which is null',
    old: { status: {} },
    now: { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
    changed: { 'f:status': { 'f:conditions': { '.': {}, 'k:{"type":"Ready"}': { '.': {}, 'f:lastProbeTime': {}, 'f:lastTransitionTime': {}, 'f:status': {}, 'f:type': {} } } } },
  },
  { name: 'what is empty anyway is no change', old: {}, now: { metadata: {}, spec: { containers: [] }, status: {} } },
];

const mapCases: Case[] = [
  { name: 'a map that was not there', old: { metadata: {} }, now: { metadata: {}, data: { a: '1' } }, changed: { 'f:data': { '.': {}, 'f:a': {} } } },
  { name: 'a key of a map', old: { data: { a: '1', b: '2' } }, now: { data: { a: 'x', c: '3' } }, changed: { 'f:data': { 'f:a': {}, 'f:c': {} } }, removed: { 'f:data': { 'f:b': {} } } },
  { name: 'all of a map', old: { data: { a: '1' } }, now: {}, removed: { 'f:data': { '.': {}, 'f:a': {} } } },
  { name: 'items of a set', old: { metadata: { finalizers: ['a', 'b'] } }, now: { metadata: { finalizers: ['b', 'c'] } }, changed: { 'f:metadata': { 'f:finalizers': { 'v:"c"': {} } } }, removed: { 'f:metadata': { 'f:finalizers': { 'v:"a"': {} } } } },
];

describe('what differs between two states', () => {
  for (const [plan, cases] of [[pod, podCases], [configMap, mapCases]] as const)
    for (const { name, old, now, changed, removed } of cases)
      test(name, () => {
        const found = compareObjects(old as Record<string, unknown>, now as Record<string, unknown>, plan);
        assert.deepEqual([found.changed && inOrder(found.changed), found.removed && inOrder(found.removed)], [changed, removed]);
      });

  test('what is ignored is passed over, with all below it', () => {
    const ignored = { 'f:spec': leaf, 'f:status': { 'f:conditions': leaf } };
    const found = compareObjects({ spec: {}, status: {} }, { spec: { nodeName: 'x' }, status: { phase: 'Running', conditions: [{ type: 'Ready' }] } }, pod, ignored);
    assert.deepEqual(found, { changed: { 'f:status': { 'f:phase': {} } }, removed: undefined });
  });

  test('the text of a new object says what a comparison with nothing says', () => {
    for (const { now } of [...podCases, ...mapCases]) {
      for (const plan of [pod, configMap]) {
        const object = { apiVersion: 'v1', kind: 'X', metadata: { name: 'n', uid: 'u' }, ...now } as Record<string, unknown>;
        const { changed } = compareObjects({}, object, plan, unowned);
        assert.equal(fieldsOfNew(object, plan, unowned), changed ? JSON.stringify(inOrder(changed)) : '');
      }
    }
  });
});

describe('configurations', () => {
  test('own what they say, and the items they name', () => {
    const configuration = { metadata: { name: 'x', labels: { a: '1' }, annotations: {} }, spec: { containers: [{ name: 'web', ports: [{ containerPort: 80 }] }], nodeSelector: { a: 'b' } } };
    assert.deepEqual(fieldsOfConfiguration(configuration, pod), {
      'f:metadata': { 'f:annotations': {}, 'f:labels': { 'f:a': {} }, 'f:name': {} },
      'f:spec': { 'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:name': {}, 'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } } } }, 'f:nodeSelector': {} },
    });
  });

  const orders: [live: string, applied: string, merged: string][] = [
    ['a b c', 'b', 'a b c'],
    ['a b c', 'c a', 'b c a'],
    ['a b c', 'x b y', 'a x b c y'],
    ['', 'b a', 'b a'],
    ['a b', '', 'a b'],
    ['a b c d', 'd b', 'a c d b'],
  ];
  for (const [live, applied, merged] of orders)
    test(`items of "${live}" with "${applied}" applied`, () => {
      const containers = (names: string) => ({ spec: { containers: names.split(' ').filter(Boolean).map((name) => ({ name })) } });
      assert.deepEqual(mergeConfiguration(containers(live), containers(applied), pod), live + applied === '' ? {} : containers(merged));
    });

  test('merge in parts, but for what is atomic', () => {
    assert.deepEqual(
      mergeConfiguration({ metadata: { labels: { a: '1' } }, spec: { nodeSelector: { a: '1' }, dnsPolicy: 'Default' } }, { metadata: { labels: { b: '2' } }, spec: { nodeSelector: { b: '2' } } }, pod),
      { metadata: { labels: { a: '1', b: '2' } }, spec: { nodeSelector: { b: '2' }, dnsPolicy: 'Default' } },
    );
  });
});
