/**
 * Durable creates a second of ConfigMaps of 3 kB, through TLS and the whole
 * write path. Beside them raw puts of the same size into an etcd, where the
 * machine has one: what a datastore costs at least.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { putsPerSecond } from './lib/etcd-puts.ts';
import { configMap } from './lib/objects.ts';
import { measureRates, onTarget } from './lib/on-target.ts';
import { isWanted } from './lib/options.ts';
import type { Bench, Run } from './lib/run.ts';
import { startEtcd } from './target/etcd.ts';
import { findExecutable } from './target/executables.ts';

const bodyBytes = 2900;
const defaultDurationS = 5;

const chart = 'Durable writes a second';

const loads = [
  { clients: 1, connections: 1 },
  { clients: 10, connections: 10 },
  { clients: 100, connections: 4 },
  { clients: 100, connections: 100 },
] as const;

export const writes: Bench = {
  title: 'Durable writes',
  async run(run) {
    run.settings({ bytes: bodyBytes, 'seconds each': run.options.durationS ?? defaultDurationS, datastore: run.options.datastore });
    if (isWanted(run.options, 'server')) await throughServer(run);
    if (isWanted(run.options, 'etcd')) await intoEtcd(run);
  },
};

function throughServer(run: Run): Promise<void> {
  return onTarget(run, 'writes', async (on) => {
    const { api, namespace } = on;
    const head = api.head('POST', `/api/v1/namespaces/${namespace}/configmaps`);
    let names = 0;
    await measureRates(on, {
      figure: 'durable creates',
      unit: 'writes',
      chart,
      seconds: run.options.durationS ?? defaultDurationS,
      loads,
      atLeast: 10_000,
      next: () => ({ head, body: Buffer.from(JSON.stringify(configMap(`w${names++}`, bodyBytes))) }),
      expectedStatus: 201,
    });
  });
}

async function intoEtcd(run: Run): Promise<void> {
  const executable = findExecutable('etcd', run.options.upstreamDir);
  if (executable === undefined) {
    run.note('There is no etcd in PATH to compare with.');
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
  const etcd = await startEtcd(executable, directory);
  try {
    for (const clients of [1, 10, 100])
      await run.phase(`raw etcd, ${clients} clients`, 'puts', undefined, async () => {
        const value = await putsPerSecond(etcd.endpoint, clients, 3000, (run.options.durationS ?? defaultDurationS) * 1000);
        run.figure({ name: `raw etcd puts, ${clients} clients`, value, unit: '/s', chart });
      });
  } finally {
    await etcd.process.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
