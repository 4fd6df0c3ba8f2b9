import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../../../api/errors.ts';
import { applyJsonPatch } from './json-patch.ts';

type Operation = Readonly<Record<string, unknown>>;
const list = { a: ['x', 'y', 'z'] };

/** What upstream's API server answered to each, where the RFC leaves room. */
const applied: readonly [what: string, document: unknown, patch: readonly Operation[], expected: unknown][] =
  [
    ['add a field', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['add over a field', { a: 1 }, [{ op: 'add', path: '/a', value: 2 }], { a: 2 }],
    ['add without a value adds null', {}, [{ op: 'add', path: '/a' }], { a: null }],
    ['add to a list', list, [{ op: 'add', path: '/a/1', value: 'n' }], { a: ['x', 'n', 'y', 'z'] }],
    ['append', list, [{ op: 'add', path: '/a/-', value: 'n' }], { a: ['x', 'y', 'z', 'n'] }],
    ['append by index', list, [{ op: 'add', path: '/a/3', value: 'n' }], { a: ['x', 'y', 'z', 'n'] }],
    [
      'a negative index counts from the end',
      list,
      [{ op: 'add', path: '/a/-1', value: 'n' }],
      { a: ['x', 'y', 'z', 'n'] },
    ],
    ['... and for remove', list, [{ op: 'remove', path: '/a/-1' }], { a: ['x', 'y'] }],
    ['leading zeros', list, [{ op: 'replace', path: '/a/01', value: 'n' }], { a: ['x', 'n', 'z'] }],
    ['replace', { a: { b: 1 } }, [{ op: 'replace', path: '/a/b', value: 2 }], { a: { b: 2 } }],
    [
      'replace of a missing field adds it',
      { a: {} },
      [{ op: 'replace', path: '/a/b', value: 2 }],
      { a: { b: 2 } },
    ],
    ['replace of everything', { a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }], { b: 2 }],
    ['remove', { a: 1, b: 2 }, [{ op: 'remove', path: '/a' }], { b: 2 }],
    ['move', { a: { x: 1 }, b: {} }, [{ op: 'move', from: '/a/x', path: '/b/x' }], { a: {}, b: { x: 1 } }],
    ['move within a list', list, [{ op: 'move', from: '/a/0', path: '/a/2' }], { a: ['y', 'z', 'x'] }],
    [
      'copy, then change the copy',
      { a: { x: 1 } },
      [
        { op: 'copy', from: '/a', path: '/b' },
        { op: 'replace', path: '/b/x', value: 2 },
      ],
      { a: { x: 1 }, b: { x: 2 } },
    ],
    [
      'change, copy, then change the original',
      { a: { x: { y: 1 } } },
      [
        { op: 'replace', path: '/a/x/y', value: 2 },
        { op: 'copy', from: '/a', path: '/b' },
        { op: 'replace', path: '/a/x/y', value: 3 },
      ],
      { a: { x: { y: 3 } }, b: { x: { y: 2 } } },
    ],
    [
      'a missing field copies as null',
      { a: {} },
      [{ op: 'copy', from: '/a/b', path: '/c' }],
      { a: {}, c: null },
    ],
    [
      'test and go on',
      { a: { x: 1, y: [2] } },
      [
        { op: 'test', path: '/a', value: { y: [2], x: 1 } },
        { op: 'remove', path: '/a' },
      ],
      {},
    ],
    [
      'test for nothing',
      { a: {} },
      [
        { op: 'test', path: '/a/b', value: null },
        { op: 'test', path: '/a/c' },
      ],
      { a: {} },
    ],
    ['test of everything', { a: 1 }, [{ op: 'test', path: '', value: { a: 1 } }], { a: 1 }],
    [
      'escaped names',
      { 'a/b': 1, 'c~d': 2, '~1': 3 },
      [
        { op: 'remove', path: '/a~1b' },
        { op: 'replace', path: '/c~0d', value: 4 },
        { op: 'remove', path: '/~01' },
      ],
      { 'c~d': 4 },
    ],
    [
      'what stands before the first slash does not matter',
      { a: 1 },
      [{ op: 'replace', path: 'x/a', value: 2 }],
      { a: 2 },
    ],
    ['no operations', { a: 1 }, [], { a: 1 }],
  ];

const add = (path: string) => [{ op: 'add', path, value: 1 }];
const unprocessable = '422 the server rejected our request due to an error in our request';

const refusals: readonly [what: string, patch: unknown, error: string][] = [
  [
    'an object for a patch',
    {},
    '400 error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
  ],
  [
    'text for a patch',
    'x',
    '400 error decoding patch: json: cannot unmarshal string into Go value of type []handlers.jsonPatchOp',
  ],
  [
    'a number for an operation',
    [1],
    '400 error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp',
  ],
  [
    'a number for op',
    [{ op: 1, path: '/a' }],
    '400 error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string',
  ],
  [
    'too many operations',
    Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/s', value: 's' })),
    '413 Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
  ],
  ...(
    [
      ['null for an operation', [null]],
      ['an unknown operation', [{ op: 'jump', path: '/s' }]],
      ['capital letters', [{ op: 'ADD', path: '/s', value: 1 }]],
      ['no operation', [{ path: '/s' }]],
      ['no path', [{ op: 'add', value: 1 }]],
      ['a path without a slash', add('s')],
      ['add over everything', add('')],
      ['add under nothing', add('/nope/x')],
      ['add under a scalar', add('/s/x')],
      ['add beyond the end', add('/a/9')],
      ['add far before the start', add('/a/-9')],
      ['add at a word', add('/a/first')],
      ['remove of nothing', [{ op: 'remove', path: '/nope' }]],
      ['remove of everything', [{ op: 'remove', path: '' }]],
      ['remove beyond the end', [{ op: 'remove', path: '/a/9' }]],
      ['remove of the place after the last', [{ op: 'remove', path: '/a/-' }]],
      ['replace of the place after the last', [{ op: 'replace', path: '/a/-', value: 1 }]],
      ['replace of everything by a scalar', [{ op: 'replace', path: '', value: 1 }]],
      ['a test that fails', [{ op: 'test', path: '/s', value: 't' }]],
      ['a test for null where something is', [{ op: 'test', path: '/s', value: null }]],
      ['a test under nothing', [{ op: 'test', path: '/nope/x', value: null }]],
      ['move of nothing', [{ op: 'move', from: '/nope', path: '/n' }]],
      ['move from nowhere', [{ op: 'move', path: '/n' }]],
      ['move into itself', [{ op: 'move', from: '/o', path: '/o/x' }]],
      ['copy from nowhere', [{ op: 'copy', path: '/n' }]],
    ] as [string, unknown][]
  ).map(([what, patch]): [string, unknown, string] => [what, patch, unprocessable]),
];

describe('JSON patch', () => {
  for (const [what, document, patch, expected] of applied)
    test(what, () => {
      const before = JSON.stringify([document, patch]);
      assert.deepEqual(applyJsonPatch(document, patch), expected);
      assert.equal(JSON.stringify([document, patch]), before);
    });
  test('null is an empty patch', () => assert.deepEqual(applyJsonPatch(list, null), list));

  for (const [what, patch, error] of refusals)
    test(`refuses ${what}`, () => {
      assert.throws(
        () => applyJsonPatch({ a: ['x'], s: 's', o: {} }, patch),
        (thrown) => thrown instanceof ApiError && `${thrown.code} ${thrown.message}` === error,
      );
    });

  test('__proto__ is a field like any other', () => {
    const patched = applyJsonPatch({ a: {} }, [
      { op: 'add', path: '/a/__proto__', value: { polluted: true } },
    ]);
    assert.equal(JSON.stringify(patched), '{"a":{"__proto__":{"polluted":true}}}');
    assert.throws(
      () => applyJsonPatch({}, [{ op: 'add', path: '/constructor/prototype/polluted', value: true }]),
      ApiError,
    );
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  test('copies of copies and endless nesting are refused', () => {
    const doubling = Array.from({ length: 60 }, (_, n) => ({ op: 'copy', from: '/a', path: `/a/k${n}` }));
    assert.throws(() => applyJsonPatch({ a: {} }, doubling), ApiError);
    const nesting = Array.from({ length: 3000 }, () => [
      { op: 'add', path: '/b', value: {} },
      { op: 'move', from: '/a', path: '/b/a' },
      { op: 'move', from: '/b', path: '/a' },
    ]).flat();
    assert.throws(() => applyJsonPatch({ a: {} }, nesting), ApiError);
  });
});
