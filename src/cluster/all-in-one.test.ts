import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCluster } from './all-in-one.ts';

/** Its own, so that clusters of other tests do not show. */
function ownTemporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'coxswain-test-'));
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = path;
  return {
    path,
    [Symbol.dispose]() {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
      rmSync(path, { recursive: true, force: true });
    },
  };
}

test('a start that fails leaves nothing open and nothing on disk', async () => {
  using folder = ownTemporaryFolder();
  await using cluster = await startCluster({ datastore: 'memory', nodes: 0 });
  const port = Number(new URL(cluster.url).port);
  const kept = readdirSync(folder.path).length;
  await assert.rejects(startCluster({ port, nodes: 0 }), { code: 'EADDRINUSE' });
  await assert.rejects(startCluster({ nodes: 0, kubeconfig: folder.path }), { code: 'EISDIR' });
  assert.equal(readdirSync(folder.path).length, kept);
});

test('stopping twice is stopping once', async () => {
  using folder = ownTemporaryFolder();
  const cluster = await startCluster({ datastore: 'memory', nodes: 1 });
  await Promise.all([cluster.stop(), cluster.stop()]);
  await cluster[Symbol.asyncDispose]();
  assert.deepEqual(readdirSync(folder.path), []);
});
