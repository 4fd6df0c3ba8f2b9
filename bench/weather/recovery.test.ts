import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastVersion } from '../lib/resuming-watchers.ts';
import { recoverySeconds } from './recovery.ts';

const timeline = (...p99s: number[]) => p99s.map((p99, index) => ({ seconds: index + 1, p99 }));

test('recovery is when three seconds in a row are at most twice as slow as before', () => {
  assert.equal(recoverySeconds(timeline(40, 40, 900, 900, 300, 60, 300, 60, 60, 60), 2, 4), 3);
  assert.equal(recoverySeconds(timeline(40, 40, 900, 900, 30, 30, 30), 2, 4), 0);
  assert.equal(recoverySeconds(timeline(40, 40, 900, 900, 300, 300, 300), 2, 4), undefined);
});

test('a watch goes on at the last version that it has heard of', () => {
  assert.equal(lastVersion('{"metadata":{"resourceVersion":"7"}}\n{"metadata":{"resourceVersion":"12","name":"x"}}\n'), '12');
  assert.equal(lastVersion('no version here'), undefined);
  assert.equal(lastVersion('"resourceVersion":""'), undefined);
});
