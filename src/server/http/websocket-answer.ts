/**
 * An answer that comes bit by bit, over a WebSocket, for browsers: of a watch
 * one message an event, of a log what there is at a time. The connection is
 * taken over only when the answer begins.
 */
import type http from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Responder } from '../../base/exchange.ts';

/** Clients have nothing to say here. */
const receivedBytesMax = 4096;
const bearerPrefix = 'base64url.bearer.authorization.k8s.io.';

const handshakes = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: receivedBytesMax,
  // A token is no protocol. What the protocol says of the form of messages upstream leaves unheard on watches, and so do its clients.
  handleProtocols: (protocols) => [...protocols].find((protocol) => !protocol.startsWith(bearerPrefix)) ?? false,
});

/** `refuse` makes the responder of an ordinary answer, for where there is nothing to tell. */
export function answerOverWebSocket(message: http.IncomingMessage, socket: Duplex, head: Buffer, refuse: () => Responder): Responder {
  return new WebSocketResponder(message, socket, head, refuse);
}

class WebSocketResponder implements Responder {
  readonly #message: http.IncomingMessage;
  readonly #socket: Duplex;
  readonly #head: Buffer;
  readonly #refuse: () => Responder;
  #webSocket: WebSocket | undefined;
  #refusal: Responder | undefined;
  #form: 'text' | 'base64' | 'binary' = 'text';

  constructor(message: http.IncomingMessage, socket: Duplex, head: Buffer, refuse: () => Responder) {
    this.#message = message;
    this.#socket = socket;
    this.#head = head;
    this.#refuse = refuse;
  }

  head(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
    if (status === 200) return this.#begin(String(headers['content-type'] ?? ''));
    this.#refusal = this.#refuse();
    this.#refusal.head(status, headers);
  }

  /** Where the handshake is malformed, `ws` says so and closes. */
  #begin(contentType: string): void {
    handshakes.handleUpgrade(this.#message, this.#socket, this.#head, (webSocket) => {
      webSocket.on('error', () => {});
      this.#form = formOf(contentType, webSocket.protocol);
      this.#webSocket = webSocket;
    });
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#refusal) return this.#refusal.write(chunks);
    if (this.#webSocket?.readyState !== 1) return true;
    this.#socket.cork();
    for (const chunk of chunks) this.#webSocket.send(this.#form === 'base64' ? Buffer.from(chunk).toString('base64') : chunk, { binary: this.#form === 'binary' });
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

function formOf(contentType: string, protocol: string): 'text' | 'base64' | 'binary' {
  if (contentType.startsWith('application/json')) return 'text';
  return protocol === 'base64.binary.k8s.io' ? 'base64' : 'binary';
}
