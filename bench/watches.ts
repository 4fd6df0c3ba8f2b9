/**
 * Fan-out: one write and a hundred at once to 1000 watchers, each with a TLS
 * connection of its own, and 1000 different writes a second to 5000 watchers of
 * `spec.nodeName`: `node bench/watches.ts [--only events|nodes]`.
 */
import { isWanted, runAlone, type Bench, type Report } from './lib/bench.ts';
import { cpuNote } from './lib/figure.ts';
import { H2Connection } from './lib/h2-connection.ts';
import { latencyNote, newHistogram, percentileMs, runLoad } from './lib/load.ts';
import { configMap, pod } from './lib/objects.ts';
import { watchCpu } from './lib/processes.ts';
import { Api, openTarget, type Target } from './lib/target.ts';

const watcherCount = 1000;
const rounds = 15;
const burst = 100;
const nodeWatchers = 5000;
const streamsPerConnection = 50;
const writesPerSecond = 1000;
const nodeRunMs = 10_000;
const newline = 0x0a;

export const watches: Bench = async (options, report) => {
  const target = await openTarget(options, { nodes: 0 });
  const api = await Api.open(target.config);
  try {
    if (isWanted(options, 'events')) {
      await fanOut(report, target, api, watcherCount);
      await fanOut(report, target, api, watcherCount / streamsPerConnection);
    }
    if (isWanted(options, 'nodes')) await byNode(report, target, api);
  } finally {
    api.close();
    await target.stop();
  }
};

/** Events end with a new line, and none is inside. */
function countEvents(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) count++;
  return count;
}

const maps = '/api/v1/namespaces/default/configmaps';

async function fanOut(report: Report, target: Target, api: Api, connectionCount: number): Promise<void> {
  const connections = await openMany(target, connectionCount);
  const head = api.head('GET', `${maps}?watch=true&resourceVersion=${await currentVersion(api, maps)}&labelSelector=app%3Dbench`);
  let received = 0;
  let wanted = Infinity;
  let arrived = () => {};
  const onData = (chunk: Buffer) => {
    received += countEvents(chunk);
    if (received >= wanted) arrived();
  };
  for (let watcher = 0; watcher < watcherCount; watcher++) openWatch(connections[watcher % connectionCount] as H2Connection, head, onData);
  await settle(1500);

  /** Milliseconds from the first byte sent until every watcher has every event. */
  const round = async (writes: number, name: string): Promise<number> => {
    received = 0;
    wanted = writes * watcherCount;
    const all = new Promise<void>((resolve) => (arrived = resolve));
    const beganAt = performance.now();
    await Promise.all([all, ...Array.from({ length: writes }, (_, index) => api.call('POST', maps, configMap(`${name}-${index}`, 2900)))]);
    return performance.now() - beganAt;
  };
  const label = `${connectionCount}-${process.pid.toString(36)}`;
  await round(10, `warm-${label}`);
  const shape = `${watcherCount} watchers on ${connectionCount} TLS connections`;
  for (const [writes, atMost] of [[1, 30], [burst, 600]] as const) {
    const times: number[] = [];
    const cpu = watchCpu(target.pid);
    for (let index = 0; index < rounds; index++) times.push(await round(writes, `w${writes}-${label}-${index}`));
    const note = cpuNote(cpu.stop());
    times.sort((a, b) => a - b);
    report({
      name: `${writes} write${writes === 1 ? '' : 's'} to ${shape}, median of ${rounds}`,
      value: times[rounds >> 1] as number,
      unit: 'ms',
      target: { atMost },
      note: `best ${(times[0] as number).toFixed(1)} ms, worst ${(times.at(-1) as number).toFixed(1)} ms; ${note}`,
    });
  }
  for (const connection of connections) connection.close();
}

const pods = '/api/v1/namespaces/default/pods';

/** Every watcher sees the pod of its own node only; the write's own number is found by the watcher. */
async function byNode(report: Report, target: Target, api: Api): Promise<void> {
  const head = api.head('POST', pods);
  const next = (index: number) => ({ head, body: Buffer.from(JSON.stringify(pod(`p-${index}`, { nodeName: `node-${index}` }))) });
  await runLoad({ connections: [api.connection], clients: 100, durationMs: 120_000, count: nodeWatchers, next, expectedStatus: 201 });

  const connections = await openMany(target, nodeWatchers / streamsPerConnection);
  const version = await currentVersion(api, pods);
  const sentAt = new Float64Array(nodeWatchers);
  const latency = newHistogram();
  let events = 0;
  for (let watcher = 0; watcher < nodeWatchers; watcher++) {
    const target = `/api/v1/pods?watch=true&resourceVersion=${version}&fieldSelector=spec.nodeName%3Dnode-${watcher}`;
    openWatch(connections[watcher % connections.length] as H2Connection, api.head('GET', target), (chunk) => {
      const count = countEvents(chunk);
      if (count === 0 || !sentAt[watcher]) return;
      events += count;
      latency.recordValue(Math.max(1, Math.round((performance.now() - (sentAt[watcher] as number)) * 1000)));
      sentAt[watcher] = 0;
    });
  }
  await settle(3000);
  const { writes, failed, note } = await patchAtRate(target, api, sentAt);
  report({
    name: `${writesPerSecond} writes/s to ${nodeWatchers} watchers by spec.nodeName, delivered`,
    value: events / (nodeRunMs / 1000),
    unit: '/s',
    target: { atLeast: writesPerSecond * 0.99 },
    note: `${writes} writes, ${failed} failed ${note}`,
  });
  report({ name: '  from write sent to event received, p99', value: percentileMs(latency, 99), unit: 'ms', note: latencyNote(latency) });
  for (const connection of connections) connection.close();
}

/** An open loop: writes leave at their time, whatever the answers do. A pod still under way is passed over. */
async function patchAtRate(target: Target, api: Api, sentAt: Float64Array): Promise<{ writes: number; failed: number; note: string }> {
  let writes = 0;
  let failed = 0;
  let answered = 0;
  const statuses = new Set<number>();
  const heads = Array.from({ length: nodeWatchers }, (_, index) => api.head('PATCH', `${pods}/p-${index}/status`));
  const cpu = watchCpu(target.pid);
  const beganAt = performance.now();
  for (let slot = 0; performance.now() - beganAt < nodeRunMs; ) {
    const due = ((performance.now() - beganAt) * writesPerSecond) / 1000;
    for (; slot < due; slot++) {
      const index = slot % nodeWatchers;
      if (sentAt[index]) continue;
      const body = Buffer.from(JSON.stringify({ status: { message: `write ${slot}` } }));
      sentAt[index] = performance.now();
      writes++;
      api.connection.send(heads[index] as Buffer, body, {
        onEnd: (status) => {
          answered++;
          if (status === 200) return;
          failed++;
          // Its event will never come.
          sentAt[index] = 0;
          statuses.add(status);
        },
        onError: () => failed++,
      });
    }
    await settle(5);
  }
  const note = `${statuses.size > 0 ? `with status ${[...statuses].join(', ')}; ` : ''}${cpuNote(cpu.stop())}`;
  for (let tries = 0; answered < writes && tries < 100; tries++) await settle(50);
  await settle(300);
  return { writes, failed, note };
}

function openMany(target: Target, count: number): Promise<H2Connection[]> {
  return Promise.all(Array.from({ length: count }, () => H2Connection.open(target.config)));
}

function openWatch(connection: H2Connection, head: Buffer, onData: (chunk: Buffer) => void): void {
  const fail = (what: string) => {
    // A watch that ends would let the run wait for ever.
    process.stderr.write(`a watch has ended: ${what}\n`);
    process.exit(1);
  };
  connection.send(head, undefined, { onData, onEnd: (status) => fail(`status ${status}`), onError: (error) => error.message.includes('by the client') || fail(error.message) });
}

async function currentVersion(api: Api, path: string): Promise<string> {
  const list = JSON.parse((await api.call('GET', `${path}?limit=1`)).toString()) as { metadata: { resourceVersion: string } };
  return list.metadata.resourceVersion;
}

const settle = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

await runAlone(import.meta.main, watches);
