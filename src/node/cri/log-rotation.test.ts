import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { systemClock, type Clock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { LogRotation } from './log-rotation.ts';

const directory = await mkdtemp(join(tmpdir(), 'coxswain-rotation-'));
after(() => rm(directory, { recursive: true }));

let nowMs = Date.UTC(2026, 0, 1);
const clock: Clock = { ...systemClock(), now: () => nowMs, after: () => ({ cancel() {} }) };

function rotationOf(logPath: string, reopen: () => Promise<void>): LogRotation {
  return new LogRotation({ clock, logger: silentLogger, bytesMax: 10, filesMax: 4, running: () => [{ id: 'a', logPath }], reopen });
}

test('what is too large is rotated; older ones are compressed, the oldest removed', async () => {
  const logPath = join(directory, '0.log');
  const rotation = rotationOf(logPath, () => writeFile(logPath, ''));
  await writeFile(logPath, 'small');
  await rotation.look();
  assert.deepEqual(await readdir(directory), ['0.log']);
  for (let n = 0; n < 6; n++) {
    await writeFile(logPath, `log number ${n}`);
    nowMs += 1000;
    await rotation.look();
    assert.equal((await stat(logPath)).size, 0);
  }
  assert.deepEqual((await readdir(directory)).toSorted(), ['0.log', '0.log.20260101-000004.gz', '0.log.20260101-000005.gz', '0.log.20260101-000006']);
  assert.equal(gunzipSync(await readFile(join(directory, '0.log.20260101-000004.gz'))).toString(), 'log number 3');
  rotation.close();
});

test('a runtime that does not open it again keeps its log; what an interrupted rotation has left is tidied', async () => {
  const logPath = join(directory, '1.log');
  const rotation = rotationOf(logPath, () => Promise.reject(new Error('gone')));
  await writeFile(logPath, 'more than enough');
  await writeFile(`${logPath}.20250101-000000`, 'whole');
  await writeFile(`${logPath}.20250101-000000.gz.tmp`, 'half');
  await rotation.look();
  assert.equal(await readFile(logPath, 'utf8'), 'more than enough');
  assert.deepEqual((await readdir(directory)).filter((name) => name.startsWith('1.log')).toSorted(), ['1.log', '1.log.20250101-000000.gz']);
  rotation.close();
});
