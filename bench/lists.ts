/** LIST of 30,000 pods of 4.8 kB, once and ten at once: `node bench/lists.ts`. */
import { runAlone, type Bench } from './lib/bench.ts';
import { cpuNote } from './lib/figure.ts';
import { H2Connection } from './lib/h2-connection.ts';
import { runLoad } from './lib/load.ts';
import { pod } from './lib/objects.ts';
import { rssMb, watchCpu, watchRss } from './lib/processes.ts';
import { Api, openTarget, type Target } from './lib/target.ts';

const count = 30_000;
const atOnce = 10;
const rounds = 5;

export const lists: Bench = async (options, report) => {
  const target = await openTarget(options, { nodes: 0 });
  const api = await Api.open(target.config);
  try {
    await fill(target, api);
    const bytes = (await api.call('GET', '/api/v1/namespaces/default/pods/pod-7')).length;
    // The controllers have the pods too; their garbage is not the list's.
    await settle(5000);
    const first = await measure(target, api, 1);
    const shape = `LIST of ${count} pods of ${bytes} bytes`;
    report({ name: `${shape}, the first`, value: first.ms, unit: 'ms', note: `${Math.round(first.bytes / 1e6)} MB; ${first.note}` });
    const times: Measured[] = [];
    for (let round = 0; round < rounds; round++) times.push(await measure(target, api, 1));
    times.sort((a, b) => a.ms - b.ms);
    const middle = times[rounds >> 1] as Measured;
    report({ name: `${shape}, median of ${rounds}`, value: middle.ms, unit: 'ms', target: { atMost: 300 }, note: middle.note });
    const many = await measure(target, api, atOnce);
    report({ name: `${shape}, ${atOnce} at once`, value: many.ms, unit: 'ms', note: many.note });
    report({ name: `server's growth meanwhile`, value: many.growthMb, unit: 'MB', target: { atMost: 200 } });
    if (target.pid) report({ name: `server's RSS with ${count} pods`, value: rssMb(target.pid), unit: 'MB', note: 'after the lists; controllers and their copies included' });
  } finally {
    api.close();
    await target.stop();
  }
};

async function fill(target: Target, api: Api): Promise<void> {
  const head = api.head('POST', '/api/v1/namespaces/default/pods');
  const connections = await Promise.all(Array.from({ length: 4 }, () => H2Connection.open(target.config)));
  const next = (index: number) => ({ head, body: Buffer.from(JSON.stringify(pod(`pod-${index}`))) });
  await runLoad({ connections, clients: 100, durationMs: 300_000, count, next, expectedStatus: 201 });
  for (const connection of connections) connection.close();
}

interface Measured {
  readonly ms: number;
  readonly bytes: number;
  readonly growthMb: number;
  readonly note: string;
}

/** From the first request until the last byte of the last answer, each on a connection of its own. */
async function measure(target: Target, api: Api, lists: number): Promise<Measured> {
  const connections = await Promise.all(Array.from({ length: lists }, () => H2Connection.open(target.config)));
  const head = api.head('GET', '/api/v1/pods');
  const memory = target.pid ? watchRss(target.pid) : undefined;
  const cpu = watchCpu(target.pid);
  const beganAt = performance.now();
  const sizes = await Promise.all(connections.map((connection) => listOnce(connection, head)));
  const ms = performance.now() - beganAt;
  const note = cpuNote(cpu.stop());
  const grown = memory?.stop();
  for (const connection of connections) connection.close();
  return { ms, bytes: sizes[0] as number, growthMb: grown ? grown.highestMb - grown.firstMb : 0, note };
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

const settle = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

await runAlone(import.meta.main, lists);
