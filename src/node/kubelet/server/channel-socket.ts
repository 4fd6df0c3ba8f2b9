/**
 * Numbered channels over a WebSocket, as Kubernetes has them: each message begins
 * with its channel, as a byte, or as a digit before base64 where a client can
 * only send text. From v5 on a client can close a channel of its own.
 */
import type { WebSocket } from 'ws';
import type { Clock, Timer } from '../../../base/clock.ts';
import { Feed } from './feed.ts';

/** Received and not yet taken: beyond it the connection is not read. */
const unreadBytesMax = 1 << 20;
/** A connection that is not read notices the end of its peer only by writing. */
const heartbeatMs = 30_000;
const closeSignal = 255;
const zero = '0'.charCodeAt(0);

export class ChannelSocket {
  readonly #connection: WebSocket;
  readonly #base64: boolean;
  readonly #closes: boolean;
  readonly #incoming = new Map<number, Feed<Uint8Array>>();
  readonly #gone = new AbortController();
  readonly #heartbeat: Timer;
  #unread = 0;

  constructor(connection: WebSocket, clock: Clock) {
    this.#connection = connection;
    this.#base64 = connection.protocol.includes('base64.');
    this.#closes = connection.protocol.startsWith('v5.');
    this.#heartbeat = clock.every(heartbeatMs, () => {
      if (connection.readyState === connection.OPEN && connection.bufferedAmount === 0) connection.ping();
    });
    connection.on('message', (data) => this.#receive(data as Buffer));
    connection.on('error', () => {});
    connection.on('close', () => {
      this.#heartbeat.cancel();
      this.#gone.abort(new Error('the client has gone'));
      for (const feed of this.#incoming.values()) feed.end();
    });
  }

  get protocol(): string {
    return this.#connection.protocol;
  }

  /** Aborts when the connection is over. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** What the client sends on a channel; what it sends on others is dropped. */
  incoming(channel: number): AsyncIterable<Uint8Array> {
    const feed = new Feed<Uint8Array>((chunk) => {
      this.#unread -= chunk.length;
      if (this.#unread <= unreadBytesMax) this.#connection.resume();
    });
    this.#incoming.set(channel, feed);
    return feed;
  }

  /** Calls back when it is on its way, or nobody is there to hear it. */
  send(channel: number, content: Uint8Array, sent: () => void = () => {}): void {
    if (this.#connection.readyState === this.#connection.OPEN) this.#connection.send(this.#message(channel, content), { binary: !this.#base64 }, () => sent());
    else sent();
  }

  sent(channel: number, content: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.send(channel, content, resolve));
  }

  close(): void {
    // What a client still sends must not keep its goodbye from being read.
    this.#connection.resume();
    this.#connection.close(1000);
  }

  #message(channel: number, content: Uint8Array): Buffer {
    if (this.#base64) return Buffer.from(`${channel}${Buffer.from(content.buffer, content.byteOffset, content.length).toString('base64')}`);
    const message = Buffer.allocUnsafe(content.length + 1);
    message[0] = channel;
    message.set(content, 1);
    return message;
  }

  #receive(message: Buffer): void {
    const first = message[0];
    if (first === undefined) return;
    if (this.#closes && first === closeSignal) {
      this.#incoming.get(message[1] ?? closeSignal)?.end();
      return;
    }
    const feed = this.#incoming.get(this.#base64 ? first - zero : first);
    const content = this.#base64 ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1);
    if (!feed || content.length === 0) return;
    this.#unread += content.length;
    if (this.#unread > unreadBytesMax) this.#connection.pause();
    feed.push(content);
  }
}
