/**
 * The healthCheckNodePorts of Services under externalTrafficPolicy Local: a
 * balancer outside asks there whether this node has an endpoint to send to.
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { Service } from '../../api/types/core-v1.ts';
import type { Logger } from '../../base/logger.ts';
import { keyOf } from '../../client/resource.ts';
import { closed, listening } from './proxy-health.ts';

export interface HealthCheckPortsOptions {
  readonly logger: Logger;
  /** How many endpoints the Service has here. */
  readonly localReady: (key: string) => number;
  readonly proxyHealthy: () => boolean;
}

interface Served {
  readonly port: number;
  readonly server: Server;
}

export class HealthCheckPorts {
  readonly #options: HealthCheckPortsOptions;
  readonly #served = new Map<string, Served>();

  constructor(options: HealthCheckPortsOptions) {
    this.#options = options;
  }

  /** `service` as it is now. */
  update(service: Service): void {
    const { type, externalTrafficPolicy, healthCheckNodePort = 0 } = service.spec ?? {};
    const wanted = type === 'LoadBalancer' && externalTrafficPolicy === 'Local' ? healthCheckNodePort : 0;
    const key = keyOf(service);
    const served = this.#served.get(key);
    if ((served?.port ?? 0) === wanted) return;
    if (served) this.remove(key);
    if (wanted !== 0) this.#serve(key, wanted, service);
  }

  remove(key: string): void {
    const served = this.#served.get(key);
    this.#served.delete(key);
    if (served) void closed(served.server);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#served.values()].map(({ server }) => closed(server)));
    this.#served.clear();
  }

  #serve(key: string, port: number, { metadata: { namespace, name } }: Service): void {
    const { logger, localReady, proxyHealthy } = this.#options;
    const server = createServer((_, response) => {
      const localEndpoints = localReady(key);
      const serviceProxyHealthy = proxyHealthy();
      const headers = { 'content-type': 'application/json', 'x-content-type-options': 'nosniff', 'x-load-balancing-endpoint-weight': String(localEndpoints) };
      const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy };
      response.writeHead(localEndpoints > 0 && serviceProxyHealthy ? 200 : 503, headers).end(JSON.stringify(body));
    });
    this.#served.set(key, { port, server });
    listening(server, port).catch((error: unknown) => {
      logger.warn('a healthCheckNodePort cannot be served', { service: key, port, error });
      if (this.#served.get(key)?.server === server) this.#served.delete(key);
    });
  }
}
