/**
 * Requests that ask to change the protocol of their connection: watches and logs
 * over WebSockets, and streams of pods, whose connection goes through to a node.
 * Until that has happened each is a request like any other, with the same
 * answers where it is refused.
 */
import http from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExchangeHandler, ExchangeRequest, PeerCertificate, Responder } from '../../base/exchange.ts';
import { emptyBody } from './body.ts';
import { respondHttp1 } from './http1-exchange.ts';
import { withRepeated } from './repeated-headers.ts';
import { parseRequestInfo } from './request-info.ts';
import { answerOverWebSocket } from './websocket-answer.ts';

const streamed = new Set(['exec', 'attach', 'portforward', 'proxy']);

/** Whether a request that would change the protocol may; all others are answered as if they had not asked. */
export function mayUpgrade(request: http.IncomingMessage): boolean {
  return isStream(request) || isWebSocketAnswer(request);
}

export function receiveUpgrade(message: http.IncomingMessage, socket: Duplex, head: Buffer, peer: PeerCertificate | undefined, handler: ExchangeHandler): void {
  socket.on('error', () => {});
  const request: ExchangeRequest = {
    method: message.method ?? 'GET',
    target: message.url ?? '/',
    headers: withRepeated(message.headers as Readonly<Record<string, string>>, message.rawHeaders),
    body: emptyBody,
    ...(peer ? { peerCertificate: peer } : {}),
    remoteAddress: message.socket.remoteAddress ?? '',
  };
  if (!isStream(message)) {
    handler(request, answerOverWebSocket(message, socket, head, () => plainResponder(message, socket)));
    return;
  }
  const takeOver = (headers: readonly string[]): Duplex => {
    if (head.length > 0) socket.unshift(head);
    const lines = headers.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`));
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
    return socket;
  };
  handler(request, plainResponder(message, socket, takeOver));
}

/** An ordinary answer, after which the connection ends, unless it is taken over. */
function plainResponder(message: http.IncomingMessage, socket: Duplex, takeOver?: Responder['takeOver']): Responder {
  let responder: Responder | undefined;
  const begun = (): Responder => {
    if (responder) return responder;
    const response = new http.ServerResponse(message);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as never);
    response.on('finish', () => socket.end());
    return (responder = respondHttp1(response));
  };
  return {
    head: (status, headers) => begun().head(status, headers),
    write: (chunks) => begun().write(chunks),
    end: (chunks) => begun().end(chunks),
    destroy: () => void socket.destroy(),
    ...(takeOver ? { takeOver } : {}),
    get closed() {
      return socket.destroyed;
    },
    onDrain: (callback) => void socket.on('drain', callback),
    onClose(callback) {
      if (socket.destroyed) callback();
      else socket.once('close', callback);
    },
  };
}

function isStream(request: http.IncomingMessage): boolean {
  const info = request.headers.upgrade === undefined ? undefined : infoOf(request);
  return info?.isResource === true && streamed.has(info.subresource);
}

function isWebSocketAnswer(request: http.IncomingMessage): boolean {
  if (request.method !== 'GET' || request.headers.upgrade?.toLowerCase() !== 'websocket') return false;
  const info = infoOf(request);
  return info?.verb === 'watch' || (info?.resource === 'pods' && info.subresource === 'log');
}

function infoOf(request: http.IncomingMessage) {
  try {
    return parseRequestInfo(request.method ?? 'GET', request.url ?? '/');
  } catch {
    return undefined;
  }
}
