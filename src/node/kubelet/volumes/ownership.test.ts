import { chmod, lstat, mkdir, mkdtemp, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { own } from './ownership.ts';
import { skipWithoutRoot } from './testing/rig.ts';

describe('a volume is given to a group', { skip: skipWithoutRoot }, async () => {
  const root = await mkdtemp(join(tmpdir(), 'own-'));
  const volume = join(root, 'volume');
  const outside = join(root, 'outside');
  after(() => rm(root, { recursive: true, force: true }));
  const ownership = { fsGroup: 4321, onRootMismatch: false, readOnly: false };

  beforeEach(async () => {
    for (const directory of [volume, outside]) {
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory, { mode: 0o755 });
    }
    await mkdir(join(volume, 'd'), { mode: 0o700 });
    await writeFile(join(volume, 'd/f'), '', { mode: 0o600 });
    await writeFile(join(outside, 'secret'), '', { mode: 0o600 });
    await symlink(join(outside, 'secret'), join(volume, 'd/link'));
  });

  test('with all that is in it, but not what its links name', async () => {
    await own(volume, ownership);
    const modes = await Promise.all([volume, join(volume, 'd'), join(volume, 'd/f')].map(async (path) => ((await stat(path)).mode & 0o7777).toString(8)));
    assert.deepEqual(modes, ['2775', '2770', '660']);
    assert.equal((await lstat(join(volume, 'd/link'))).gid, 4321);
    assert.deepEqual([(await stat(join(outside, 'secret'))).gid, (await stat(join(outside, 'secret'))).mode & 0o777], [0, 0o600]);
  });

  test('to read only, and only where its root is not right already', async () => {
    await own(volume, { ...ownership, readOnly: true });
    assert.equal((await stat(join(volume, 'd/f'))).mode & 0o777, 0o640);
    await own(volume, ownership);
    await chmod(join(volume, 'd/f'), 0o600);
    await own(volume, { ...ownership, onRootMismatch: true });
    assert.equal((await stat(join(volume, 'd/f'))).mode & 0o777, 0o600);
    await own(volume, { ...ownership, fsGroup: 5, onRootMismatch: true });
    assert.equal((await stat(join(volume, 'd/f'))).gid, 5);
  });

  test('while somebody swaps its files for links to others', async () => {
    let going = true;
    const swapping = (async () => {
      await symlink(join(outside, 'secret'), join(volume, 'evil'));
      while (going) {
        await rename(join(volume, 'd/f'), join(volume, 'kept')).catch(() => {});
        await rename(join(volume, 'evil'), join(volume, 'd/f')).catch(() => {});
        await rename(join(volume, 'd/f'), join(volume, 'evil')).catch(() => {});
        await rename(join(volume, 'kept'), join(volume, 'd/f')).catch(() => {});
      }
    })();
    for (let round = 0; round < 50; round++) await own(volume, ownership).catch(() => {});
    going = false;
    await swapping;
    const { gid, mode } = await stat(join(outside, 'secret'));
    assert.deepEqual([gid, mode & 0o777], [0, 0o600]);
  });
});
