import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { alive, KeyIndex, versionAt, type Version } from './key-index.ts';

test('scans, counts and finds as a sorted map does', () => {
  const key = fc.integer({ min: 0, max: 3000 }).map((n) => `k${String(n).padStart(4, '0')}`);
  const step = fc.record({ key, what: fc.constantFrom('put', 'put', 'put', 'delete', 'remove') });
  const range = fc.tuple(key, key);
  fc.assert(
    fc.property(
      fc.array(key, { maxLength: 1500, size: 'max' }),
      fc.array(step, { maxLength: 1500, size: 'max' }),
      range,
      (loaded, steps, [from, to]) => {
        const index = new KeyIndex();
        const live = new Set<string>();
        let revision = 1;
        const change = (name: string, created: boolean) => {
          const history = index.ensure(name);
          index.setLatest({
            history,
            revision: ++revision,
            createRevision: created ? revision : 0,
            lease: undefined,
            value: undefined,
            previous: history.latest,
          });
          if (created) live.add(name);
          else live.delete(name);
        };
        for (const name of loaded) change(name, true);
        // The chunks are made at the first scan, and kept up from there on.
        index.scan('', '', () => true);
        for (const { key: name, what } of steps) {
          const history = index.get(name);
          if (what === 'put') change(name, true);
          else if (what === 'delete' && history) change(name, false);
          else if (history && !alive(history.latest)) index.remove(history);
        }
        const found: string[] = [];
        index.scan(from, to, (history) => {
          if (versionAt(history, revision)) found.push(history.key);
          return true;
        });
        const expected = [...live].filter((name) => name >= from && name < to).sort();
        assert.deepEqual(found, expected);
        assert.equal(index.countLive(from, to), expected.length);
      },
    ),
    { numRuns: 60 },
  );
});

test('a key is found as it was at any revision', () => {
  const index = new KeyIndex();
  const history = index.ensure('a');
  const put = (revision: number, createRevision: number): Version => {
    const version = {
      history,
      revision,
      createRevision,
      lease: undefined,
      value: undefined,
      previous: history.latest,
    };
    index.setLatest(version);
    return version;
  };
  const first = put(5, 5);
  const second = put(7, 5);
  put(9, 0);
  const third = put(12, 12);
  const at = (revision: number) => versionAt(history, revision);
  assert.deepEqual([4, 5, 6, 7, 8, 9, 11, 12, 99].map(at), [
    undefined,
    first,
    first,
    second,
    second,
    undefined,
    undefined,
    third,
    third,
  ]);
});
