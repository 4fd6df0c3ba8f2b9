import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { shareEqual } from './sharing.ts';

describe('sharing what is equal', () => {
  test('equal parts are the known ones, others the new ones', () => {
    const known = { metadata: { labels: { a: '1' }, resourceVersion: '1' }, spec: { list: [{ x: 1 }, { y: 2 }], gone: true } };
    const next = { metadata: { labels: { a: '1' }, resourceVersion: '2' }, spec: { list: [{ x: 1 }, { y: 3 }, { z: 4 }] } };
    const expected = structuredClone(next);
    const shared = shareEqual<object>(known, next) as typeof next;
    assert.equal(shared, next);
    assert.deepEqual(shared, expected);
    assert.equal(shared.metadata.labels, known.metadata.labels);
    assert.equal(shared.spec.list[0], known.spec.list[0]);
    assert.notEqual(shared.spec.list[1], known.spec.list[1]);
  });

  test('all of it where nothing differs, and nothing where kinds differ', () => {
    const known = { a: { b: [1, 'two', null, false] } };
    assert.equal(shareEqual(known, structuredClone(known)), known);
    const pairs: readonly (readonly [unknown, unknown])[] = [
      [{ a: 1 }, {}],
      [{}, { a: 1 }],
      [{ a: undefined }, { b: undefined }],
      [[1], [1, 2]],
      [[1, 2], [1]],
      [[], {}],
      [null, {}],
      [{}, null],
      [{ a: null }, { a: {} }],
      [{ a: '1' }, { a: 1 }],
    ];
    for (const [before, after] of pairs) {
      const expected = structuredClone(after);
      assert.equal(shareEqual(before, after), after);
      assert.deepEqual(after, expected);
    }
  });
});
