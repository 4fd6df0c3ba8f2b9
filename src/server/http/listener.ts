/**
 * One TLS port that speaks HTTP/2 and HTTP/1.1 and turns every request into an
 * exchange (base/exchange.ts). Nothing behind it sees a socket. Limits live
 * here: header and body size, slow senders, idle and half-open connections.
 */
import http from 'node:http';
import http2 from 'node:http2';
import tls from 'node:tls';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ExchangeHandler, PeerCertificate } from '../../base/exchange.ts';
import { receiveHttp1 } from './http1-exchange.ts';
import { receiveHttp2 } from './http2-exchange.ts';
import { isWebSocketWatch, receiveWebSocketWatch } from './websocket-watch.ts';

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
  /** PEM of the authority whose client certificates are believed. */
  readonly clientAuthority: string;
  readonly handler: ExchangeHandler;
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

/** What is known of a connection's other end; looked up once a connection. */
interface Origin {
  readonly peer: PeerCertificate | undefined;
  readonly address: string;
}

function originOf(socket: tls.TLSSocket): Origin {
  const address = socket.remoteAddress ?? '';
  if (!socket.authorized) return { peer: undefined, address };
  const { subject, fingerprint256 } = socket.getPeerCertificate();
  if (!subject?.CN) return { peer: undefined, address };
  const organizations = subject.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  const fingerprint = fingerprint256.replaceAll(':', '').toLowerCase();
  return { peer: { commonName: String(subject.CN), organizations, fingerprint }, address };
}

export function listen(options: ListenerOptions): Promise<Listener> {
  const origins = new Map<Socket, Origin>();
  const sessions = new Map<http2.Http2Session, Origin>();

  const overHttp1 = http.createServer({
    maxHeaderSize: 64 * 1024,
    keepAliveTimeout: idleTimeoutMs,
    headersTimeout: 30_000,
    // The sender of a body must not dawdle; answers (watches) may take as long as they like.
    requestTimeout: 60_000,
    connectionsCheckingInterval: 10_000,
    shouldUpgradeCallback: isWebSocketWatch,
  });
  overHttp1.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
    receiveHttp1(request, response, origins.get(request.socket)?.peer, options.handler);
  });
  overHttp1.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    receiveWebSocketWatch(request, socket, head, origins.get(request.socket)?.peer, options.handler);
  });

  const overHttp2 = http2.createServer({
    maxSessionMemory: 64,
    settings: { maxConcurrentStreams: 1000, initialWindowSize: 1 << 20, maxHeaderListSize: 64 * 1024 },
  });
  overHttp2.on('session', (session) => {
    sessions.set(session, originOf(session.socket as tls.TLSSocket));
    session.setLocalWindowSize(1 << 22);
    session.on('close', () => sessions.delete(session));
    session.setTimeout(idleTimeoutMs, () => {
      session.close();
    });
  });
  overHttp2.on('stream', (stream, headers, _flags, rawHeaders) => {
    const origin = stream.session && sessions.get(stream.session);
    if (origin) receiveHttp2(stream as http2.ServerHttp2Stream, headers, rawHeaders, origin.peer, origin.address, options.handler);
  });
  // A peer that breaks the protocol loses its session; nobody else notices.
  overHttp2.on('sessionError', () => {});
  overHttp2.on('error', () => {});

  const server = tls.createServer({
    cert: options.certificate,
    key: options.privateKey,
    ca: options.clientAuthority,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: handshakeTimeoutMs,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  });
  server.maxConnections = connectionsMax;
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => {
    origins.set(socket, originOf(socket));
    socket.on('close', () => origins.delete(socket));
    socket.on('error', () => {});
    if (socket.alpnProtocol === 'h2') overHttp2.emit('connection', socket);
    else overHttp1.emit('connection', socket);
  });

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve({
        port: (server.address() as AddressInfo).port,
        close: (graceMs) => closeAll(server, overHttp1, sessions.keys(), origins, graceMs),
      });
    });
  });
}


function closeAll(
  server: tls.Server,
  overHttp1: http.Server,
  sessions: Iterable<http2.Http2Session>,
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
    overHttp1.closeIdleConnections();
    for (const session of sessions) session.close();
  });
}
