/** One HTTP/2 stream: the request and the responder of an exchange in one. */
import type { ExchangeRequest, PeerCertificate, Responder } from '../../../base/exchange.ts';
import { emptyBody } from '../body.ts';
import type { Origin } from '../origin.ts';
import { ChunkQueue } from './chunk-queue.ts';
import type { Connection } from './connection.ts';
import { ReceiveWindow, SendWindow } from './flow-control.ts';
import { errorCodes } from './frames.ts';
import type { AnswerHeaders } from './head-encoder.ts';
import { RequestBody } from './request-body.ts';
import type { RequestHead } from './request-head.ts';

/** What a stream may send before its body is asked for. */
export const receiveWindowBytes = 1 << 20;

export class Stream implements ExchangeRequest, Responder {
  readonly id: number;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly peerCertificate: PeerCertificate | undefined;
  readonly remoteAddress: string;
  readonly #connection: Connection;

  /** Undefined where the head was all of the request. */
  readonly incoming: RequestBody | undefined;
  readonly receiveWindow: ReceiveWindow | undefined;
  /** Received, but not yet given back to the peer as window. */
  heldBytes = 0;
  /** The peer has sent all it will. */
  remoteEnded: boolean;

  /** The head of the answer; 0 before there is one. */
  status = 0;
  answerHeaders: AnswerHeaders | undefined;
  readonly outgoing = new ChunkQueue();
  readonly sendWindow: SendWindow;
  /** Nothing comes behind what is in `outgoing`. */
  localEnded = false;
  #wantsDrain = false;

  closed = false;
  readonly #onDrain: (() => void)[] = [];
  readonly #onClose: (() => void)[] = [];

  constructor(connection: Connection, id: number, head: RequestHead, endStream: boolean, origin: Origin, sendWindow: number) {
    this.#connection = connection;
    this.id = id;
    this.method = head.method;
    this.target = head.path === '' ? '/' : head.path;
    this.headers = head.headers;
    this.peerCertificate = origin.peer;
    this.remoteAddress = origin.address;
    this.remoteEnded = endStream;
    if (!endStream) {
      this.incoming = new RequestBody(head.contentLength, head.method !== 'GET' && head.method !== 'HEAD');
      this.receiveWindow = new ReceiveWindow(receiveWindowBytes);
    }
    this.sendWindow = new SendWindow(sendWindow);
  }

  body(): Promise<Uint8Array> {
    if (!this.incoming) return emptyBody();
    const body = this.incoming.read();
    this.#giveBack(this.heldBytes);
    return body;
  }

  async *parts(): AsyncGenerator<Uint8Array> {
    if (!this.incoming) return;
    for await (const part of this.incoming.passOn()) {
      this.#giveBack(part.length);
      yield part;
    }
  }

  head(status: number, headers: AnswerHeaders): void {
    if (this.closed || this.status !== 0) return;
    this.status = status;
    this.answerHeaders = headers;
    if (this.method === 'HEAD') this.localEnded = true;
    this.#connection.sender.wake(this);
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.closed || this.localEnded) return true;
    this.#connection.sender.unsentBytes += this.outgoing.add(chunks);
    this.#connection.sender.wake(this);
    this.#wantsDrain ||= !this.#connection.sender.hasRoomFor(this);
    return !this.#wantsDrain;
  }

  end(chunks?: readonly Uint8Array[]): void {
    if (this.closed || this.localEnded) return;
    if (chunks) this.#connection.sender.unsentBytes += this.outgoing.add(chunks);
    this.localEnded = true;
    this.#connection.sender.wake(this);
  }

  destroy(): void {
    if (!this.closed) this.#connection.reset(this, errorCodes.internal);
  }

  onDrain(callback: () => void): void {
    this.#onDrain.push(callback);
  }

  onClose(callback: () => void): void {
    if (this.closed) callback();
    else this.#onClose.push(callback);
  }

  #giveBack(bytes: number): void {
    const given = Math.min(bytes, this.heldBytes);
    this.heldBytes -= given;
    if (given > 0) this.#connection.giveBack(this, given);
  }

  /** The sender has sent all there was. */
  drained(): void {
    if (!this.#wantsDrain) return;
    this.#wantsDrain = false;
    for (const callback of this.#onDrain) callback();
  }

  /** For whatever reason: the connection forgets it, and so does its owner. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.incoming?.breakOff();
    this.outgoing.clear();
    for (const callback of this.#onClose) callback();
  }
}
