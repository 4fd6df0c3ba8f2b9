import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { pauseExecutable } from './pause-executable.ts';
import { hostNodeImpossible } from './requirements.ts';
import { supervise } from './supervise.ts';

const clock = systemClock();

function temporary(t: { after(callback: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('the pause program waits until it is asked to end', { skip: process.platform === 'linux' && process.arch === 'x64' ? false : 'the program is for Linux on x64' }, async (t) => {
  const file = join(temporary(t), 'pause');
  writeFileSync(file, pauseExecutable('x64'), { mode: 0o755 });
  const pause = spawn(file, { stdio: 'ignore' });
  await once(pause, 'spawn');
  // It blocks the two signals that end it, and leaves its orphans to the kernel.
  while (!/^SigIgn:\t0*10000$/m.test(readFileSync(`/proc/${pause.pid}/status`, 'utf8'))) await clock.sleep(5);
  assert.equal(pause.exitCode, null);
  pause.kill('SIGTERM');
  assert.deepEqual(await once(pause, 'exit'), [0, null]);
});

test('the pause program for arm64 is an executable of that machine', () => {
  const file = pauseExecutable('arm64');
  assert.deepEqual([file.readUInt32BE(0), file.readUInt16LE(16), file.readUInt16LE(18)], [0x7f454c46, 2, 183]);
  // The first instruction: mov x0, #17.
  assert.equal(file.readUInt32LE(120), 0xd2800220);
  assert.throws(() => pauseExecutable('mips'), /no pause program/);
});

test('a daemon that ends is started again, and not once it was stopped', async (t) => {
  const directory = temporary(t);
  const starts: number[] = [];
  const daemon = supervise({
    name: 'daemon',
    start(stdio) {
      const child = spawn('sh', ['-c', `echo life ${starts.length}; ${starts.length === 0 ? 'exit 3' : 'exec sleep 1000'}`], { stdio });
      starts.push(child.pid ?? 0);
      return { process: child, kill: (signal) => child.kill(signal) };
    },
    log: join(directory, 'log'),
    clock,
    logger: silentLogger,
  });
  while (!daemon.lastWords().includes('life 1')) await clock.sleep(5);
  await daemon.stop();
  assert.equal(starts.length, 2);
  assert.throws(() => process.kill(starts[1] ?? 0, 0), { code: 'ESRCH' });
});

test('a computer on which no runtime listens cannot be a node', () => {
  assert.match(hostNodeImpossible('/nowhere.sock') ?? '', /^real nodes need |^no container runtime listens at \/nowhere\.sock$/);
});
