import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from './turns.ts';

const immediate = () => new Promise((resolve) => setImmediate(resolve));

test('a step begins when the microtasks of the one before are done', async () => {
  const turns = new Turns(() => 0);
  const seen: string[] = [];
  const request = async (name: string) => {
    seen.push(`${name} begins`);
    for (let i = 0; i < 5; i++) await undefined;
    seen.push(`${name} ends`);
  };
  turns.step(() => void request('a'));
  turns.step(() => void request('b'));
  await immediate();
  assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends']);
});

test('the budget is shared: what is over it goes to later turns, and the ends come between', async () => {
  let now = 0;
  const turns = new Turns(() => now);
  const seen: string[] = [];
  const busy = (name: string) => () => {
    seen.push(name);
    turns.atEnd(() => seen.push(`end of ${name}`));
    now += 5;
  };
  turns.step(busy('a'));
  turns.step(busy('b'));
  await immediate();
  assert.deepEqual(seen, ['a', 'end of a']);
  await immediate();
  assert.deepEqual(seen, ['a', 'end of a', 'b', 'end of b']);
});

test('what gathered before the turn goes before its steps, what is for the next turn not in this one', async () => {
  const turns = new Turns(() => 0);
  const seen: string[] = [];
  turns.step(() => {
    seen.push('step');
    turns.afterTurn(() => seen.push('next turn'));
    turns.step(() => seen.push('step of a step'));
  });
  turns.atEnd(() => seen.push('gathered'));
  await immediate();
  assert.deepEqual(seen, ['gathered', 'step', 'step of a step']);
  await immediate();
  assert.deepEqual(seen, ['gathered', 'step', 'step of a step', 'next turn']);
});

test('what is cheaper together waits for the steps to be done, but not for long', async () => {
  let now = 0;
  const turns = new Turns(() => now);
  const seen: string[] = [];
  const busy = () => {
    seen.push('step');
    now += 3;
  };
  turns.whenGathered(() => seen.push('gathered'));
  for (let i = 0; i < 4; i++) turns.step(busy);
  turns.step(() => turns.whenGathered(() => seen.push('gathered again')));
  for (let turn = 0; turn < 6; turn++) await immediate();
  assert.deepEqual(seen, ['step', 'step', 'gathered', 'step', 'step', 'gathered again']);
});
