import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { temporaryDirectory } from '../conformance/temporary-directory.ts';
import { crashValue } from './crash-value.ts';
import { openSqliteStore } from './sqlite-store.ts';

const writerFile = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));

test(
  'kill -9 during writes: all that was acknowledged is there, whole, and revisions go on',
  { timeout: 60_000 },
  async () => {
    const temporary = temporaryDirectory();
    const directory = join(temporary.path, 'data');
    const acknowledged = new Map<string, number>();
    try {
      for (let generation = 0; generation < 4; generation++) {
        const before = Math.max(0, ...acknowledged.values());
        const said = await writeUntilKilled(directory, generation, 150 + generation * 130);
        assert.ok(said.size > 0, 'the child had time to write');
        for (const [key, revision] of said) {
          assert.ok(revision > before, 'a revision came twice');
          acknowledged.set(key, revision);
        }
        await check(directory, acknowledged);
      }
    } finally {
      temporary.remove();
    }
  },
);

/** Kills the child `ms` after its first acknowledged write; what it has said by then. */
async function writeUntilKilled(
  directory: string,
  generation: number,
  ms: number,
): Promise<Map<string, number>> {
  const child = spawn(process.execPath, [writerFile, directory, String(generation)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.once('data', () => systemClock().after(ms, () => child.kill('SIGKILL')));
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await new Promise((resolve) => child.once('close', resolve));
  const lines = output.split('\n').slice(0, -1);
  return new Map(lines.map((line) => [line.split(' ')[0] as string, Number(line.split(' ')[1])]));
}

async function check(directory: string, acknowledged: ReadonlyMap<string, number>): Promise<void> {
  const store = await openSqliteStore({ directory, clock: systemClock(), logger: silentLogger });
  try {
    const { items } = await store.range({ from: '/crash/', to: '/crash0' });
    const found = new Map(items.map((item) => [item.key, item]));
    for (const [key, revision] of acknowledged) assert.equal(found.get(key)?.modRevision, revision, key);
    for (const { key, value, modRevision } of items) {
      assert.ok(Buffer.compare(value, crashValue(key)) === 0, `${key} is half-written`);
      assert.ok(modRevision <= (await store.currentRevision()));
    }
    const next = (await store.currentRevision()) + 1;
    const result = await store.commit({ key: '/after', expected: undefined, value: Buffer.from('x') });
    assert.equal(result.outcome === 'committed' && result.revision, next);
  } finally {
    await store.close();
  }
}
