/** A server without sockets, and a peer that sends what a test wants byte for byte. */
import { duplexPair, type Duplex } from 'node:stream';
import type { ExchangeRequest, Responder } from '../../../base/exchange.ts';
import { ManualClock } from '../../../storage/conformance/manual-clock.ts';
import { flags, frame, frameHeadBytes, frameTypes, preface, settingsFrame } from './frames.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { Http2Server } from './server.ts';

/** An exchange as the handler got it. */
export interface Received {
  readonly request: ExchangeRequest;
  readonly responder: Responder;
  /** How often its end was told. */
  closes: number;
}

export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export class Rig {
  readonly clock = new ManualClock();
  readonly exchanges: Received[] = [];
  readonly server = new Http2Server((request, responder) => {
    const exchange = { request, responder, closes: 0 };
    responder.onClose(() => exchange.closes++);
    this.exchanges.push(exchange);
  }, this.clock);

  /** Of the last request. */
  get last(): Received {
    return this.exchanges.at(-1)!;
  }

  /** `highWaterMark`: of bytes on their way, beyond which the server's socket is full. */
  connect(options: { readonly highWaterMark?: number } = {}): Peer {
    return new Peer(this.server, options.highWaterMark ?? 64 * 1024);
  }

  /** A peer that has exchanged settings. */
  async open(settings: readonly (readonly [number, number])[] = [], options: { readonly highWaterMark?: number } = {}): Promise<Peer> {
    const peer = this.connect(options);
    peer.send(preface, settingsFrame(settings), frame(frameTypes.settings, flags.ack, 0, Buffer.alloc(0)));
    await settle();
    peer.frames.length = 0;
    return peer;
  }
}

export class Peer {
  readonly frames: ReceivedFrame[] = [];
  readonly socket: Duplex;
  /** How often the server has written. */
  writes = 0;
  closed = false;
  readonly #decoder = new HpackDecoder();
  #rest = Buffer.alloc(0);

  constructor(server: Http2Server, highWaterMark: number) {
    const [near, far] = duplexPair({ highWaterMark });
    this.socket = far;
    far.on('data', (chunk: Buffer) => this.#receive(chunk));
    far.on('error', () => {});
    near.on('error', () => {});
    // As sockets are.
    near.allowHalfOpen = far.allowHalfOpen = false;
    far.on('close', () => near.destroy());
    near.on('close', () => (this.closed = true));
    const { write, uncork } = near;
    // What is written between cork and uncork leaves as one.
    near.write = ((...args: Parameters<typeof write>) => {
      if (near.writableCorked === 0) this.writes++;
      return write.apply(near, args);
    }) as typeof write;
    near.uncork = () => {
      this.writes++;
      uncork.call(near);
    };
    server.accept(near, { peer: undefined, address: '127.0.0.1' });
  }

  send(...bytes: Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  of(type: number, stream?: number): ReceivedFrame[] {
    return this.frames.filter((one) => one.type === type && (stream === undefined || one.stream === stream));
  }

  /** The codes of the resets, or of GOAWAY, in the order in which they came. */
  codes(type: number): number[] {
    return this.of(type).map(({ payload }) => payload.readUInt32BE(type === frameTypes.goAway ? 4 : 0));
  }

  /** The answer's fields, in order. All header blocks must be asked for, in theirs. */
  head(stream: number): Record<string, string> {
    const fields: Record<string, string> = {};
    const blocks = this.frames.filter((one) => one.stream === stream && (one.type === frameTypes.headers || one.type === frameTypes.continuation));
    const block = Buffer.concat(blocks.map(({ payload }) => payload));
    this.#decoder.decode(block, 0, block.length, { field: ({ name, value }) => (fields[name] = value) });
    return fields;
  }

  /** The answer's body as far as it has come, and whether it has ended. */
  body(stream: number): { text: string; ended: boolean } {
    const parts = this.of(frameTypes.data, stream);
    const last = this.frames.filter((one) => one.stream === stream && one.type <= frameTypes.headers).at(-1);
    return { text: Buffer.concat(parts.map(({ payload }) => payload)).toString(), ended: ((last?.flags ?? 0) & flags.endStream) !== 0 };
  }

  #receive(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= frameHeadBytes) {
      const end = frameHeadBytes + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return;
      this.frames.push({ type: this.#rest[3] as number, flags: this.#rest[4] as number, stream: this.#rest.readUInt32BE(5), payload: this.#rest.subarray(frameHeadBytes, end) });
      this.#rest = this.#rest.subarray(end);
    }
  }
}

/** Until what is under way between the two has arrived. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

export type Fields = readonly (readonly [name: string, value: string])[];

export const get: Fields = [[':method', 'GET'], [':scheme', 'https'], [':path', '/x'], [':authority', 'here']];
export const post: Fields = [[':method', 'POST'], ...get.slice(1)];

/** Literals that are never indexed. */
export function block(fields: Fields): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0x10]), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  const length: number[] = [];
  if (bytes.length < 127) length.push(bytes.length);
  else {
    length.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

export function headers(stream: number, fields: Fields, options: { readonly end?: boolean } = {}): Buffer {
  return frame(frameTypes.headers, flags.endHeaders | (options.end === false ? 0 : flags.endStream), stream, block(fields));
}

export function data(stream: number, content: string | Uint8Array, options: { readonly end?: boolean } = {}): Buffer {
  return frame(frameTypes.data, options.end ? flags.endStream : 0, stream, Buffer.from(content));
}
