// Runs a cluster once after installation, so that its compiled code is in the cache before the first real start.
// Nothing depends on it: where it fails, the first start is slower.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const directory = mkdtempSync(join(tmpdir(), 'coxswain-warm-'));
const command = new URL('../bin/coxswain.js', import.meta.url).pathname;
const child = spawn(process.execPath, [command, 'up', '--port', '0', '--data-dir', directory, '--output', 'json'], { stdio: ['ignore', 'pipe', 'ignore'] });
const cut = setTimeout(() => child.kill('SIGKILL'), 20_000);
child.stdout.once('data', () => child.kill('SIGTERM'));
child.once('error', () => {});
child.once('close', () => {
  clearTimeout(cut);
  rmSync(directory, { recursive: true, force: true });
});
