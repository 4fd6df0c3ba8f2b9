import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startContainerd, withoutContainerd } from './containerd.ts';
import { busyboxImage, pauseImage } from './images.ts';

test('a containerd of its own: images there, nothing left after its end', { skip: withoutContainerd, timeout: 60_000 }, async () => {
  const containerd = await startContainerd();
  try {
    const images = await containerd.ctr(['images', 'list', '--quiet']);
    for (const name of [pauseImage, busyboxImage]) assert.ok(images.includes(name));
    await containerd.kill();
    await containerd.start();
    await containerd.ctr(['version']);
  } finally {
    await containerd.close();
  }
  assert.ok(!existsSync(containerd.directory));
  assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(containerd.directory));
});
