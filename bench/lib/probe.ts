/**
 * A thread of its own that measures the API while something else loads it:
 * a GET and a small update in turn, at a fixed rate. A late answer does not put
 * off the next request, so that a stall counts in full.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Histogram } from 'hdr-histogram-js';
import { loadKubeconfig, type ConnectionConfig } from '../../src/client/kubeconfig.ts';
import { newHistogram, percentileMs } from './load.ts';
import { configMap } from './objects.ts';
import { Api } from './target.ts';

export interface ProbeResult {
  readonly get: ProbeLatency;
  readonly update: ProbeLatency;
  readonly all: ProbeLatency;
}

export interface ProbeLatency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const periodMs = 10;
const warmUpMs = 1500;
const maps = '/api/v1/namespaces/default/configmaps';

const config = typeof workerData === 'string' ? loadKubeconfig(workerData) : (workerData as ConnectionConfig);
const api = await Api.open(config);
const name = `probe-${process.pid.toString(36)}-${performance.now().toFixed(0)}`;
await api.call('POST', maps, configMap(name, 3000));
let reads = newHistogram();
let updates = newHistogram();
let count = 0;
let writes = 0;

function probe(): void {
  const beganAt = performance.now();
  const isRead = count++ % 2 === 0;
  const head = isRead ? api.head('GET', `${maps}/${name}`) : api.head('PATCH', `${maps}/${name}`);
  const body = isRead ? undefined : Buffer.from(JSON.stringify({ data: { write: String(writes++) } }));
  const into = isRead ? reads : updates;
  api.connection.send(head, body, {
    onEnd: (status) => {
      if (status !== 200) throw new Error(`the probe was answered with ${status}`);
      into.recordValue(Math.max(1, Math.round((performance.now() - beganAt) * 1000)));
    },
    onError: (error) => {
      throw error;
    },
  });
}

const timer = setInterval(probe, periodMs);
setTimeout(() => {
  reads = newHistogram();
  updates = newHistogram();
  parentPort?.postMessage('warm');
}, warmUpMs);
parentPort?.once('message', () => {
  clearInterval(timer);
  const all = newHistogram();
  all.add(reads);
  all.add(updates);
  const result: ProbeResult = { get: summary(reads), update: summary(updates), all: summary(all) };
  parentPort?.postMessage(result);
  api.close();
});

function summary(latency: Histogram): ProbeLatency {
  return { count: latency.totalCount, p50Ms: percentileMs(latency, 50), p99Ms: percentileMs(latency, 99), maxMs: latency.maxValue / 1000 };
}
