import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../../../api/errors.ts';
import { applyMergePatch } from './merge-patch.ts';

/** The examples of RFC 7386 whose patch is an object. */
const cases: readonly [document: unknown, patch: unknown, expected: unknown][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

const refusals: readonly [patch: unknown, message: string][] = [
  [[], 'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}'],
  ['x', 'error decoding patch: json: cannot unmarshal string into Go value of type map[string]interface {}'],
  [1, 'error decoding patch: json: cannot unmarshal number into Go value of type map[string]interface {}'],
  [true, 'error decoding patch: json: cannot unmarshal bool into Go value of type map[string]interface {}'],
  [null, 'Invalid JSON Patch'],
];

describe('merge patch', () => {
  for (const [document, patch, expected] of cases)
    test(`${JSON.stringify(document)} + ${JSON.stringify(patch)}`, () => {
      const before = JSON.stringify([document, patch]);
      assert.deepEqual(applyMergePatch(document, patch), expected);
      assert.equal(JSON.stringify([document, patch]), before);
    });
  for (const [patch, message] of refusals)
    test(`refuses ${JSON.stringify(patch)}`, () => {
      assert.throws(
        () => applyMergePatch({}, patch),
        (thrown) => thrown instanceof ApiError && thrown.code === 400 && thrown.message === message,
      );
    });

  test('what the patch leaves alone is shared', () => {
    const document = { spec: { a: 1 }, status: { b: 2 } };
    const patched = applyMergePatch(document, { spec: { a: 3 } }) as typeof document;
    assert.equal(patched.status, document.status);
  });

  test('__proto__ is a field like any other', () => {
    const patch = JSON.parse('{"__proto__":{"polluted":true},"a":{"__proto__":null}}') as unknown;
    assert.equal(
      JSON.stringify(applyMergePatch(JSON.parse('{"a":{"__proto__":1,"b":2}}'), patch)),
      '{"a":{"b":2},"__proto__":{"polluted":true}}',
    );
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });
});
