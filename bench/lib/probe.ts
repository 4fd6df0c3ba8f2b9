/**
 * A thread of its own that measures the API while something else loads it: a
 * mix of calls, each at its own rate, every latency counted from the moment
 * its request was meant to leave. A late answer puts no other request off, so
 * that a stall counts in full.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { ConnectionConfig } from '../../src/client/kubeconfig.ts';
import { Api, type Method } from './api.ts';
import { ApiLatency, newHistogram, record, summaryOf, type LatencyRow } from './latency.ts';
import { configMap } from './objects.ts';
import { isSingle, keyOfRequest, type RequestKey } from './request-key.ts';

export interface ProbeStart {
  readonly config: ConnectionConfig;
  /** Where it may write; pods listed by selector are of here too. */
  readonly namespace: string;
  /** Of performance.timeOrigin and performance.now(): the zero of the timeline. */
  readonly originMs: number;
}

export interface ProbeResult {
  readonly rows: readonly LatencyRow[];
  /** Single-object calls of each second: when it ended, milliseconds. */
  readonly timeline: readonly { readonly seconds: number; readonly p50: number; readonly p99: number }[];
  readonly answered: number;
  readonly failed: number;
  /** Milliseconds without any good answer, the longest such stretch. */
  readonly longestSilenceMs: number;
}

interface Call {
  readonly perSecond: number;
  /** Of its number. */
  next(index: number): { readonly method: Method; readonly target: string; readonly body?: unknown };
}

const objects = 400;
const objectBytes = 3000;
const warmUpRounds = 10;
const tickMs = 10;
const timelineMs = 1000;
/** A server that is down for long must not fill our memory. */
const unansweredMax = 1000;
/** What is left to come, when it is told to stop. */
const patienceMs = 2000;

const { config, namespace, originMs } = workerData as ProbeStart;
const port = parentPort!;
const api = await Api.open(config, { connections: 2 });
const maps = `/api/v1/namespaces/${namespace}/configmaps`;
// So many that two writes never meet on one object: what that costs is another question.
await Promise.all(Array.from({ length: objects }, (_, index) => api.call('POST', maps, configMap(`probe-${index}`, objectBytes))));
const nodeNames = (await api.json<{ items: { metadata: { name: string } }[] }>('GET', '/api/v1/nodes?limit=500')).items.map(({ metadata }) => metadata.name);

const nameOf = (index: number) => `probe-${Math.abs(index) % objects}`;

const calls: Call[] = [
  { perSecond: 20, next: (index) => ({ method: 'GET', target: `${maps}/${nameOf(index)}` }) },
  { perSecond: 10, next: (index) => ({ method: 'PATCH', target: `${maps}/${nameOf(index * 2)}`, body: { data: { write: String(index) } } }) },
  { perSecond: 5, next: (index) => ({ method: 'PUT', target: `${maps}/${nameOf(index * 2 + 1)}`, body: configMap(nameOf(index * 2 + 1), objectBytes + (index & 63)) }) },
  { perSecond: 5, next: (index) => ({ method: 'POST', target: maps, body: configMap(`new-${index}`, 1000) }) },
  // Two seconds behind, so that it is there.
  { perSecond: 5, next: (index) => ({ method: 'DELETE', target: `${maps}/new-${index - 10}` }) },
  { perSecond: 1, next: () => ({ method: 'GET', target: `/api/v1/namespaces/${namespace}/pods?labelSelector=probe&resourceVersion=0` }) },
  // Pages: with resourceVersion=0 the limit would be ignored, and a large cluster sent whole each second.
  { perSecond: 1, next: () => ({ method: 'GET', target: '/api/v1/pods?limit=500' }) },
  { perSecond: 0.5, next: () => ({ method: 'GET', target: `/api/v1/namespaces/${namespace}/pods?limit=500` }) },
  { perSecond: 0.2, next: () => ({ method: 'GET', target: '/api/v1/nodes?resourceVersion=0' }) },
];
if (nodeNames.length > 0) calls.push({ perSecond: 5, next: (index) => ({ method: 'GET', target: `/api/v1/nodes/${nodeNames[Math.abs(index) % nodeNames.length]}` }) });

// Both sides' code is compiled by then.
for (let round = 0; round < warmUpRounds; round++)
  for (const call of calls) {
    const { method, target, body } = call.next(-1 - round);
    await api.call(method, target, body).catch(() => {});
  }

const latency = new ApiLatency();
const timeline: { seconds: number; p50: number; p99: number }[] = [];
let second = newHistogram();
let [answered, failed, unanswered, longestSilenceMs] = [0, 0, 0, 0];
let heardAt = performance.now();

function send(call: Call, index: number, dueAt: number): void {
  const { method, target, body } = call.next(index);
  const key = keyOfRequest(method, target) as RequestKey;
  const failedNow = () => {
    failed++;
    latency.record(key, 0, true);
  };
  if (unanswered >= unansweredMax) {
    failedNow();
    return;
  }
  unanswered++;
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  api
    .connection()
    .then((connection) => connection.status(api.head(method, target), bytes))
    .then(
      (status) => {
        const now = performance.now();
        unanswered--;
        // A deletion of what a failed request did not create is answered too.
        if (status === 429 || status >= 500) {
          failedNow();
          return;
        }
        answered++;
        longestSilenceMs = Math.max(longestSilenceMs, now - heardAt);
        heardAt = now;
        latency.record(key, now - dueAt, false);
        if (isSingle(key)) record(second, now - dueAt);
      },
      () => {
        unanswered--;
        failedNow();
      },
    );
}

const beganAt = performance.now();
const sent = calls.map(() => 0);
function tick(): void {
  const elapsedMs = performance.now() - beganAt;
  for (const [at, call] of calls.entries())
    for (let index = sent[at] as number; (index * 1000) / call.perSecond <= elapsedMs; index++) {
      sent[at] = index + 1;
      send(call, index, beganAt + (index * 1000) / call.perSecond);
    }
}
const ticking = setInterval(tick, tickMs);
const drawing = setInterval(() => {
  const { count, p50, p99 } = summaryOf(second);
  second = newHistogram();
  if (count > 0) timeline.push({ seconds: (performance.timeOrigin + performance.now() - originMs) / 1000, p50, p99 });
}, timelineMs);

port.on('message', (message: 'part' | 'stop') => {
  if (message === 'part') {
    port.postMessage(latency.takePart());
    return;
  }
  clearInterval(ticking);
  clearInterval(drawing);
  const until = performance.now() + patienceMs;
  const finish = () => {
    if (unanswered > 0 && performance.now() < until) {
      setTimeout(finish, tickMs);
      return;
    }
    longestSilenceMs = Math.max(longestSilenceMs, unanswered > 0 ? performance.now() - heardAt : 0);
    const result: ProbeResult = { rows: latency.rows(), timeline, answered, failed: failed + unanswered, longestSilenceMs };
    port.postMessage(result);
    api.close();
    port.close();
  };
  finish();
});
port.postMessage('ready');
