import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../../api/errors.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMerge } from './strategic-merge.ts';

const pod = 'io.k8s.api.core.v1.Pod';
const deployment = 'io.k8s.api.apps.v1.Deployment';
type Case = readonly [what: string, document: unknown, patch: unknown, expected: unknown];

describe('JSON patch', () => {
  const cases: readonly Case[] = [
    ['add a field', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['add to a list', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    ['append', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['replace', { a: { b: 1 } }, [{ op: 'replace', path: '/a/b', value: 2 }], { a: { b: 2 } }],
    ['remove', { a: 1, b: 2 }, [{ op: 'remove', path: '/a' }], { b: 2 }],
    ['move', { a: { x: 1 }, b: {} }, [{ op: 'move', from: '/a/x', path: '/b/x' }], { a: {}, b: { x: 1 } }],
    ['copy, then change the copy', { a: { x: 1 } }, [{ op: 'copy', from: '/a', path: '/b' }, { op: 'replace', path: '/b/x', value: 2 }], { a: { x: 1 }, b: { x: 2 } }],
    ['test and go on', { a: 1 }, [{ op: 'test', path: '/a', value: 1 }, { op: 'remove', path: '/a' }], {}],
    ['escaped names', { 'a/b': 1, 'c~d': 2 }, [{ op: 'remove', path: '/a~1b' }, { op: 'replace', path: '/c~0d', value: 3 }], { 'c~d': 3 }],
  ];
  for (const [what, document, patch, expected] of cases)
    test(what, () => {
      const before = JSON.stringify(document);
      assert.deepEqual(applyJsonPatch(document, patch), expected);
      assert.equal(JSON.stringify(document), before);
    });
  const refusals: readonly [what: string, document: unknown, patch: unknown, code: number][] = [
    ['no list', {}, {}, 400],
    ['a test that fails', { a: 1 }, [{ op: 'test', path: '/a', value: 2 }], 422],
    ['remove of nothing', {}, [{ op: 'remove', path: '/a' }], 422],
    ['replace of nothing', {}, [{ op: 'replace', path: '/a', value: 1 }], 422],
    ['beyond the end', { a: [] }, [{ op: 'add', path: '/a/1', value: 1 }], 422],
    ['unknown operation', {}, [{ op: 'jump', path: '/a' }], 422],
    ['into itself', { a: {} }, [{ op: 'move', from: '/a', path: '/a/b' }], 422],
    ['too many operations', {}, Array.from({ length: 10_001 }, () => ({ op: 'test', path: '', value: {} })), 413],
  ];
  for (const [what, document, patch, code] of refusals)
    test(`refuses ${what}`, () => {
      assert.throws(() => applyJsonPatch(document, patch), (error: unknown) => error instanceof ApiError && error.code === code);
    });
});

describe('merge patch (the examples of RFC 7386)', () => {
  const cases: readonly Case[] = [
    ['replace', { a: 'b' }, { a: 'c' }, { a: 'c' }],
    ['add', { a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    ['delete', { a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    ['lists are replaced', { a: ['b'] }, { a: 'c' }, { a: 'c' }],
    ['nested', { a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    ['nulls in new objects go', {}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ['a patch that is no object replaces', { a: 'foo' }, 'bar', 'bar'],
  ];
  for (const [what, document, patch, expected] of cases) test(what, () => assert.deepEqual(applyMergePatch(document, patch), expected));
});

const containers = (...items: object[]) => ({ spec: { containers: items } });

describe('strategic merge patch', () => {
  const cases: readonly Case[] = [
    [
      'lists are merged by key',
      containers({ name: 'a', image: '1' }, { name: 'b', image: '1' }),
      containers({ name: 'b', image: '2' }),
      containers({ name: 'a', image: '1' }, { name: 'b', image: '2' }),
    ],
    ['new elements come last', containers({ name: 'a' }), containers({ name: 'b' }), containers({ name: 'a' }, { name: 'b' })],
    ['$patch: delete', containers({ name: 'a' }, { name: 'b' }), containers({ name: 'a', $patch: 'delete' }), containers({ name: 'b' })],
    ['$patch: replace of a list', containers({ name: 'a' }, { name: 'b' }), containers({ name: 'c' }, { $patch: 'replace' }), containers({ name: 'c' })],
    ['$patch: replace of an object', { spec: { a: 1 } }, { spec: { $patch: 'replace', b: 2 } }, { spec: { b: 2 } }],
    [
      '$setElementOrder',
      containers({ name: 'a' }, { name: 'b' }, { name: 'c' }),
      { spec: { '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }], containers: [{ name: 'c', image: 'x' }] } },
      containers({ name: 'b' }, { name: 'c', image: 'x' }, { name: 'a' }),
    ],
    [
      '$deleteFromPrimitiveList',
      { metadata: { finalizers: ['a', 'b', 'c'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['b'] } },
      { metadata: { finalizers: ['a', 'c'] } },
    ],
    ['sets are united', { metadata: { finalizers: ['a'] } }, { metadata: { finalizers: ['b', 'a'] } }, { metadata: { finalizers: ['b', 'a'] } }],
    ['null deletes', { metadata: { labels: { a: '1', b: '2' } } }, { metadata: { labels: { a: null } } }, { metadata: { labels: { b: '2' } } }],
    ['atomic lists are replaced', containers({ name: 'a', args: ['1', '2'] }), containers({ name: 'a', args: ['3'] }), containers({ name: 'a', args: ['3'] })],
  ];
  for (const [what, document, patch, expected] of cases)
    test(what, () => {
      const before = JSON.stringify(document);
      assert.deepEqual(applyStrategicMerge(document, patch, pod), expected);
      assert.equal(JSON.stringify(document), before);
    });
  test('$retainKeys', () => {
    const before = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
    assert.deepEqual(applyStrategicMerge(before, patch, deployment), { spec: { strategy: { type: 'Recreate' } } });
  });
  test('an element without its key is refused', () => {
    assert.throws(() => applyStrategicMerge(containers({ name: 'a' }), containers({ image: 'x' }), pod), /does not contain declared merge key: name/);
  });
});

test('no patch crashes, changes its input or reaches a prototype', () => {
  const key = fc.constantFrom('a', 'spec', 'containers', 'name', '__proto__', 'constructor', '$patch', '$retainKeys', '$setElementOrder/containers', '$deleteFromPrimitiveList/finalizers', 'metadata', 'finalizers');
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: 'small' }, fc.constantFrom(null, 1, 'x', 'delete', 'replace', true), fc.array(tie('value'), { maxLength: 3 }), tie('fields')),
    fields: fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => JSON.parse(`{${entries.map(([name, inner]) => `${JSON.stringify(name)}:${JSON.stringify(inner)}`).join(',')}}`) as unknown),
  }));
  fc.assert(
    fc.property(value, value, (document, patch) => {
      const before = JSON.stringify(document);
      for (const run of [applyJsonPatch, applyMergePatch, (d: unknown, p: unknown) => applyStrategicMerge(d, p, pod)])
        try {
          run(document, patch);
        } catch (error) {
          assert.ok(error instanceof ApiError, String(error));
        }
      assert.equal(JSON.stringify(document), before);
      assert.equal(({} as Record<string, unknown>)['a'], undefined);
    }),
    { numRuns: 500 },
  );
});
