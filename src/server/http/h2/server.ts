/**
 * HTTP/2 over sockets that are handed in. Connections that have something to
 * send are flushed together at the end of the turn of the loop, each with one
 * write, in slices if there are many.
 */
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../../base/clock.ts';
import type { ExchangeHandler } from '../../../base/exchange.ts';
import { turns } from '../../../base/turns.ts';
import type { Origin } from '../origin.ts';
import { Connection, sweepPeriodMs } from './connection.ts';
import { Gathering } from './gathering.ts';
import { HeadEncoder } from './head-encoder.ts';

const sliceMs = 4;

export class Http2Server {
  readonly #handler: ExchangeHandler;
  readonly #clock: Clock;
  readonly #connections = new Set<Connection>();
  readonly #gathering = new Gathering();
  readonly #encoder = new HeadEncoder();
  readonly #unflushed = new Set<Connection>();
  #flushing = false;
  #date = '';
  #dateSecond = -1;
  readonly #sweeper: Timer;

  constructor(handler: ExchangeHandler, clock: Clock) {
    this.#handler = handler;
    this.#clock = clock;
    this.#sweeper = clock.every(sweepPeriodMs, () => {
      for (const connection of this.#connections) connection.sweep();
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Of all connections. */
  get streamCount(): number {
    let count = 0;
    for (const connection of this.#connections) count += connection.streamCount;
    return count;
  }

  accept(socket: Duplex, origin: Origin): void {
    const connection = new Connection(socket, {
      handler: this.#handler,
      origin,
      gathering: this.#gathering,
      encoder: this.#encoder,
      date: () => this.#now(),
      requestFlush: (one) => this.#requestFlush(one),
    });
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
  }

  /** Connections take no new streams, and close when those they have are at an end. */
  close(): void {
    this.#sweeper.cancel();
    for (const connection of this.#connections) connection.goAway();
  }

  #requestFlush(connection: Connection): void {
    this.#unflushed.add(connection);
    if (this.#flushing) return;
    this.#flushing = true;
    turns.atEnd(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    const until = this.#clock.monotonic() + sliceMs;
    // What asks again meanwhile is for the next turn.
    for (const connection of [...this.#unflushed]) {
      this.#unflushed.delete(connection);
      connection.flush();
      if (this.#unflushed.size > 0 && this.#clock.monotonic() > until) break;
    }
    const [next] = this.#unflushed;
    if (next) this.#requestFlush(next);
  };

  /** As a header says it, to the second. */
  #now(): string {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = new Date(second * 1000).toUTCString();
    }
    return this.#date;
  }
}
