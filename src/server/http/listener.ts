/**
 * One TLS port that speaks HTTP/2 and HTTP/1.1 and turns every request into an
 * exchange (base/exchange.ts). Nothing behind it sees a socket. Limits live
 * here: header and body size, slow senders, idle and half-open connections.
 */
import http from 'node:http';
import tls from 'node:tls';
import net from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import type { ExchangeHandler } from '../../base/exchange.ts';
import { Http2Server } from './h2/server.ts';
import { receiveHttp1 } from './http1-exchange.ts';
import { originOf, type Origin } from './origin.ts';
import { mayUpgrade, receiveUpgrade } from './upgrade.ts';

export interface ListenerOptions {
  readonly host: string;
  /** Further addresses, at the same port. */
  readonly alsoAt?: readonly string[];
  /** 0 takes any free port. */
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
  /** PEM of the authority whose client certificates are believed. */
  readonly clientAuthority: string;
  readonly handler: ExchangeHandler;
  /** How long the sender of a request over HTTP/1.1 may take, and for its head half of that; a minute unless set. */
  readonly senderTimeoutMs?: number;
  readonly clock: Clock;
}

export interface Listener {
  readonly port: number;
  /** Ends open streams, then closes; what does not end within `graceMs` is cut. */
  close(graceMs: number): Promise<void>;
}

const handshakeTimeoutMs = 10_000;
/** A connection that brings no request for so long is closed; clients keep theirs warm or reopen. */
const idleTimeoutMs = 600_000;
const connectionsMax = 30_000;
const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };

export function listen(options: ListenerOptions): Promise<Listener> {
  const { senderTimeoutMs = 60_000 } = options;
  const origins = new Map<Socket, Origin>();

  const overHttp1 = http.createServer({
    maxHeaderSize: 64 * 1024,
    keepAliveTimeout: idleTimeoutMs,
    headersTimeout: senderTimeoutMs / 2,
    // The sender of a body must not dawdle; answers (watches) may take as long as they like.
    requestTimeout: senderTimeoutMs,
    connectionsCheckingInterval: senderTimeoutMs / 6,
    shouldUpgradeCallback: mayUpgrade,
  });
  overHttp1.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
    receiveHttp1(request, response, origins.get(request.socket)?.peer, options.handler);
  });
  overHttp1.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    receiveUpgrade(request, socket, head, origins.get(request.socket)?.peer, options.handler);
  });

  const overHttp2 = new Http2Server(options.handler, options.clock);

  const server = tls.createServer({
    cert: options.certificate,
    key: options.privateKey,
    ca: options.clientAuthority,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: handshakeTimeoutMs,
    ...socketOptions,
  });
  server.maxConnections = connectionsMax;
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => {
    const origin = originOf(socket);
    origins.set(socket, origin);
    socket.on('close', () => origins.delete(socket));
    // A peer that breaks off, or breaks the protocol, loses its connection; nobody else notices.
    socket.on('error', () => {});
    if (socket.alpnProtocol === 'h2') overHttp2.accept(socket, origin);
    else overHttp1.emit('connection', socket);
  });

  return openAll(server, options).then(
    (further) => {
      // It listens through another, and looks after slow senders only once it listens.
      overHttp1.emit('listening');
      return {
        port: (server.address() as AddressInfo).port,
        close(graceMs) {
          for (const other of further) other.close();
          return closeAll(server, overHttp1, overHttp2, origins, graceMs);
        },
      };
    },
    (error: unknown) => {
      overHttp2.close();
      throw error;
    },
  );
}

/** Opens the server at its own address, and at the others sockets that pass their connections to it. */
async function openAll(server: tls.Server, { host, port, alsoAt = [] }: ListenerOptions): Promise<readonly net.Server[]> {
  const opened: net.Server[] = [];
  try {
    await open(server, port, host);
    const { port: taken } = server.address() as AddressInfo;
    for (const address of alsoAt) {
      const other = net.createServer(socketOptions, (socket) => server.emit('connection', socket));
      await open(other, taken, address);
      opened.push(other);
    }
    return opened;
  } catch (error) {
    for (const one of [server, ...opened]) one.close();
    throw error;
  }
}

function open(server: net.Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeAll(
  server: tls.Server,
  overHttp1: http.Server,
  overHttp2: Http2Server,
  sockets: ReadonlyMap<Socket, Origin>,
  graceMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      for (const socket of sockets.keys()) socket.destroy();
    }, graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    overHttp1.close();
    overHttp2.close();
  });
}
