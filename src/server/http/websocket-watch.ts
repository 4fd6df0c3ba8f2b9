/**
 * A watch over a WebSocket, for browsers: one message an event. Until the
 * watch has begun it is a request like any other, with the same answers where
 * it is refused; only then is the connection taken over.
 */
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ExchangeHandler, PeerCertificate, Responder } from '../../base/exchange.ts';
import { emptyBody } from './body.ts';
import { respondHttp1 } from './http1-exchange.ts';
import { parseRequestInfo } from './request-info.ts';

/** Clients have nothing to say on a watch. */
const receivedBytesMax = 4096;
const bearerPrefix = 'base64url.bearer.authorization.k8s.io.';

const handshakes = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: receivedBytesMax,
  // A token is no protocol. What the protocol says of the form of messages upstream leaves unheard, and so do its clients.
  handleProtocols: (protocols) => [...protocols].find((protocol) => !protocol.startsWith(bearerPrefix)) ?? false,
});

/** Whether a request that would change the protocol may; all others are answered as if they had not asked. */
export function isWebSocketWatch(request: http.IncomingMessage): boolean {
  if (request.method !== 'GET' || request.headers.upgrade?.toLowerCase() !== 'websocket') return false;
  try {
    return parseRequestInfo('GET', request.url ?? '/').verb === 'watch';
  } catch {
    return false;
  }
}

export function receiveWebSocketWatch(
  message: http.IncomingMessage,
  socket: Duplex,
  head: Buffer,
  peer: PeerCertificate | undefined,
  handler: ExchangeHandler,
): void {
  socket.on('error', () => {});
  handler(
    {
      method: 'GET',
      target: message.url ?? '/',
      headers: message.headers as Readonly<Record<string, string>>,
      body: emptyBody,
      ...(peer ? { peerCertificate: peer } : {}),
      remoteAddress: message.socket.remoteAddress ?? '',
    },
    new WebSocketResponder(message, socket, head),
  );
}

class WebSocketResponder implements Responder {
  readonly #message: http.IncomingMessage;
  readonly #socket: Duplex;
  readonly #head: Buffer;
  #webSocket: WebSocket | undefined;
  /** Set where there is nothing to watch: an ordinary answer instead of a handshake. */
  #refusal: Responder | undefined;
  #binary = false;

  constructor(message: http.IncomingMessage, socket: Duplex, head: Buffer) {
    this.#message = message;
    this.#socket = socket;
    this.#head = head;
  }

  head(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
    if (status === 200) return this.#begin(String(headers['content-type'] ?? ''));
    const response = new http.ServerResponse(this.#message);
    response.shouldKeepAlive = false;
    response.assignSocket(this.#socket as never);
    response.on('finish', () => this.#socket.end());
    this.#refusal = respondHttp1(response);
    this.#refusal.head(status, headers);
  }

  /** Where the handshake is malformed, `ws` says so and closes. */
  #begin(contentType: string): void {
    this.#binary = !contentType.startsWith('application/json');
    handshakes.handleUpgrade(this.#message, this.#socket, this.#head, (webSocket) => {
      webSocket.on('error', () => {});
      this.#webSocket = webSocket;
    });
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#refusal) return this.#refusal.write(chunks);
    if (this.#webSocket?.readyState !== 1) return true;
    this.#socket.cork();
    for (const chunk of chunks) this.#webSocket.send(chunk, { binary: this.#binary });
    this.#socket.uncork();
    return !this.#socket.writableNeedDrain;
  }

  end(chunks: readonly Uint8Array[] = []): void {
    if (this.#refusal) return this.#refusal.end(chunks);
    this.write(chunks);
    this.#webSocket?.close(1000);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  onDrain(callback: () => void): void {
    this.#socket.on('drain', callback);
  }

  onClose(callback: () => void): void {
    if (this.#socket.destroyed) callback();
    else this.#socket.once('close', callback);
  }
}
