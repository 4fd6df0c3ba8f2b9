/**
 * The server's own requests to what stands behind it: the servers of nodes, with
 * a client certificate of its own, and pods and endpoints of Services, as nobody.
 * Their certificates are not checked, as upstream does not unless it is told to:
 * most sign theirs themselves.
 */
import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { roomIn } from '../../../base/writing.ts';
import { answerHeaders, type Headers } from './headers.ts';

export interface Backend {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** Whether it is to know that it is the API server that asks. */
  readonly isNode: boolean;
}

export interface BackendRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Headers;
  readonly body?: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

export interface BackendAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
}

/** The connection itself, once the backend has changed its protocol. */
export interface BackendTunnel {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly socket: Duplex;
  /** What the backend has already sent on it. */
  readonly head: Uint8Array;
}

const connectTimeoutMs = 10_000;

export class BackendClient {
  readonly #nodes: https.Agent;
  readonly #plain = { http: new http.Agent(), https: new https.Agent({ rejectUnauthorized: false }) };

  constructor({ certificate, privateKey }: { readonly certificate: string; readonly privateKey: string }) {
    this.#nodes = new https.Agent({ cert: certificate, key: privateKey, rejectUnauthorized: false, keepAlive: true, maxFreeSockets: 32, timeout: 0 });
  }

  /** Resolves with the head of the answer, whatever its status. */
  async send(backend: Backend, request: BackendRequest): Promise<BackendAnswer> {
    try {
      return await this.#send(backend, request);
    } catch (error) {
      // A connection that was kept may have been closed by its other end while the request was on its way.
      if (!(error instanceof StaleConnection) || request.body || request.signal.aborted) throw error;
      return this.#send(backend, request);
    }
  }

  /** As `send`, for requests that change the protocol: an answer is a refusal. */
  upgrade(backend: Backend, request: BackendRequest): Promise<BackendAnswer | BackendTunnel> {
    return new Promise((resolve, reject) => {
      const outgoing = this.#open(backend, request, reject);
      outgoing.once('response', (response) => resolve(answerOf(response)));
      outgoing.once('upgrade', (response, socket, head) => resolve({ headers: response.rawHeaders, socket, head }));
      outgoing.end();
    });
  }

  close(): void {
    for (const agent of [this.#nodes, this.#plain.http, this.#plain.https]) agent.destroy();
  }

  #send(backend: Backend, request: BackendRequest): Promise<BackendAnswer> {
    return new Promise((resolve, reject) => {
      const outgoing = this.#open(backend, request, reject);
      outgoing.once('response', (response) => resolve(answerOf(response)));
      if (request.body) void sendBody(outgoing, request.body);
      else outgoing.end();
    });
  }

  #open({ scheme, host, port, isNode }: Backend, { method, target, headers, signal }: BackendRequest, reject: (error: Error) => void): http.ClientRequest {
    const agent = isNode ? this.#nodes : this.#plain[scheme];
    const outgoing = (scheme === 'https' ? https : http).request({ agent, host, port, path: target, method, headers: headers as http.OutgoingHttpHeaders, signal });
    outgoing.on('error', (error) => reject(outgoing.reusedSocket && codeOf(error) === 'ECONNRESET' ? new StaleConnection(dialText(error, host, port)) : new Error(dialText(error, host, port))));
    outgoing.on('socket', (socket) => {
      if (!socket.connecting) return;
      socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('i/o timeout')));
      socket.once(scheme === 'https' ? 'secureConnect' : 'connect', () => socket.setTimeout(0));
    });
    return outgoing;
  }
}

export function urlOf({ scheme, host, port }: Backend, target: string): string {
  return `${scheme}://${addressOf(host, port)}${target}`;
}

function addressOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

class StaleConnection extends Error {}

/** As fast as the backend takes it. A body that breaks off breaks the request off. */
async function sendBody(outgoing: http.ClientRequest, body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const part of body) {
      if (outgoing.destroyed) return;
      outgoing.write(part);
      await roomIn(outgoing);
    }
    outgoing.end();
  } catch (error) {
    outgoing.destroy(error as Error);
  }
}

function answerOf(response: http.IncomingMessage): BackendAnswer {
  return { status: response.statusCode ?? 0, headers: answerHeaders(response.headers), body: response as AsyncIterable<Uint8Array> };
}

function codeOf(error: Error): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** As Go says it, which is what people search for. */
function dialText(error: Error, host: string, port: number): string {
  const address = addressOf(host, port);
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return `dial tcp ${address}: connect: connection refused`;
    case 'EHOSTUNREACH':
      return `dial tcp ${address}: connect: no route to host`;
    case 'ENETUNREACH':
      return `dial tcp ${address}: connect: network is unreachable`;
    case 'ENOTFOUND':
      return `dial tcp: lookup ${host}: no such host`;
    case 'ECONNRESET':
      return 'EOF';
    default:
      return error.message === 'i/o timeout' ? `dial tcp ${address}: i/o timeout` : error.message;
  }
}
