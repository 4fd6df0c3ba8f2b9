/**
 * The kubelet's server: what the API server and metrics pipelines ask a node.
 * Each node has a port of its own, as its Node object says; TLS and HTTP behind
 * the ports are one server for all nodes of a process, so that a fleet of
 * thousands costs little more than its listening sockets.
 */
import https from 'node:https';
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { NodeAccess } from './access.ts';
import { answerRequest, type NodePages } from './answer-request.ts';
import { attach, commandTarget, podAt, runCommand, wantedStreams } from './commands.ts';
import type { UpgradeRequest } from './handshake.ts';
import { NodeError, type ServedNode } from './served-node.ts';

export interface KubeletServerOptions {
  readonly host: string;
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
  /** PEM of the authority whose client certificates are believed. */
  readonly clientAuthority: string;
  readonly clock: Clock;
  readonly pages: NodePages;
}

const keepAliveMs = 600_000;
/** A command comes in the request line: no less than the API server takes, and some for what that adds. */
const headerBytesMax = 128 * 1024;

export class KubeletServer {
  readonly #options: KubeletServerOptions;
  readonly #access: NodeAccess;
  readonly #server: https.Server;
  readonly #ports: net.Server[] = [];
  readonly #nodes = new Map<number, ServedNode>();
  readonly #sockets = new Set<net.Socket>();

  constructor(options: KubeletServerOptions) {
    this.#options = options;
    this.#access = new NodeAccess(options.clock);
    this.#server = https.createServer({ cert: options.certificate, key: options.privateKey, ca: options.clientAuthority, requestCert: true, rejectUnauthorized: false, maxHeaderSize: headerBytesMax });
    // Whoever keeps connections closes them: one that this side closed may just have been given a request.
    this.#server.keepAliveTimeout = keepAliveMs;
    this.#server.on('request', (request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    this.#server.on('tlsClientError', () => {});
  }

  /** Listens for a node; resolves to its port, any free one unless set. */
  serve(node: ServedNode, wanted = 0): Promise<number> {
    const listener = net.createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
      this.#server.emit('connection', socket);
    });
    this.#ports.push(listener);
    return new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(wanted, this.#options.host, () => {
        const { port } = listener.address() as AddressInfo;
        this.#nodes.set(port, node);
        resolve(port);
      });
    });
  }

  close(): void {
    for (const listener of this.#ports) listener.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    try {
      const { node, path, query } = await this.#admit(request);
      await answerRequest({ node, pages: this.#options.pages, clock: this.#options.clock, method: request.method ?? '', accept: request.headers.accept, path, query }, response);
    } catch (error) {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      const { status, message } = asNodeError(error);
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(message);
    }
  }

  async #upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => {});
    try {
      const { node, path, query } = await this.#admit(request);
      await this.#switch(node, path, query, { request, socket, head });
    } catch (error) {
      const { status, message, headers } = asNodeError(error);
      const lines = Object.entries({ 'content-type': 'text/plain; charset=utf-8', 'content-length': String(Buffer.byteLength(message)), connection: 'close', ...headers });
      const head = lines.flatMap(([name, values]) => [values].flat().map((value) => `${name}: ${value}\r\n`)).join('');
      socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? 'Error'}\r\n${head}\r\n${message}`);
    }
  }

  /** What serves streams is loaded for the first that comes: most nodes of a fleet never see one. */
  async #switch(node: ServedNode, path: string, query: URLSearchParams, upgrade: UpgradeRequest): Promise<void> {
    const { clock } = this.#options;
    const [root, ...segments] = path.split('/').slice(1).map(decodeURIComponent);
    switch (root) {
      case 'exec':
      case 'attach': {
        const target = commandTarget(node, segments);
        const wanted = wantedStreams(query);
        const command = query.getAll('command');
        const { serveCommand } = await import('./serve-command.ts');
        return serveCommand(upgrade, wanted, clock, (client) => (root === 'exec' ? runCommand(node, target, command, wanted.tty, client, client.signal) : attach(node, target, client, client.signal)));
      }
      case 'portForward': {
        const { servePortForward } = await import('./port-forward.ts');
        return servePortForward(upgrade, query, { pod: podAt(node, segments), runtime: node.runtime, clock });
      }
    }
    throw new NodeError(404, '404 page not found\n');
  }

  /** Whom the request is for, once its caller may make it. */
  async #admit(request: http.IncomingMessage): Promise<{ node: ServedNode; path: string; query: URLSearchParams }> {
    const node = this.#nodes.get(request.socket.localPort ?? 0);
    if (!node) throw new NodeError(503, 'there is no node at this port');
    const url = new URL(request.url ?? '/', 'https://node');
    await this.#access.check(node, request, url.pathname);
    return { node, path: url.pathname, query: url.searchParams };
  }
}

function asNodeError(error: unknown): NodeError {
  return error instanceof NodeError ? error : new NodeError(500, error instanceof Error ? error.message : String(error));
}
