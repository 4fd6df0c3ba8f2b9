/**
 * The server's connections to the nodes' servers, with a client certificate of
 * its own. Their certificates are not checked, as upstream does not unless it is
 * told to: most kubelets sign theirs themselves.
 */
import https from 'node:https';
import type http from 'node:http';
import type { Duplex } from 'node:stream';
import { plainHeaders } from './headers.ts';

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

export interface NodeRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
}

export interface NodeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** The connection itself, once the node has changed its protocol. */
export interface NodeTunnel {
  readonly headers: readonly string[];
  readonly socket: Duplex;
  /** What the node has already sent on it. */
  readonly head: Uint8Array;
}

const connectTimeoutMs = 10_000;

export class NodeClient {
  readonly #agent: https.Agent;

  constructor({ certificate, privateKey }: { readonly certificate: string; readonly privateKey: string }) {
    this.#agent = new https.Agent({ cert: certificate, key: privateKey, rejectUnauthorized: false, keepAlive: true, maxFreeSockets: 32, timeout: 0 });
  }

  /** Resolves with the head of the answer, whatever its status. */
  send(address: NodeAddress, request: NodeRequest): Promise<NodeAnswer> {
    return new Promise((resolve, reject) => {
      const outgoing = this.#open(address, request, reject);
      outgoing.once('response', (response) => resolve(answerOf(response)));
      outgoing.end(request.body);
    });
  }

  /** As `send`, for requests that change the protocol: an answer is a refusal. */
  upgrade(address: NodeAddress, request: NodeRequest): Promise<NodeAnswer | NodeTunnel> {
    return new Promise((resolve, reject) => {
      const outgoing = this.#open(address, request, reject);
      outgoing.once('response', (response) => resolve(answerOf(response)));
      outgoing.once('upgrade', (response, socket, head) => resolve({ headers: response.rawHeaders, socket, head }));
      outgoing.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #open({ host, port }: NodeAddress, { method, target, headers, signal }: NodeRequest, reject: (error: Error) => void): http.ClientRequest {
    const url = `https://${host.includes(':') ? `[${host}]` : host}:${port}${target}`;
    const outgoing = https.request({ agent: this.#agent, host, port, path: target, method, headers, signal });
    outgoing.on('error', (error) => reject(new Error(`${method === 'GET' ? 'Get' : method} "${url}": ${dialText(error, host, port)}`)));
    outgoing.on('socket', (socket) => {
      if (!socket.connecting) return;
      socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('i/o timeout')));
      socket.once('secureConnect', () => socket.setTimeout(0));
    });
    return outgoing;
  }
}

function answerOf(response: http.IncomingMessage): NodeAnswer {
  return { status: response.statusCode ?? 0, headers: plainHeaders(response.headers), body: response as AsyncIterable<Uint8Array> };
}

/** As Go says it, which is what people search for. */
function dialText(error: Error, host: string, port: number): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ECONNREFUSED') return `dial tcp ${host}:${port}: connect: connection refused`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${host}: no such host`;
  return error.message;
}
