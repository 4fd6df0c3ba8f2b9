/**
 * Fan-out: one write, and a hundred at once, to 1000 watchers with a TLS
 * connection each and with 50 on a connection (`--only events`); 1000
 * different writes a second to 5000 watchers of `spec.nodeName` (`--only nodes`).
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Api } from './lib/api.ts';
import { createMany, latencyNote, openConnections, percentileMs } from './lib/closed-loop.ts';
import type { H2Connection } from './lib/h2-connection.ts';
import { newHistogram, record } from './lib/latency.ts';
import { configMap, pod } from './lib/objects.ts';
import { onTarget } from './lib/on-target.ts';
import { isWanted } from './lib/options.ts';
import type { Bench, Run } from './lib/run.ts';
import type { Usage } from './lib/usage.ts';
import { countEvents, openWatch, versionOf } from './lib/watchers.ts';

const defaultWatchers = 1000;
const rounds = 15;
const burst = 100;
const nodeWatchersPerWatcher = 5;
const streamsPerConnection = 50;
const writesPerSecond = 1000;
const nodeRunS = 10;
const tickMs = 5;

export const watches: Bench = {
  title: 'Watches',
  async run(run) {
    const count = run.options.count ?? defaultWatchers;
    run.settings({ watchers: count });
    await onTarget(run, 'watches', async ({ api, usage, namespace }) => {
      if (isWanted(run.options, 'events')) {
        await fanOut(run, api, usage, namespace, count, count);
        await fanOut(run, api, usage, namespace, count, Math.ceil(count / streamsPerConnection));
      }
      if (isWanted(run.options, 'nodes')) await byNode(run, api, usage, namespace, count * nodeWatchersPerWatcher);
    });
  },
};

async function fanOut(run: Run, api: Api, usage: Usage, namespace: string, watchers: number, connectionCount: number): Promise<void> {
  const maps = `/api/v1/namespaces/${namespace}/configmaps`;
  const connections = await openConnections(api.config, connectionCount);
  const head = api.head('GET', `${maps}?watch=true&resourceVersion=${await versionOf(api, maps)}&labelSelector=app%3Dbench`);
  let received = 0;
  let wanted = Infinity;
  let lost = 0;
  let arrived = () => {};
  /** A server may close the watches of those it finds too slow. Then nobody knows when all have everything. */
  const onEnd = () => {
    lost++;
    arrived();
  };
  const onData = (chunk: Buffer) => {
    received += countEvents(chunk);
    if (received >= wanted) arrived();
  };
  for (let watcher = 0; watcher < watchers; watcher++) openWatch(connections[watcher % connectionCount] as H2Connection, head, onData, onEnd);
  await wait(1500);

  /** Milliseconds from the first byte sent until every watcher has every event. */
  const round = async (writes: number, name: string): Promise<number> => {
    received = 0;
    wanted = writes * watchers;
    const all = new Promise<void>((resolve) => (arrived = resolve));
    const beganAt = performance.now();
    await Promise.all([all, ...Array.from({ length: writes }, (_, index) => api.call('POST', maps, configMap(`${name}-${index}`, 2900)))]);
    return performance.now() - beganAt;
  };
  await round(10, `warm-${connectionCount}`);
  const shape = `${watchers} watchers on ${connectionCount} TLS connections`;
  for (const [writes, atMost] of [[1, 30], [burst, 600]] as const) {
    const times: number[] = [];
    const cpu = usage.stretch();
    await run.phase(`${writes} to ${shape}`, 'rounds', rounds, async (progress) => {
      for (let index = 0; index < rounds && lost === 0; index++) {
        const ms = await round(writes, `w${writes}-${connectionCount}-${index}`);
        if (lost === 0) times.push(ms);
        progress.add();
      }
    });
    if (lost > 0) {
      run.figure({ name: `${writes} write${writes === 1 ? '' : 's'} to ${shape}: watches that the server closed`, value: lost, unit: '', target: { atMost: 0 }, note: `after ${times.length} rounds` });
      break;
    }
    const { summary } = run.distribution('One write to all watchers', `${writes} write${writes === 1 ? '' : 's'}, ${connectionCount} connections`, 'ms', times);
    // The bounds are of a thousand watchers.
    const bound = watchers === defaultWatchers ? { target: { atMost } } : {};
    run.figure({ name: `${writes} write${writes === 1 ? '' : 's'} to ${shape}, median of ${rounds}`, value: summary.p50, unit: 'ms', ...bound, note: `worst ${summary.max.toFixed(1)} ms; ${cpu()}` });
  }
  arrived = () => {};
  for (const connection of connections) connection.close();
}

/** Every watcher sees the pod of its own node only. */
async function byNode(run: Run, api: Api, usage: Usage, namespace: string, watchers: number): Promise<void> {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  await run.phase('pods, one a node', 'pods', watchers, (progress) =>
    createMany(api, pods, watchers, (index) => pod(`p-${index}`, { nodeName: `node-${index}` }), () => progress.add()),
  );
  const connections = await openConnections(api.config, Math.ceil(watchers / streamsPerConnection));
  const version = await versionOf(api, pods);
  const sentAt = new Float64Array(watchers);
  const latency = newHistogram();
  let events = 0;
  for (let watcher = 0; watcher < watchers; watcher++) {
    const target = `/api/v1/pods?watch=true&resourceVersion=${version}&fieldSelector=spec.nodeName%3Dnode-${watcher}`;
    openWatch(connections[watcher % connections.length] as H2Connection, api.head('GET', target), (chunk) => {
      const count = countEvents(chunk);
      if (count === 0 || !sentAt[watcher]) return;
      events += count;
      record(latency, performance.now() - (sentAt[watcher] as number));
      sentAt[watcher] = 0;
    });
  }
  await wait(3000);
  const seconds = run.options.durationS ?? nodeRunS;
  const cpu = usage.stretch();
  const { writes, failed } = await run.phase(`writes to ${watchers} nodes`, 'writes', seconds * writesPerSecond, (progress) =>
    patchAtRate(api, pods, sentAt, seconds * 1000, (done) => progress.set(done)),
  );
  run.figure(
    {
      name: `${writesPerSecond} writes/s to ${watchers} watchers by spec.nodeName, delivered`,
      value: events / seconds,
      unit: '/s',
      target: { atLeast: writesPerSecond * 0.99 },
      note: `${writes} writes, ${failed} failed; ${cpu()}`,
    },
    { name: 'from a write sent to its event received, p99', value: percentileMs(latency, 99), unit: 'ms', note: latencyNote(latency) },
  );
  for (const connection of connections) connection.close();
}

/** An open loop: writes leave at their time, whatever the answers do. A pod still under way is passed over. */
async function patchAtRate(api: Api, pods: string, sentAt: Float64Array, durationMs: number, onSlot: (slot: number) => void): Promise<{ writes: number; failed: number }> {
  const connection = await api.connection();
  const heads = Array.from(sentAt, (_, index) => api.head('PATCH', `${pods}/p-${index}/status`));
  let [writes, failed, answered] = [0, 0, 0];
  const beganAt = performance.now();
  for (let slot = 0; performance.now() - beganAt < durationMs; ) {
    const due = ((performance.now() - beganAt) * writesPerSecond) / 1000;
    for (; slot < due; slot++) {
      const index = slot % sentAt.length;
      if (sentAt[index]) continue;
      sentAt[index] = performance.now();
      writes++;
      connection.send(heads[index] as Buffer, Buffer.from(JSON.stringify({ status: { message: `write ${slot}` } })), {
        onEnd: (status) => {
          answered++;
          if (status === 200) return;
          failed++;
          // Its event will never come.
          sentAt[index] = 0;
        },
        onError: () => failed++,
      });
    }
    onSlot(slot);
    await wait(tickMs);
  }
  for (let tries = 0; answered < writes && tries < 100; tries++) await wait(50);
  await wait(300);
  return { writes, failed };
}
