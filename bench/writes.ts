/**
 * Durable creates a second of ConfigMaps of 3 kB, through TLS and the whole
 * write path. Beside them raw puts of the same size into an etcd, where the
 * machine has one: what a datastore costs at least.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from './lib/api.ts';
import { latencyNote, openConnections, runLoad } from './lib/closed-loop.ts';
import { putsPerSecond } from './lib/etcd-puts.ts';
import { systemName } from './lib/measurement.ts';
import { createNamespace, deleteNamespace } from './lib/namespaces.ts';
import { configMap } from './lib/objects.ts';
import { isWanted } from './lib/options.ts';
import type { Bench, Run } from './lib/run.ts';
import { startTarget } from './lib/start-target.ts';
import { Usage } from './lib/usage.ts';
import { startEtcd } from './target/etcd.ts';
import { findExecutable } from './target/executables.ts';

const bodyBytes = 2900;
const defaultDurationS = 5;
const warmUpMs = 3000;

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

async function throughServer(run: Run): Promise<void> {
  const seconds = run.options.durationS ?? defaultDurationS;
  const target = await startTarget(run, { nodes: 0 });
  const api = await Api.open(target.config);
  try {
    run.measured(await systemName(run, api));
    const usage = new Usage(() => target.processes(), run.beganAt);
    const namespace = await createNamespace(api, 'writes');
    const head = api.head('POST', `/api/v1/namespaces/${namespace}/configmaps`);
    let names = 0;
    const next = () => ({ head, body: Buffer.from(JSON.stringify(configMap(`w${names++}`, bodyBytes))) });
    await runLoad({ connections: [await api.connection()], clients: 50, durationMs: warmUpMs, next, expectedStatus: 201 });
    for (const { clients, connections: count } of loads)
      await run.phase(`${clients} clients, ${count} connections`, 'writes', undefined, async (progress) => {
        const connections = await openConnections(target.config, count);
        const cpu = usage.stretch();
        const { perSecond, latency, count: done } = await runLoad({ connections, clients, durationMs: seconds * 1000, next, expectedStatus: 201 });
        progress.set(done);
        const bound = clients === 100 ? { target: { atLeast: 10_000 } } : {};
        run.figure({ name: `durable creates, ${clients} clients, ${count} connections`, value: perSecond, unit: '/s', chart, ...bound, note: `${latencyNote(latency)}; ${cpu()}` });
        for (const connection of connections) connection.close();
      });
    await deleteNamespace(api, namespace);
    const found = usage.stop();
    run.usage(found.usage);
    run.series(...found.series);
  } finally {
    api.close();
    await target.stop();
  }
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
