/**
 * `/healthz` and `/livez` of a proxy, as upstream's: unhealthy while a change
 * waits for too long; `/healthz` also while the node is about to be deleted, so
 * that load balancers stop sending to it.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Node } from '../../api/types/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { MetricRegistry } from '../../base/metrics/registry.ts';
import { MetricsPage } from '../../base/metrics/page.ts';

const pendingMaxMs = 60_000;
const toBeDeletedTaint = 'ToBeDeletedByClusterAutoscaler';

export class ProxyHealth {
  readonly #clock: Clock;
  readonly #node: () => Node | undefined;
  #updatedAt = 0;
  #pendingSince: number | undefined;

  constructor(clock: Clock, node: () => Node | undefined) {
    this.#clock = clock;
    this.#node = node;
  }

  queued(): void {
    this.#pendingSince ??= this.#clock.now();
  }

  updated(): void {
    this.#updatedAt = this.#clock.now();
    this.#pendingSince = undefined;
  }

  /** True before the first update too: a proxy that starts is not a broken one. */
  get healthy(): boolean {
    return this.#updatedAt === 0 || this.#pendingSince === undefined || this.#clock.now() - this.#pendingSince < pendingMaxMs;
  }

  get nodeEligible(): boolean {
    const node = this.#node();
    return !!node && !node.metadata.deletionTimestamp && !node.spec?.taints?.some(({ key }) => key === toBeDeletedTaint);
  }

  report(path: '/healthz' | '/livez'): { readonly status: 200 | 503; readonly body: object } {
    const nodeEligible = this.nodeEligible;
    const good = this.healthy && (path === '/livez' || nodeEligible);
    const time = (at: number) => new Date(at).toISOString();
    const now = this.#clock.now();
    const body = { lastUpdated: time(good ? now : this.#updatedAt), currentTime: time(now), ...(path === '/healthz' ? { nodeEligible } : {}) };
    return { status: good ? 200 : 503, body };
  }
}

export interface ListenAddress {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
}

/** Serves health, and the metrics beside it. Rejects where the port is taken. */
export async function serveProxyHealth({ host, port }: ListenAddress, health: ProxyHealth, metrics: MetricRegistry): Promise<{ readonly port: number; close(): Promise<void> }> {
  const page = new MetricsPage(metrics);
  const codes = {
    '/healthz': metrics.counter('kubeproxy_proxy_healthz_total', 'Answers of /healthz.', ['code']),
    '/livez': metrics.counter('kubeproxy_proxy_livez_total', 'Answers of /livez.', ['code']),
  };
  const answer = async ({ url, headers }: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (url ?? '').split('?')[0];
    if (path === '/healthz' || path === '/livez') {
      const { status, body } = health.report(path);
      codes[path].with(String(status)).add();
      response.writeHead(status, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' }).end(JSON.stringify(body));
    } else if (path === '/metrics') {
      const { text, contentType } = await page.render(headers.accept);
      response.writeHead(200, { 'content-type': contentType }).end(text);
    } else response.writeHead(404).end();
  };
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  await listening(server, port, host);
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
}

export function listening(server: Server, port: number, host?: string): Promise<void> {
  return new Promise((resolve, reject) => void server.once('error', reject).listen(port, host, () => resolve()));
}

export async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
