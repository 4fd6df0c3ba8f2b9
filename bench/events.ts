/**
 * An event storm: Events as fast as 100 clients can write them, then as many a
 * second as leave the server some room, while others watch them and a probe
 * measures everybody else's requests.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Api } from './lib/api.ts';
import { latencyNote, openConnections, percentileMs, runLoad } from './lib/closed-loop.ts';
import type { H2Connection } from './lib/h2-connection.ts';
import { newHistogram, record } from './lib/latency.ts';
import { Measurement } from './lib/measurement.ts';
import { createNamespace } from './lib/namespaces.ts';
import type { Bench, Run } from './lib/run.ts';
import { startTarget } from './lib/start-target.ts';
import { countEvents, openWatch, versionOf } from './lib/watchers.ts';

const defaultS = 15;
const clients = 100;
const watchers = 10;
/** Of the rate at full speed. */
const steadyShare = 0.5;
const tickMs = 5;

export const events: Bench = {
  title: 'Event storm',
  async run(run) {
    const seconds = run.options.durationS ?? defaultS;
    run.settings({ clients, watchers, 'seconds each': seconds });
    const target = await startTarget(run, { nodes: 0 });
    const measurement = await Measurement.open(run, target);
    const api = await Api.open(target.config, { connections: 4 });
    try {
      const namespace = await createNamespace(api, 'events');
      const perSecond = await fullSpeed(run, measurement, api, namespace, seconds);
      await steady(run, measurement, api, namespace, seconds, Math.round(perSecond * steadyShare));
      await measurement.finish();
    } finally {
      api.close();
      await target.stop();
    }
  },
};

const collectionOf = (namespace: string) => `/api/v1/namespaces/${namespace}/events`;

/** Events a second that were written. */
export async function fullSpeed(run: Run, measurement: Measurement, api: Api, namespace: string, seconds: number): Promise<number> {
  const head = api.head('POST', collectionOf(namespace));
  const connections = await openConnections(api.config, 4);
  const cpu = measurement.usage.stretch();
  const { perSecond, latency } = await measurement.phase('events, full speed', 'events', undefined, (progress) =>
    runLoad({ connections, clients, durationMs: seconds * 1000, next: (index) => ({ head, body: Buffer.from(JSON.stringify(event(namespace, `full-${index}`))) }), expectedStatus: 201, onDone: () => progress.add() }),
  );
  for (const connection of connections) connection.close();
  run.figure({ name: `events written, ${clients} clients`, value: perSecond, unit: '/s', note: `${latencyNote(latency)}; ${cpu()}` });
  return perSecond;
}

/** An open loop; watchers tell how late an event is with them. */
async function steady(run: Run, measurement: Measurement, api: Api, namespace: string, seconds: number, perSecond: number): Promise<void> {
  const collection = collectionOf(namespace);
  const watching = await openConnections(api.config, watchers);
  const head = api.head('GET', `${collection}?watch=true&resourceVersion=${await versionOf(api, collection)}`);
  const sentAt: number[] = [];
  const latency = newHistogram();
  let delivered = 0;
  const heard = watching.map(() => 0);
  for (const [watcher, connection] of watching.entries())
    openWatch(connection as H2Connection, head, (chunk) => {
      const now = performance.now();
      const count = countEvents(chunk);
      delivered += count;
      // Events come about in the order they were sent in.
      for (let seen = 0; seen < count; seen++) record(latency, now - (sentAt[heard[watcher]!++] ?? now));
    }, () => {});
  const writeHead = api.head('POST', collection);
  let failed = 0;
  await measurement.phase(`events, ${perSecond} a second`, 'events', seconds * perSecond, async (progress) => {
    const beganAt = performance.now();
    for (let index = 0; performance.now() - beganAt < seconds * 1000; ) {
      const due = ((performance.now() - beganAt) * perSecond) / 1000;
      for (; index < due; index++) {
        sentAt.push(performance.now());
        const body = Buffer.from(JSON.stringify(event(namespace, `steady-${index}`)));
        (await api.connection()).send(writeHead, body, { onEnd: (status) => void (status === 201 || failed++), onError: () => failed++ });
      }
      progress.set(index);
      await wait(tickMs);
    }
  });
  await wait(1000);
  for (const connection of watching) connection.close();
  run.figure(
    { name: `events delivered to ${watchers} watchers`, value: delivered / watchers / seconds, unit: '/s', target: { atLeast: perSecond * 0.99 }, note: `${sentAt.length} sent, ${failed} failed` },
    { name: 'from an event sent to it received, p99', value: percentileMs(latency, 99), unit: 'ms', note: latencyNote(latency) },
  );
}

/** As a kubelet writes them. */
function event(namespace: string, name: string): object {
  const now = new Date().toISOString().replace(/\.\d+/, '');
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: { kind: 'Pod', apiVersion: 'v1', namespace, name: `pod-${name}`, uid: '00000000-0000-4000-8000-000000000000', fieldPath: 'spec.containers{pause}' },
    reason: 'Started',
    message: 'Container started; '.repeat(20),
    type: 'Normal',
    source: { component: 'kubelet', host: 'node-0' },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}
