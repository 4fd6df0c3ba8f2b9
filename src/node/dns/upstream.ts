/**
 * One server that is asked: over UDP, and over TCP what does not fit. Answers
 * count only from its address, to the port of the question, with the id and the
 * very question that were sent; ids come from the system's generator and ports
 * change, so that nobody who cannot listen can guess an answer into the cache.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { headerBytes } from './protocol.ts';
import { Reply } from './reply.ts';

export interface UpstreamAddress {
  readonly address: string;
  /** 53 unless set. */
  readonly port?: number;
}

interface Pending {
  readonly question: Buffer;
  readonly settle: (outcome: Reply | Error) => void;
}

/** A port is used for so many questions, then for no new ones. */
const questionsPerPort = 64;
const portsOpenMax = 256;

/** A UDP port of ours, connected to the server. */
class Port {
  readonly pending = new Map<number, Pending>();
  readonly #socket: Socket;
  readonly #onClose: () => void;
  asked = 0;
  #connected = false;
  #closed = false;

  constructor({ address, port = 53 }: UpstreamAddress, onClose: () => void) {
    this.#onClose = onClose;
    this.#socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    this.#socket.on('message', (message) => this.#receive(message));
    // A closed port at the other end is told by ICMP: all who wait hear it at once.
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.once('connect', () => {
      this.#connected = true;
      for (const [id, { question }] of this.pending) this.#send(id, question);
    });
    this.#socket.connect(port, address);
  }

  ask(question: Buffer, settle: Pending['settle']): number {
    this.asked++;
    let id = randomInt(0x1_0000);
    while (this.pending.has(id)) id = (id + 1) & 0xffff;
    this.pending.set(id, { question, settle });
    if (this.#connected) this.#send(id, question);
    return id;
  }

  forget(id: number): void {
    this.pending.delete(id);
    this.closeIfDone();
  }

  closeIfDone(): void {
    if (this.pending.size > 0 || this.asked < questionsPerPort) return;
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.removeAllListeners().on('error', () => {}).close();
    this.#onClose();
  }

  #send(id: number, question: Buffer): void {
    const message = Buffer.from(question);
    message.writeUInt16BE(id, 0);
    this.#socket.send(message, (error) => {
      if (error) this.pending.get(id)?.settle(error);
    });
  }

  #receive(message: Buffer): void {
    if (message.length < headerBytes) return;
    const pending = this.pending.get(message.readUInt16BE(0));
    if (!pending || !answers(message, pending.question)) return;
    const reply = Reply.parse(message);
    pending.settle(reply ?? new Error('the answer cannot be read'));
  }

  #fail(error: Error): void {
    for (const { settle } of [...this.pending.values()]) settle(error);
    this.close();
  }
}

export class Upstream {
  readonly address: UpstreamAddress;
  readonly #clock: Clock;
  readonly #ports = new Set<Port>();
  #port: Port | undefined;

  constructor(address: UpstreamAddress, clock: Clock) {
    this.address = address;
    this.#clock = clock;
  }

  /** `question` is a whole query. Rejects where there is no answer in time. */
  async ask(question: Buffer, timeoutMs: number): Promise<Reply> {
    const reply = await this.#askUdp(question, timeoutMs);
    return reply.truncated ? this.#askTcp(question, timeoutMs) : reply;
  }

  close(): void {
    for (const port of this.#ports) port.close();
  }

  #askUdp(question: Buffer, timeoutMs: number): Promise<Reply> {
    const port = this.#openPort();
    if (!port) return Promise.reject(new Error('too many questions are under way'));
    return new Promise((resolve, reject) => {
      const id = port.ask(question, (outcome) => {
        timer.cancel();
        port.forget(id);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      });
      const timer = this.#clock.after(timeoutMs, () => port.pending.get(id)?.settle(new Error('no answer in time')));
    });
  }

  #openPort(): Port | undefined {
    if (this.#port && this.#port.asked < questionsPerPort && this.#ports.has(this.#port)) return this.#port;
    if (this.#ports.size >= portsOpenMax) return undefined;
    const port = new Port(this.address, () => this.#ports.delete(port));
    this.#ports.add(port);
    return (this.#port = port);
  }

  #askTcp(question: Buffer, timeoutMs: number): Promise<Reply> {
    const sent = Buffer.from(question);
    sent.writeUInt16BE(randomInt(0x1_0000), 0);
    return new Promise((resolve, reject) => {
      const socket = connect(this.address.port ?? 53, this.address.address);
      const timer = this.#clock.after(timeoutMs, () => socket.destroy(new Error('no answer in time')));
      let received = Buffer.alloc(0);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(sent.length);
      socket.on('connect', () => socket.write(Buffer.concat([length, sent])));
      socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        const message = received.subarray(2, 2 + received.readUInt16BE(0));
        const reply = message.length >= headerBytes && message.readUInt16BE(0) === sent.readUInt16BE(0) && answers(message, sent) ? Reply.parse(message) : undefined;
        if (reply) resolve(reply);
        socket.destroy(reply ? undefined : new Error('the answer cannot be read'));
      });
      socket.on('error', reject);
      socket.on('close', () => {
        timer.cancel();
        reject(new Error('the connection ended before the answer'));
      });
    });
  }
}

/** An answer, to that very question. */
function answers(message: Buffer, question: Buffer): boolean {
  const end = questionEnd(question);
  return (message.readUInt16BE(2) & 0x8000) !== 0 && message.length >= end && message.compare(question, headerBytes, end, headerBytes, end) === 0;
}

/** Of a query made by us: one question, uncompressed. */
function questionEnd(question: Buffer): number {
  let at = headerBytes;
  while (question[at] !== 0) at += (question[at] as number) + 1;
  return at + 5;
}
