/** LIST of 30,000 pods of 4.8 kB, once and ten at once, and what it does to the requests of others. */
import { setTimeout as wait } from 'node:timers/promises';
import { Api } from './lib/api.ts';
import { createMany, openConnections } from './lib/closed-loop.ts';
import type { H2Connection } from './lib/h2-connection.ts';
import { Measurement } from './lib/measurement.ts';
import { createNamespace } from './lib/namespaces.ts';
import { pod } from './lib/objects.ts';
import type { Bench, Run } from './lib/run.ts';
import { startTarget } from './lib/start-target.ts';

const defaultCount = 30_000;
const atOnce = 10;
const rounds = 5;
const settleMs = 5000;

export const lists: Bench = {
  title: 'Large lists',
  async run(run) {
    const count = run.options.count ?? defaultCount;
    const target = await startTarget(run, { nodes: 0 });
    const api = await Api.open(target.config);
    try {
      const namespace = await createNamespace(api, 'lists');
      const pods = `/api/v1/namespaces/${namespace}/pods`;
      await run.phase('fill', 'pods', count, (progress) => createMany(api, pods, count, (index) => pod(`pod-${index}`), () => progress.add()));
      const bytes = (await api.call('GET', `${pods}/pod-7`)).length;
      run.settings({ pods: count, 'bytes each': bytes });
      // The controllers have the pods too; their garbage is not the list's.
      await wait(settleMs);
      const measurement = await Measurement.open(run, target);
      const shape = `LIST of ${count} pods`;
      const first = await measurement.phase('first list', 'lists', 1, () => measure(api, measurement, 1));
      run.figure({ name: `${shape}, the first`, value: first.ms, unit: 'ms', note: `${Math.round(first.bytes / 1e6)} MB; ${first.note}` });
      const times: Measured[] = [];
      await measurement.phase('lists, one at a time', 'lists', rounds, async (progress) => {
        for (let round = 0; round < rounds; round++) {
          times.push(await measure(api, measurement, 1));
          progress.add();
        }
      });
      times.sort((a, b) => a.ms - b.ms);
      const middle = times[rounds >> 1] as Measured;
      run.figure({ name: `${shape}, median of ${rounds}`, value: middle.ms, unit: 'ms', target: { atMost: 300 }, note: middle.note });
      await tenAtOnce(run, measurement, api, shape);
      await measurement.finish();
    } finally {
      api.close();
      await target.stop();
    }
  },
};

async function tenAtOnce(run: Run, measurement: Measurement, api: Api, shape: string): Promise<void> {
  const before = measurement.usage.serverMemory();
  const many = await measurement.phase(`${atOnce} lists at once`, 'lists', atOnce, async (progress) => {
    const measured = await measure(api, measurement, atOnce);
    progress.set(atOnce);
    return measured;
  });
  const after = measurement.usage.serverMemory();
  run.figure({ name: `${shape}, ${atOnce} at once`, value: many.ms, unit: 'ms', note: many.note });
  if (after.nowMb === 0) return;
  run.figure(
    { name: 'the server’s growth meanwhile', value: after.highestMb - before.nowMb, unit: 'MB', target: { atMost: 200 } },
    { name: 'the server’s memory with these pods', value: after.nowMb, unit: 'MB', note: 'all of its processes; controllers and their copies included' },
  );
}

interface Measured {
  readonly ms: number;
  readonly bytes: number;
  readonly note: string;
}

/** From the first request until the last byte of the last answer, each on a connection of its own. */
async function measure(api: Api, measurement: Measurement, count: number): Promise<Measured> {
  const connections = await openConnections(api.config, count);
  const head = api.head('GET', '/api/v1/pods');
  const cpu = measurement.usage.stretch();
  const beganAt = performance.now();
  const sizes = await Promise.all(connections.map((connection) => listOnce(connection, head)));
  const ms = performance.now() - beganAt;
  for (const connection of connections) connection.close();
  return { ms, bytes: sizes[0] as number, note: cpu() };
}

function listOnce(connection: H2Connection, head: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    connection.send(head, undefined, {
      onData: (chunk) => (bytes += chunk.length),
      onEnd: (status) => (status === 200 ? resolve(bytes) : reject(new Error(`LIST: status ${status}`))),
      onError: reject,
    });
  });
}
