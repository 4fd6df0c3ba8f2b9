import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { Delivery, type Deliverable } from './delivery.ts';

/** A delivery whose turns come when they are called, and whose writes take the time that they say. */
function rig() {
  let now = 0;
  const clock = { ...systemClock(), monotonic: () => now };
  const due: (() => void)[] = [];
  const delivery = new Delivery(clock, { whenGathered: (callback) => void due.push(callback) }, 4);
  const log: string[] = [];
  const item = (name: string, rounds = 1, tookMs = 0): Deliverable => ({
    queued: false,
    deliver() {
      log.push(name);
      now += tookMs;
      return --rounds > 0;
    },
  });
  const mark = (name: string) => delivery.whenServed({ served: () => log.push(`[${name}]`) });
  const turn = () => {
    for (const callback of due.splice(0)) callback();
    return log.splice(0).join(' ');
  };
  return { delivery, item, mark, turn, log };
}

test('a mark is told when what was asked for before it has been written, and not what came later', () => {
  const { delivery, item, mark, turn } = rig();
  delivery.request(item('a'));
  delivery.request(item('b'));
  mark('first');
  assert.equal(delivery.idle, false);
  assert.equal(turn(), 'a b [first]');
  delivery.request(item('c', 3));
  mark('second');
  assert.equal(turn(), 'c [second]', 'what goes on is no longer about that change');
  assert.equal(delivery.idle, false);
  assert.equal(turn(), 'c');
  assert.equal(turn(), 'c');
  assert.equal(delivery.idle, true);
});

test('where nothing is asked for it is told at once', () => {
  const { mark, log } = rig();
  mark('now');
  assert.deepEqual(log, ['[now]']);
});

test('a crowd that takes several slices is waited for', () => {
  const { delivery, item, mark, turn } = rig();
  for (let i = 0; i < 8; i++) delivery.request(item('a', 1, 1));
  mark('first');
  delivery.request(item('b'));
  mark('second');
  assert.equal(turn(), 'a a a a a a a a [first]');
  assert.equal(turn(), 'b [second]');
});
