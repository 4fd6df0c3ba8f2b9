/** Closed-loop load: so many clients, each of which sends its next request when it has the answer to the last. */
import type { Histogram } from 'hdr-histogram-js';
import type { ConnectionConfig } from '../../src/client/kubeconfig.ts';
import type { Api } from './api.ts';
import { H2Connection } from './h2-connection.ts';
import { newHistogram, record } from './latency.ts';

export interface LoadOptions {
  readonly connections: readonly H2Connection[];
  /** Requests under way, spread over the connections. */
  readonly clients: number;
  readonly durationMs: number;
  /** Requests in all; as many as the time allows without it. */
  readonly count?: number;
  /** The request of this number. */
  next(index: number): { readonly head: Buffer; readonly body?: Buffer };
  readonly expectedStatus: number;
  /** Called for every good answer. */
  readonly onDone?: () => void;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly count: number;
  /** Microseconds. */
  readonly latency: Histogram;
}

/** In milliseconds, from a histogram of microseconds. */
export const percentileMs = (histogram: Histogram, percentile: number) => histogram.getValueAtPercentile(percentile) / 1000;

export const latencyNote = (histogram: Histogram) => `p50 ${percentileMs(histogram, 50).toFixed(1)} ms, p99 ${percentileMs(histogram, 99).toFixed(1)} ms`;

export const openConnections = (config: ConnectionConfig, count: number): Promise<H2Connection[]> => Promise.all(Array.from({ length: count }, () => H2Connection.open(config)));

export function runLoad({ connections, clients, durationMs, count = Infinity, next, expectedStatus, onDone }: LoadOptions): Promise<LoadResult> {
  const latency = newHistogram();
  const beganAt = performance.now();
  const endAt = beganAt + durationMs;
  let sent = 0;
  let done = 0;
  let active = clients;
  return new Promise((resolve, reject) => {
    const step = (client: number): void => {
      const sentAt = performance.now();
      if (sentAt >= endAt || sent >= count) {
        if (--active === 0) resolve({ perSecond: (done / (sentAt - beganAt)) * 1000, count: done, latency });
        return;
      }
      const { head, body } = next(sent++);
      let text = '';
      (connections[client % connections.length] as H2Connection).send(head, body, {
        onData: (chunk) => {
          if (text.length < 400) text += chunk.toString('latin1', 0, 400);
        },
        onEnd: (status) => {
          if (status !== expectedStatus) {
            reject(new Error(`status ${status}: ${text}`));
            return;
          }
          record(latency, performance.now() - sentAt);
          done++;
          onDone?.();
          step(client);
        },
        onError: reject,
      });
    };
    for (let client = 0; client < clients; client++) step(client);
  });
}

const fillClients = 100;
const fillConnections = 4;

/** Creates `count` objects, as fast as the server takes them. */
export async function createMany(api: Api, collection: string, count: number, objectOf: (index: number) => object, onDone: () => void): Promise<void> {
  const head = api.head('POST', collection);
  const connections = await openConnections(api.config, fillConnections);
  const next = (index: number) => ({ head, body: Buffer.from(JSON.stringify(objectOf(index))) });
  await runLoad({ connections, clients: Math.min(fillClients, count), durationMs: Infinity, count, next, expectedStatus: 201, onDone });
  for (const connection of connections) connection.close();
}
