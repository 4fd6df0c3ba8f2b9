import { mkdir, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { removeUnmounted } from './mounts.ts';
import { bindSubPath, checkSubPath, makeSubPath } from './sub-path.ts';
import { skipWithoutRoot } from './testing/rig.ts';

const root = await mkdtemp(join(tmpdir(), 'subpath-'));
const volume = join(root, 'volume');
const outside = join(root, 'outside');
const target = join(root, 'bound', '0');
after(() => removeUnmounted(root));

beforeEach(async () => {
  await removeUnmounted(join(root, 'bound'));
  for (const directory of [volume, outside]) {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { mode: 0o750 });
  }
  await writeFile(join(outside, 'secret'), 'of the node');
});

test('what is missing is made, with the mode of the volume', async () => {
  await makeSubPath(volume, 'a/./b//c');
  assert.equal((await stat(join(volume, 'a/b/c'))).mode & 0o777, 0o750);
  await makeSubPath(volume, 'a/b/c');
});

test('nothing is made outside of the volume', async () => {
  await symlink(outside, join(volume, 'out'));
  await symlink('../outside', join(volume, 'relative'));
  await symlink(join(outside, 'not-there'), join(volume, 'dangling'));
  await assert.rejects(makeSubPath(volume, 'out/made'), /is not within/);
  await assert.rejects(makeSubPath(volume, 'relative/made'), /is not within/);
  await assert.rejects(makeSubPath(volume, 'dangling/made'));
  await assert.rejects(stat(join(outside, 'made')));
  await assert.rejects(stat(join(outside, 'not-there')));
});

test('paths that leave by their text are refused', () => {
  for (const path of ['/etc', '..', 'a/../b', 'a/..']) assert.throws(() => checkSubPath(path), path);
  for (const path of ['a', 'a/b', '..a', 'a..']) checkSubPath(path);
});

test('a directory, a file and a link inside are bound', { skip: skipWithoutRoot }, async () => {
  await mkdir(join(volume, 'd'));
  await writeFile(join(volume, 'd', 'f'), 'text');
  await bindSubPath(volume, 'd', target);
  assert.equal(await readFile(join(target, 'f'), 'utf8'), 'text');
  await bindSubPath(volume, 'd', target);

  await symlink('d/f', join(volume, 'link'));
  await bindSubPath(volume, 'link', target);
  assert.equal(await readFile(target, 'utf8'), 'text', 'what was bound before is replaced');
});

test('another file of the same name is bound anew', { skip: skipWithoutRoot }, async () => {
  await writeFile(join(volume, 'f'), 'old');
  await bindSubPath(volume, 'f', target);
  await writeFile(join(volume, 'new'), 'new');
  await rename(join(volume, 'new'), join(volume, 'f'));
  await bindSubPath(volume, 'f', target);
  assert.equal(await readFile(target, 'utf8'), 'new');
});

test('links that lead out are not followed', { skip: skipWithoutRoot }, async () => {
  await symlink(outside, join(volume, 'out'));
  await symlink('/proc/self/root/etc', join(volume, 'proc'));
  for (const path of ['out', 'out/secret', 'proc', 'proc/passwd']) await assert.rejects(bindSubPath(volume, path, target), /is not within/);
});

test('a link that is swapped in meanwhile leads nowhere', { skip: skipWithoutRoot }, async () => {
  await mkdir(join(volume, 'd'));
  await writeFile(join(volume, 'd', 'secret'), 'of the pod');
  let going = true;
  const swapping = (async () => {
    await symlink(outside, join(volume, 'evil'));
    while (going) {
      await rename(join(volume, 'd'), join(volume, 'kept')).catch(() => {});
      await rename(join(volume, 'evil'), join(volume, 'd')).catch(() => {});
      await rename(join(volume, 'd'), join(volume, 'evil')).catch(() => {});
      await rename(join(volume, 'kept'), join(volume, 'd')).catch(() => {});
    }
  })();
  try {
    for (let round = 0; round < 50; round++) {
      const bound = await bindSubPath(volume, 'd/secret', target).then(
        () => readFile(target, 'utf8'),
        () => undefined,
      );
      assert.notEqual(bound, 'of the node');
      await removeUnmounted(join(root, 'bound'));
    }
  } finally {
    going = false;
    await swapping;
  }
});
