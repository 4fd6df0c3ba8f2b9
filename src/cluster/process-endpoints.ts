/**
 * What a part that is a process of its own says of itself: /metrics, /healthz,
 * /livez and /readyz. Plain HTTP, and on loopback alone: whoever can reach it is
 * on this machine, and learns nothing that would have to be kept from him.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { measureEventLoop } from '../base/metrics/event-loop.ts';
import { MetricsPage } from '../base/metrics/page.ts';
import { MetricRegistry } from '../base/metrics/registry.ts';
import { measureProcess } from './metrics/process-metrics.ts';

export interface ProcessEndpoints {
  readonly port: number;
  /** What the process counts into. */
  readonly metrics: MetricRegistry;
  /** From now on /readyz says so. */
  ready(): void;
  close(): Promise<void>;
}

export interface ProcessEndpointsOptions {
  /** 0 takes any free one. */
  readonly port: number;
  /** Of the only thread. */
  readonly thread: string;
  readonly clock: Clock;
}

/** Rejects where the port is taken. */
export async function serveProcess({ port, thread, clock }: ProcessEndpointsOptions): Promise<ProcessEndpoints> {
  const metrics = new MetricRegistry();
  const page = new MetricsPage(metrics);
  measureProcess(metrics, clock);
  const loop = measureEventLoop(metrics, clock, thread);
  let ready = false;
  const server = createServer((request, response) => {
    answer(request, response, page, ready).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    metrics,
    ready: () => (ready = true),
    async close() {
      loop.cancel();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer({ method, url, headers }: IncomingMessage, response: ServerResponse, page: MetricsPage, ready: boolean): Promise<void> {
  const send = (status: number, text: string, contentType = 'text/plain; charset=utf-8') =>
    response.writeHead(status, { 'content-type': contentType, 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache, private' }).end(text);
  if (method !== 'GET' && method !== 'HEAD') return void send(405, 'Method Not Allowed\n');
  switch ((url ?? '').split('?')[0]) {
    case '/metrics': {
      const { text, contentType } = await page.render(headers.accept);
      return void send(200, text, contentType);
    }
    case '/healthz':
    case '/livez':
      return void send(200, 'ok');
    case '/readyz':
      return void (ready ? send(200, 'ok') : send(500, '[-]informer-sync failed: reason withheld\nreadyz check failed\n'));
    default:
      return void send(404, '404 page not found\n');
  }
}
