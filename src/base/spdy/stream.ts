/** One stream of a SPDY connection, as a Duplex: ending it ends one direction, destroying it resets both. */
import { Duplex } from 'node:stream';
import type { SpdyHeaders } from './header-block.ts';

/** What a stream asks of its connection. */
export interface StreamOwner {
  /** Calls back once more may be written. */
  sendData(stream: SpdyStream, chunk: Buffer, callback: () => void): void;
  sendFin(stream: SpdyStream): void;
  /** It can take more, after it had said that it could not. */
  hasRoom(stream: SpdyStream): void;
  /** Whoever has destroyed it. */
  gone(stream: SpdyStream): void;
}

/** Received and not yet read, before the connection is read no further. */
const unreadBytesMax = 256 * 1024;

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  /** No more comes from the peer. */
  remoteEnded = false;
  /** Nothing more goes to the peer. */
  localEnded = false;
  readonly #owner: StreamOwner;

  constructor(owner: StreamOwner, id: number, headers: SpdyHeaders) {
    super({ readableHighWaterMark: unreadBytesMax });
    this.#owner = owner;
    this.id = id;
    this.headers = headers;
    // Whatever is wrong with a stream is its end, which `close` tells.
    this.on('error', () => {});
  }

  /** False: it is full. */
  receive(part: Buffer): boolean {
    return this.remoteEnded || this.destroyed || part.length === 0 || this.push(part);
  }

  /** The peer has sent all it will. */
  receiveEnd(): void {
    if (this.remoteEnded) return;
    this.remoteEnded = true;
    if (!this.destroyed) this.push(null);
  }

  /** The peer has given the stream up, or is gone. What has come before is still there to be read: servers reset all streams right after their last word. */
  receiveReset(): void {
    const unread = !this.destroyed && this.readableLength > 0;
    if (unread && !this.remoteEnded) this.push(null);
    this.remoteEnded = true;
    this.localEnded = true;
    if (unread) this.end();
    else this.destroy();
  }

  override _read(): void {
    this.#owner.hasRoom(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#owner.sendData(this, chunk, callback);
  }

  override _final(callback: () => void): void {
    this.#owner.sendFin(this);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#owner.gone(this);
    callback(error);
  }
}
