/**
 * Requests by path, as a client with a rate limit makes them: each waits for
 * its token, then leaves on one of a few connections, which are opened again
 * when they break. What a call takes counts from its token on.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import type { ConnectionConfig } from '../../src/client/kubeconfig.ts';
import { TokenBucket } from '../../src/client/token-bucket.ts';
import { encodeHead, H2Connection } from './h2-connection.ts';
import type { ApiLatency } from './latency.ts';
import { keyOfRequest } from './request-key.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface ApiOptions {
  readonly connections?: number;
  /** Requests a second, with so many at once. */
  readonly limit?: { readonly qps: number; readonly burst: number } | undefined;
  readonly latency?: ApiLatency;
}

export class StatusError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** 429 and 503 ask to come again; clients of Kubernetes do. */
const retries = 10;
const retryAfterMs = 1000;

export class Api {
  readonly config: ConnectionConfig;
  readonly #connections: Promise<H2Connection>[];
  readonly #limiter: TokenBucket | undefined;
  readonly #latency: ApiLatency | undefined;
  readonly #authority: string;
  readonly #basePath: string;
  #next = 0;

  private constructor(config: ConnectionConfig, { connections = 1, limit, latency }: ApiOptions) {
    const url = new URL(config.server);
    this.config = config;
    this.#authority = url.host;
    this.#basePath = url.pathname.replace(/\/$/, '');
    this.#connections = Array.from({ length: connections }, () => H2Connection.open(config));
    this.#limiter = limit && new TokenBucket(systemClock(), limit.qps, limit.burst);
    this.#latency = latency;
  }

  static async open(config: ConnectionConfig, options: ApiOptions = {}): Promise<Api> {
    const api = new Api(config, options);
    await Promise.all(api.#connections);
    return api;
  }

  head(method: Method, target: string, contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'): Buffer {
    return encodeHead({
      method,
      target: this.#basePath + target,
      authority: this.#authority,
      ...(method === 'GET' ? {} : { contentType }),
      ...(this.config.token ? { token: this.config.token } : {}),
    });
  }

  /** The next of the connections, in turn. */
  async connection(): Promise<H2Connection> {
    const index = this.#next++ % this.#connections.length;
    const known = this.#connections[index] as Promise<H2Connection>;
    const open = await known.catch(() => undefined);
    if (open && !open.failure) return open;
    // Others may have waited for the same one, and one of them has opened the next.
    if (this.#connections[index] === known) this.#connections[index] = H2Connection.open(this.config);
    return this.#connections[index] as Promise<H2Connection>;
  }

  /** Throws StatusError where the answer is no success. */
  async call(method: Method, target: string, body?: unknown, contentType?: string): Promise<Buffer> {
    const head = this.head(method, target, contentType);
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    for (let attempt = 0; ; attempt++) {
      const waitMs = this.#limiter?.reserve() ?? 0;
      if (waitMs > 0) await wait(waitMs);
      const answer = await this.#once(method, target, head, bytes);
      if (answer.status >= 200 && answer.status <= 299) return answer.body;
      const mayCome = answer.status === 429 || answer.status === 503;
      if (!mayCome || attempt === retries) throw new StatusError(answer.status, `${method} ${target}: ${answer.status} ${answer.body.toString().slice(0, 400)}`);
      await wait(retryAfterMs);
    }
  }

  async json<T>(method: Method, target: string, body?: unknown): Promise<T> {
    return JSON.parse((await this.call(method, target, body)).toString()) as T;
  }

  close(): void {
    for (const connection of this.#connections)
      connection.then(
        (open) => open.close(),
        () => {},
      );
  }

  async #once(method: Method, target: string, head: Buffer, body: Buffer | undefined): Promise<{ status: number; body: Buffer }> {
    const key = this.#latency && keyOfRequest(method, target);
    const beganAt = performance.now();
    let status = 0;
    try {
      const answer = await (await this.connection()).request(head, body);
      status = answer.status;
      return answer;
    } finally {
      if (key) this.#latency?.record(key, performance.now() - beganAt, status === 0 || status === 429 || status >= 500);
    }
  }
}
