/** A connection: queries with their lengths in front, answered as their answers come. */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../base/clock.ts';
import type { DnsResponder } from './responder.ts';

const idleMs = 10_000;
/** Beyond them the next queries wait in the kernel. */
const underWayMax = 32;
/** Of answers that the client does not read. */
const unreadBytesMax = 1 << 20;

export function serveConnection(socket: Socket, responder: DnsResponder, clock: Clock): void {
  new Connection(socket, responder, clock);
}

class Connection {
  readonly #socket: Socket;
  readonly #responder: DnsResponder;
  readonly #clock: Clock;
  #received: Buffer = Buffer.alloc(0);
  #underWay = 0;
  #idle: Timer | undefined;

  constructor(socket: Socket, responder: DnsResponder, clock: Clock) {
    this.#socket = socket;
    this.#responder = responder;
    this.#clock = clock;
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#idle?.cancel());
    socket.on('data', (chunk: Buffer) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#read();
    });
    this.#rest();
  }

  /** Closed unless a whole query comes in time: bytes alone do not keep it open. */
  #rest(): void {
    this.#idle?.cancel();
    this.#idle = this.#clock.after(idleMs, () => this.#socket.destroy());
  }

  #read(): void {
    while (this.#underWay < underWayMax && this.#received.length >= 2) {
      const end = 2 + this.#received.readUInt16BE(0);
      if (this.#received.length < end) break;
      const message = this.#received.subarray(2, end);
      this.#received = this.#received.subarray(end);
      this.#underWay++;
      this.#rest();
      this.#responder.receive(message, 'tcp', (response) => this.#respond(response));
    }
    if (this.#underWay >= underWayMax) this.#socket.pause();
  }

  #respond(response: Buffer | undefined): void {
    this.#underWay--;
    if (!response || this.#socket.writableLength > unreadBytesMax) {
      this.#socket.destroy();
      return;
    }
    if (this.#socket.destroyed) return;
    const framed = Buffer.allocUnsafe(2 + response.length);
    framed.writeUInt16BE(response.length, 0);
    response.copy(framed, 2);
    this.#socket.write(framed);
    if (!this.#socket.isPaused()) return;
    this.#socket.resume();
    this.#read();
  }
}
