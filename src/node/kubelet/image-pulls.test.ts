import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Pod } from '../../api/types/core-v1.ts';
import { ManualClock } from '../../client/testing/manual-clock.ts';
import { ImagePulls } from './image-pulls.ts';
import type { Runtime } from './runtime.ts';

test('pulls go in turn, and one image is pulled once', async () => {
  const clock = new ManualClock();
  const asked: string[] = [];
  const pullImage = async (image: string) => {
    asked.push(image);
    await clock.sleep(100);
    if (image === 'bad') throw new Error('no such image');
    return image.length;
  };
  const pulls = new ImagePulls({ pullImage } as unknown as Runtime, clock, 1);
  const pod: Pod = { metadata: {}, spec: { containers: [] } };
  const results = Promise.allSettled(['one', 'bad', 'one', 'three'].map((image) => pulls.pull(image, pod, undefined)));
  assert.deepEqual(asked, ['one']);
  await clock.advance(100);
  assert.deepEqual(asked, ['one', 'bad']);
  await clock.advance(100);
  await clock.advance(100);
  assert.deepEqual(asked, ['one', 'bad', 'three']);
  assert.deepEqual((await results).map((result) => (result.status === 'fulfilled' ? [result.value.sizeBytes, result.value.tookMs] : result.reason.message)), [[3, 100], 'no such image', [3, 100], [5, 100]]);
});
