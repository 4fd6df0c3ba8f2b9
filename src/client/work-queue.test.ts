import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ManualClock, settle } from './testing/manual-clock.ts';
import { MetricRegistry } from '../base/metrics/registry.ts';
import { WorkQueue } from './work-queue.ts';
import { workQueueMetrics } from './work-queue-metrics.ts';

describe('work queue', () => {
  test('a key waits once however often it is added', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    queue.add('a');
    queue.add('a');
    queue.add('b');
    assert.equal(queue.length, 2);
    assert.equal(await queue.take(), 'a');
    assert.equal(await queue.take(), 'b');
    assert.equal(queue.length, 0);
  });

  test('a key added while worked on comes back after done, and not before', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    queue.add('a');
    await queue.take();
    queue.add('a');
    queue.add('a');
    assert.equal(queue.length, 0);
    queue.done('a');
    assert.equal(queue.length, 1);
    await queue.take();
    queue.done('a');
    assert.equal(queue.length, 0);
    assert.ok(queue.idle);
  });

  test('of several delays the earliest counts', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter('a', 1000);
    queue.addAfter('a', 100);
    queue.addAfter('a', 500);
    await clock.advance(99);
    assert.equal(queue.length, 0);
    await clock.advance(1);
    assert.equal(queue.length, 1);
    await queue.take();
    queue.done('a');
    await clock.advance(10_000);
    assert.equal(queue.length, 0);
  });

  test('failures back off exponentially until forgotten', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock, baseDelayMs: 10, maxDelayMs: 50 });
    for (const delay of [10, 20, 40, 50, 50]) {
      queue.addRateLimited('a');
      await clock.advance(delay - 1);
      assert.equal(queue.length, 0);
      await clock.advance(1);
      assert.equal(queue.length, 1);
      await queue.take();
      queue.done('a');
    }
    queue.forget('a');
    assert.equal(queue.retries('a'), 0);
  });

  test('run works n keys at a time, retries what throws, and ends with the signal', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock, baseDelayMs: 10 });
    const stop = new AbortController();
    let running = 0;
    let most = 0;
    const seen: string[] = [];
    const errors: unknown[] = [];
    const done = queue.run(
      2,
      async (key) => {
        most = Math.max(most, ++running);
        await settle(1);
        running--;
        seen.push(key);
        if (key === 'c' && queue.retries('c') === 0) throw new Error('once');
      },
      stop.signal,
      (_, error) => errors.push(error),
    );
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
    await clock.advance(100);
    assert.equal(most, 2);
    assert.deepEqual(seen.toSorted(), ['a', 'b', 'c', 'c', 'd']);
    assert.equal(errors.length, 1);
    stop.abort();
    await done;
    queue.add('e');
    assert.equal(queue.length, 0);
  });

  test('measures how long keys wait and are worked on', async () => {
    const clock = new ManualClock();
    const metrics = workQueueMetrics(new MetricRegistry(), 'q');
    const queue = new WorkQueue({ clock, metrics, baseDelayMs: 10 });
    queue.add('a');
    queue.add('a');
    queue.add('b');
    assert.deepEqual([metrics.adds.value, metrics.depth.value], [2, 2]);
    await clock.advance(2000);
    assert.equal(await queue.take(), 'a');
    await clock.advance(3000);
    queue.addRateLimited('a');
    queue.done('a');
    assert.deepEqual([metrics.depth.value, metrics.retries.value, metrics.waited.sum, metrics.worked.sum], [1, 1, 2, 3]);
  });

  test('no key is held twice and none is lost, whatever the order', async () => {
    const steps = fc.array(fc.record({ step: fc.constantFrom('add', 'take', 'done'), key: fc.integer({ min: 0, max: 3 }) }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const queue = new WorkQueue<number>({ clock: new ManualClock() });
        const held = new Set<number>();
        const owed = new Set<number>();
        for (const { step, key } of script) {
          if (step === 'add') {
            queue.add(key);
            owed.add(key);
          } else if (step === 'take' && queue.length > 0) {
            const taken = (await queue.take())!;
            assert.ok(!held.has(taken));
            held.add(taken);
            owed.delete(taken);
          } else if (step === 'done' && held.has(key)) {
            held.delete(key);
            queue.done(key);
          }
        }
        for (const key of held) queue.done(key);
        const rest = new Set<number>();
        while (queue.length > 0) rest.add((await queue.take())!);
        assert.deepEqual(rest, owed);
      }),
      { numRuns: 200 },
    );
  });
});
