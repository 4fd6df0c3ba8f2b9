import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeAtomically } from './files/atomic-writer.ts';
import type { Payload } from './files/atomic-writer.ts';

const target = await mkdtemp(join(tmpdir(), 'atomic-'));
after(() => rm(target, { recursive: true, force: true }));

const nowMs = Date.UTC(2026, 0, 31, 10, 15, 0);

function write(files: Readonly<Record<string, string>>, mode = 0o644): Promise<void> {
  const payload: Payload = new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));
  return writeAtomically(target, payload, { nowMs, prepare: async () => {} });
}

test('a set of files is replaced as a whole, behind links that stay', async () => {
  await write({ a: '1', 'deep/er/b': '2' });
  const first = await readlink(join(target, '..data'));
  assert.match(first, /^\.\.2026_01_31_10_15_00\./);
  assert.equal(await readlink(join(target, 'a')), '..data/a');
  assert.equal(await readlink(join(target, 'deep')), '..data/deep');
  assert.equal(await readFile(join(target, 'deep/er/b'), 'utf8'), '2');

  await write({ a: '1', 'deep/er/b': '2' });
  assert.equal(await readlink(join(target, '..data')), first, 'nothing has changed, so nothing is written');

  await write({ a: '3', c: '4' });
  assert.notEqual(await readlink(join(target, '..data')), first);
  assert.deepEqual((await readdir(target)).filter((name) => !name.startsWith('..')).sort(), ['a', 'c']);
  assert.equal((await readdir(target)).filter((name) => name.startsWith('..20')).length, 1, 'the old set is gone');
  assert.equal(await readFile(join(target, 'a'), 'utf8'), '3');
});

test('another mode is a change', async () => {
  await write({ a: '3', c: '4' }, 0o400);
  assert.equal((await stat(join(target, 'a'))).mode & 0o777, 0o400);
});

test('no file leaves the directory, and a failed preparation leaves nothing', async () => {
  for (const path of ['', '/etc/passwd', '../x', 'a/../../x', '..data', '..x']) await assert.rejects(write({ [path]: 'x' }), /invalid path/);
  const before = await readdir(target);
  const payload: Payload = new Map([['z', { data: Buffer.from('z'), mode: 0o644 }]]);
  await assert.rejects(writeAtomically(target, payload, { nowMs, prepare: () => Promise.reject(new Error('no')) }), /no/);
  assert.deepEqual(await readdir(target), before);
});
