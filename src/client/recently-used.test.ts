import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentlyUsed } from './recently-used.ts';

test('what is used stays, what is not goes', () => {
  const map = new RecentlyUsed<number>(10);
  for (let i = 0; i < 1000; i++) {
    map.set(`n${i}`, i);
    assert.equal(map.get('n0'), 0);
  }
  assert.equal(map.get('n999'), 999);
  assert.equal(map.get('n990'), 990);
  assert.equal(map.get('n500'), undefined);
});
