/** Results, order and errors are upstream's, checked against its 1.36 API server. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../../../api/errors.ts';
import { applyStrategicMerge } from './strategic-merge.ts';

const pod = 'io.k8s.api.core.v1.Pod';
const deployment = 'io.k8s.api.apps.v1.Deployment';
const service = 'io.k8s.api.core.v1.Service';
const role = 'io.k8s.api.rbac.v1.ClusterRole';

type Fields = Record<string, unknown>;
type Case = readonly [what: string, document: unknown, patch: unknown, expected: unknown, type?: string];

const containers = (...items: unknown[]) => ({ spec: { containers: items } });
const abc = containers({ name: 'a' }, { name: 'b' }, { name: 'c' });
const ordered = (names: string, ...items: unknown[]) => ({
  spec: {
    '$setElementOrder/containers': [...names].map((name) => ({ name })),
    ...(items.length > 0 ? { containers: items } : {}),
  },
});
const finalizers = (...items: string[]) => ({ metadata: { finalizers: items } });
const strategy = (fields: Fields) => ({ spec: { strategy: fields } });
const rolling = strategy({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } });
const ports = (...items: Fields[]) => ({ spec: { ports: items } });

const maps: readonly Case[] = [
  [
    'null deletes',
    { metadata: { labels: { a: '1', b: '2' } } },
    { metadata: { labels: { a: null } } },
    { metadata: { labels: { b: '2' } } },
  ],
  ['null for what is not there', {}, { metadata: { labels: null } }, { metadata: {} }],
  [
    'nulls in what is new go',
    {},
    { metadata: { labels: { a: null, b: '1' } } },
    { metadata: { labels: { b: '1' } } },
  ],
  [
    '$patch: replace',
    { metadata: { labels: { a: '1' } } },
    { metadata: { labels: { $patch: 'replace', b: '2' } } },
    { metadata: { labels: { b: '2' } } },
  ],
  [
    '$patch: replace of everything',
    { metadata: { name: 'x' } },
    { $patch: 'replace', spec: {} },
    { spec: {} },
  ],
  [
    '$patch: delete',
    { metadata: { labels: { a: '1' } } },
    { metadata: { labels: { $patch: 'delete' } } },
    { metadata: { labels: {} } },
  ],
  [
    '$patch: delete of what is not there',
    { metadata: {} },
    { metadata: { labels: { $patch: 'delete' } } },
    { metadata: {} },
  ],
  ['a scalar over an object', { spec: { a: 1 } }, { spec: 'x' }, { spec: 'x' }],
  ['null is an empty patch', abc, null, abc],
  [
    '$retainKeys',
    rolling,
    strategy({ $retainKeys: ['type'], type: 'Recreate' }),
    strategy({ type: 'Recreate' }),
    deployment,
  ],
  [
    '$retainKeys lets nulls be',
    rolling,
    strategy({ $retainKeys: ['type'], type: 'Recreate', rollingUpdate: null }),
    strategy({ type: 'Recreate' }),
    deployment,
  ],
  [
    '$retainKeys in an element of a list',
    { spec: { volumes: [{ name: 'v', emptyDir: {} }] } },
    { spec: { volumes: [{ $retainKeys: ['name', 'hostPath'], name: 'v', hostPath: { path: '/x' } }] } },
    { spec: { volumes: [{ name: 'v', hostPath: { path: '/x' } }] } },
  ],
];

const lists: readonly Case[] = [
  [
    'merged by key',
    abc,
    containers({ name: 'b', image: '2' }),
    containers({ name: 'a' }, { name: 'b', image: '2' }, { name: 'c' }),
  ],
  [
    'new elements come first',
    abc,
    containers({ name: 'z' }),
    containers({ name: 'z' }, { name: 'a' }, { name: 'b' }, { name: 'c' }),
  ],
  [
    '... and pull what the patch names after them',
    abc,
    containers({ name: 'z' }, { name: 'b', image: '3' }),
    containers({ name: 'z' }, { name: 'a' }, { name: 'b', image: '3' }, { name: 'c' }),
  ],
  [
    "the patch's order wins",
    abc,
    containers({ name: 'c', image: '2' }, { name: 'a' }),
    containers({ name: 'b' }, { name: 'c', image: '2' }, { name: 'a' }),
  ],
  ['an empty list changes nothing', abc, containers(), abc],
  ['null deletes the list', abc, { spec: { containers: null } }, { spec: {} }],
  [
    '$patch: delete',
    abc,
    containers({ name: 'b', $patch: 'delete' }),
    containers({ name: 'a' }, { name: 'c' }),
  ],
  ['$patch: delete of what is not there', abc, containers({ name: 'z', $patch: 'delete' }), abc],
  ['$patch: replace', abc, containers({ name: 'z' }, { $patch: 'replace' }), containers({ name: 'z' })],
  ['$patch: replace by nothing', abc, containers({ $patch: 'replace' }), containers()],
  [
    'a new list drops elements with a directive',
    { spec: {} },
    containers({ name: 'a' }, { name: 'b', $patch: 'delete' }),
    containers({ name: 'a' }),
  ],
  [
    'lists within elements',
    containers({
      name: 'a',
      env: [
        { name: 'E', value: '1' },
        { name: 'F', value: '2' },
      ],
      args: ['1', '2'],
    }),
    containers({
      name: 'a',
      env: [
        { name: 'E', $patch: 'delete' },
        { name: 'F', value: '3' },
      ],
      args: ['9'],
    }),
    containers({ name: 'a', env: [{ name: 'F', value: '3' }], args: ['9'] }),
  ],
  [
    'keys that are numbers',
    ports({ port: 80, name: 'a' }, { port: 81, name: 'b' }),
    ports({ port: 81, name: 'bb' }),
    ports({ port: 80, name: 'a' }, { port: 81, name: 'bb' }),
    service,
  ],
  [
    'lists without a strategy are replaced',
    { rules: [{ verbs: ['get'] }, { verbs: ['list'] }] },
    { rules: [{ verbs: ['watch'] }] },
    { rules: [{ verbs: ['watch'] }] },
    role,
  ],
  ['sets are united', finalizers('a', 'b'), finalizers('n', 'a'), finalizers('n', 'a', 'b')],
  [
    '$deleteFromPrimitiveList',
    finalizers('a', 'b', 'c'),
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['b'] } },
    finalizers('a', 'c'),
  ],
  [
    '... from what is not there',
    { metadata: {} },
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['b'] } },
    { metadata: {} },
  ],
  [
    '... that is no list',
    finalizers('a'),
    { metadata: { '$deleteFromPrimitiveList/finalizers': 'a' } },
    finalizers('a'),
  ],
];

const orders: readonly Case[] = [
  [
    'all',
    abc,
    ordered('cab', { name: 'c', image: 'x' }),
    containers({ name: 'c', image: 'x' }, { name: 'a' }, { name: 'b' }),
  ],
  ['only the order', abc, ordered('cab'), containers({ name: 'c' }, { name: 'a' }, { name: 'b' })],
  [
    'some',
    abc,
    ordered('ca', { name: 'c', image: 'x' }),
    containers({ name: 'b' }, { name: 'c', image: 'x' }, { name: 'a' }),
  ],
  [
    'a new one in the middle',
    abc,
    ordered('azb', { name: 'z' }),
    containers({ name: 'a' }, { name: 'z' }, { name: 'b' }, { name: 'c' }),
  ],
  ['names that are not there', abc, ordered('qcra'), containers({ name: 'b' }, { name: 'c' }, { name: 'a' })],
  [
    'with a deletion',
    abc,
    ordered('ca', { name: 'b', $patch: 'delete' }),
    containers({ name: 'c' }, { name: 'a' }),
  ],
  [
    'of a list that is new',
    { spec: {} },
    ordered('ba', { name: 'b' }, { name: 'a' }),
    containers({ name: 'b' }, { name: 'a' }),
  ],
  ['of a list that is not there', { spec: {} }, ordered('ba'), { spec: {} }],
  [
    'of scalars',
    finalizers('a', 'b', 'c'),
    { metadata: { '$setElementOrder/finalizers': ['c', 'n', 'a'], finalizers: ['n'] } },
    finalizers('b', 'c', 'n', 'a'),
  ],
  [
    'of scalars, with a deletion',
    finalizers('a', 'b', 'c'),
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['b'], '$setElementOrder/finalizers': ['c', 'a'] } },
    finalizers('c', 'a'),
  ],
];

const noKey = (element: string) => `500 map: ${element} does not contain declared merge key: name`;

const refusals: readonly [what: string, patch: unknown, error: string][] = [
  ['a list', [], '400 json: cannot unmarshal array into Go value of type map[string]interface {}'],
  ['text', 'x', '400 json: cannot unmarshal string into Go value of type map[string]interface {}'],
  [
    'an unknown directive',
    { spec: { $patch: 'foo' } },
    '500 unknown patch type: foo in map: map[$patch:foo]',
  ],
  [
    'a directive that is no text',
    { spec: { $patch: 1 } },
    '500 unknown patch type: %!s(int64=1) in map: map[$patch:1]',
  ],
  [
    'an unknown directive in a list',
    containers({ name: 'a', $patch: 'foo' }),
    '500 unknown patch type: foo in map: map[$patch:foo name:a]',
  ],
  [
    '$patch: merge in a list',
    containers({ name: 'a', $patch: 'merge' }),
    '500 merging lists cannot yet be specified in the patch',
  ],
  ['an element without its key', containers({ image: 'x' }), noKey('map[image:x]')],
  ['a deletion without a key', containers({ $patch: 'delete' }), noKey('map[$patch:delete]')],
  [
    'text among objects',
    containers('x'),
    '500 list element types are not identical: [[map[name:a] map[name:b] map[name:c]] [x]]',
  ],
  ['$retainKeys that is no list', { spec: { $retainKeys: 'a' } }, '400 invalid patch format of retainKeys'],
  ['more than $retainKeys', { spec: { $retainKeys: ['a'], b: 1 } }, '400 invalid patch format of retainKeys'],
  [
    '$setElementOrder that is no list',
    { spec: { '$setElementOrder/containers': 'x' } },
    '500 expected a []interface {}, but received a string',
  ],
  [
    '$setElementOrder without a name',
    { spec: { $setElementOrder: [] } },
    '400 invalid patch format of setElementOrder list',
  ],
  [
    '$deleteFromPrimitiveList without a name',
    { spec: { $deleteFromPrimitiveList: [] } },
    '400 invalid patch format of primitive list',
  ],
  [
    '$setElementOrder without keys',
    { spec: { '$setElementOrder/containers': [{ image: 'q' }] } },
    noKey('map[image:q]'),
  ],
  [
    'elements that $setElementOrder does not name',
    ordered('a', { name: 'z' }),
    "500 The order in patch list:\n[map[name:z]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
  ],
  [
    'elements in another order',
    ordered('ab', { name: 'b' }, { name: 'a' }),
    "500 The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
  ],
];

describe('strategic merge patch', () => {
  for (const [group, cases] of Object.entries({ objects: maps, lists, $setElementOrder: orders }))
    describe(group, () => {
      for (const [what, document, patch, expected, type = pod] of cases)
        test(what, () => {
          const before = JSON.stringify([document, patch]);
          assert.deepEqual(applyStrategicMerge(document, patch, type), expected);
          assert.equal(JSON.stringify([document, patch]), before);
        });
    });

  for (const [what, patch, error] of refusals)
    test(`refuses ${what}`, () => {
      assert.throws(
        () => applyStrategicMerge(abc, patch, pod),
        (thrown) => {
          assert.ok(thrown instanceof ApiError);
          assert.equal(`${thrown.code} ${thrown.message}`, error);
          return true;
        },
      );
    });

  test('what the patch leaves alone is shared', () => {
    const document = { metadata: { labels: {} }, spec: { containers: [{ name: 'a' }, { name: 'b' }] } };
    const patched = applyStrategicMerge(
      document,
      containers({ name: 'a', image: 'x' }),
      pod,
    ) as typeof document;
    assert.equal(patched.metadata, document.metadata);
    assert.equal(patched.spec.containers[1], document.spec.containers[1]);
  });
});
