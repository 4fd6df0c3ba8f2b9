import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { equalObjects, identicalValues } from './equality.ts';

const container = { name: 'a', image: 'b' };

const same: Record<string, readonly [unknown, unknown]> = {
  'order of keys': [{ a: 1, b: 2 }, { b: 2, a: 1 }],
  'undefined and absent': [{ a: undefined }, {}],
  'null and absent': [{ a: null }, {}],
  'an empty list and none': [{ finalizers: [] }, {}],
  'null and an empty list': [{ finalizers: null }, { finalizers: [] }],
  'an empty map and none': [{ metadata: { labels: {} } }, { metadata: {} }],
  'what a typed client fills in': [
    { spec: { containers: [{ ...container, resources: {} }] }, status: {} },
    { spec: { containers: [container] } },
  ],
  'a struct of empty maps and none': [{ resources: { limits: {}, requests: {} } }, {}],
};

const different: Record<string, readonly [unknown, unknown]> = {
  'zero and absent': [{ replicas: 0 }, {}],
  'false and absent': [{ paused: false }, {}],
  'an empty text and absent': [{ storageClassName: '' }, {}],
  'an empty volume source and none': [{ name: 'v', emptyDir: {} }, { name: 'v' }],
  'a selector of all and none': [{ namespaceSelector: {} }, {}],
  'a list of one empty rule and an empty list': [{ ingress: [{}] }, { ingress: [] }],
  'a filled map and none': [{ labels: { a: '' } }, {}],
  'a property named like a map': [{ openAPIV3Schema: { properties: { labels: {} } } }, { openAPIV3Schema: { properties: {} } }],
  'an empty list and an empty map': [{ a: [] }, { a: {} }],
  'lists of two lengths': [[1], [1, 2]],
};

describe('equality of objects', () => {
  for (const [name, [left, right]] of Object.entries(same))
    test(`${name}: the same`, () => {
      assert.equal(equalObjects(left, right), true);
      assert.equal(equalObjects(right, left), true);
    });
  for (const [name, [left, right]] of Object.entries(different))
    test(`${name}: different`, () => {
      assert.equal(equalObjects(left, right), false);
      assert.equal(equalObjects(right, left), false);
    });

  test('what is identical is equal, and both are symmetric', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(value, value, (left, right) => {
        assert.equal(equalObjects(left, structuredClone(left)), true);
        assert.equal(identicalValues(left, structuredClone(left)), true);
        assert.equal(equalObjects(left, right), equalObjects(right, left));
        if (identicalValues(left, right)) assert.ok(equalObjects(left, right));
      }),
    );
  });

  test('literally, empty and absent are two', () => {
    assert.equal(identicalValues({ a: [] }, {}), false);
    assert.equal(identicalValues({ a: undefined }, {}), true);
    assert.equal(identicalValues({ a: null }, {}), false);
  });
});
