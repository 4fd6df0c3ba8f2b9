/** What was acknowledged is there after a restart, however the process ended, and resourceVersions go on. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../src/base/clock.ts';
import { Client } from '../src/client/client.ts';
import { loadKubeconfig } from '../src/client/kubeconfig.ts';
import { configMaps } from '../src/client/resources.ts';
import { http2Transport } from '../src/client/transports/http2.ts';

interface Running {
  readonly child: ChildProcess;
  readonly client: Client;
  end(signal: NodeJS.Signals): Promise<void>;
}

async function start(directory: string): Promise<Running> {
  const command = join(import.meta.dirname, '..', 'bin', 'coxswain.js');
  const child = spawn(process.execPath, [command, 'up', '--nodes', '0', '--port', '0', '--data-dir', directory, '--output', 'json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()));
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
  const { kubeconfig } = JSON.parse(line) as { kubeconfig: string };
  const clock = systemClock();
  const transport = http2Transport(loadKubeconfig(kubeconfig), { clock });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    child,
    client: new Client(transport, { clock }),
    async end(signal) {
      child.kill(signal);
      await exited;
      await transport.close();
    },
  };
}

const configMap = (name: string) => ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace: 'default' }, data: { name } });

for (const signal of ['SIGTERM', 'SIGKILL'] as const)
  test(`after ${signal} during writes`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'coxswain-restart-'));
    try {
      const first = await start(directory);
      const acknowledged = new Map<string, number>();
      let stopping = false;
      let reached: () => void = () => {};
      const enough = new Promise<void>((resolve) => (reached = resolve));
      const writers = Array.from({ length: 20 }, async (_, writer) => {
        for (let i = 0; !stopping; i++) {
          const name = `c-${writer}-${i}`;
          // The end of the server ends the writer: what it had not answered may be there or not.
          const created = await first.client.create(configMaps, configMap(name)).catch(() => undefined);
          if (!created) return;
          acknowledged.set(name, Number(created.metadata.resourceVersion));
          if (acknowledged.size === 400) reached();
        }
      });
      await enough;
      await first.end(signal);
      stopping = true;
      await Promise.all(writers);

      const second = await start(directory);
      const { items } = await second.client.list(configMaps, { namespace: 'default' });
      const found = new Map(items.map(({ metadata, data }) => [metadata.name as string, { version: Number(metadata.resourceVersion), data }]));
      for (const [name, version] of acknowledged) assert.deepEqual(found.get(name), { version, data: { name } }, name);
      const next = await second.client.create(configMaps, configMap('after'));
      assert.ok(Number(next.metadata.resourceVersion) > Math.max(...acknowledged.values()), 'resourceVersions go on');
      await second.end('SIGTERM');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
