/**
 * One HTTP/2 connection over TLS, as cheap as a load generator needs it: header
 * blocks are encoded once a request shape, frames are written once a turn of
 * the event loop, and of an answer only the status and the body's bytes are
 * looked at. It takes a fifth of the CPU of node:http2's client, so that what
 * is measured is the server.
 *
 * Not a general client: no CONTINUATION frames (header lists stay below one
 * frame), request bodies fit into one frame, and the receive windows are so
 * large that only the connection's is ever renewed.
 */
import { connect, type TLSSocket } from 'node:tls';
import type { ConnectionConfig } from '../../src/client/kubeconfig.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const frameHeadBytes = 9;
const bodyBytesMax = 16_384;
const windowMax = 0x7fff_ffff;
const windowRenewal = 1 << 28;
const frames = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const flags = { ack: 1, endStream: 1, endHeaders: 4, padded: 8 } as const;
const settings = { headerTableSize: 1, enablePush: 2, concurrentStreamsMax: 3, initialWindowSize: 4 } as const;
/** Statuses that have an HPACK index of their own. */
const indexedStatus: Readonly<Record<number, number>> = { 8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500 };

export interface Exchange {
  /** Once the answer begins: of a watch, long before its end. */
  onStatus?(status: number): void;
  /** Each piece of the answer's body, valid during the call only. */
  onData?(chunk: Buffer): void;
  onEnd(status: number): void;
  onError(error: Error): void;
}

interface OpenStream extends Exchange {
  status: number;
}

interface Unsent {
  readonly head: Buffer;
  readonly body: Buffer | undefined;
  readonly exchange: Exchange;
}

export class H2Connection {
  readonly #socket: TLSSocket;
  readonly #streams = new Map<number, OpenStream>();
  #nextStream = 1;
  #outgoing: Buffer[] = [];
  #flushing = false;
  /** Until the server has said how many it allows, so many as the protocol asks it to. */
  #streamsMax = 100;
  #hasSettings = false;
  /** Requests that wait for one of the server's streams. */
  #unsent: Unsent[] = [];
  #sendWindow = 65_535;
  /** Bodies that wait for the server's window. */
  #waiting: { stream: number; body: Buffer }[] = [];
  #received = 0;
  #rest: Buffer | undefined;
  #failure: Error | undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection was closed')));
    const wanted = Buffer.alloc(18);
    // Without a dynamic table on the server's side, a status can be read without state.
    writeSetting(wanted, 0, settings.headerTableSize, 0);
    writeSetting(wanted, 6, settings.enablePush, 0);
    writeSetting(wanted, 12, settings.initialWindowSize, windowMax);
    this.#write(preface);
    this.#write(frame(frames.settings, 0, 0, wanted));
    this.#write(windowUpdate(windowMax - 65_535));
  }

  static open(config: ConnectionConfig): Promise<H2Connection> {
    const url = new URL(config.server);
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: url.hostname,
        port: Number(url.port),
        ...(config.ca ? { ca: config.ca } : {}),
        ...(config.cert ? { cert: config.cert } : {}),
        ...(config.key ? { key: config.key } : {}),
        ...(config.serverName ? { servername: config.serverName } : {}),
        rejectUnauthorized: !config.insecure,
        ALPNProtocols: ['h2'],
      });
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        socket.off('error', reject);
        if (socket.alpnProtocol === 'h2') resolve(new H2Connection(socket));
        else reject(new Error(`${config.server} does not speak HTTP/2`));
      });
    });
  }

  /** `head` comes from encodeHead. */
  send(head: Buffer, body: Buffer | undefined, exchange: Exchange): void {
    if (this.#failure) {
      exchange.onError(this.#failure);
      return;
    }
    if (this.#streams.size >= this.#streamsMax) {
      this.#unsent.push({ head, body, exchange });
      return;
    }
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#streams.set(stream, { ...exchange, status: 0 });
    this.#write(frame(frames.headers, flags.endHeaders | (body ? 0 : flags.endStream), stream, head));
    if (body) this.#sendBody(stream, body);
  }

  request(head: Buffer, body?: Buffer): Promise<{ status: number; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      this.send(head, body, {
        onData: (chunk) => chunks.push(Buffer.from(chunk)),
        onEnd: (status) => resolve({ status, body: Buffer.concat(chunks) }),
        onError: reject,
      });
    });
  }

  /** As `request`, for callers that need no body: none is kept. */
  status(head: Buffer, body?: Buffer): Promise<number> {
    return new Promise((resolve, reject) => this.send(head, body, { onEnd: resolve, onError: reject }));
  }

  /** Why nothing can be sent any more. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  close(): void {
    this.#failure ??= new Error('the connection was closed by the client');
    this.#streams.clear();
    this.#socket.destroy();
  }

  #sendBody(stream: number, body: Buffer): void {
    if (body.length > bodyBytesMax) throw new Error(`a body of ${body.length} bytes does not fit into a frame`);
    if (this.#waiting.length > 0 || body.length > this.#sendWindow) {
      this.#waiting.push({ stream, body });
      return;
    }
    this.#sendWindow -= body.length;
    this.#write(frame(frames.data, flags.endStream, stream, body));
  }

  #write(bytes: Buffer): void {
    this.#outgoing.push(bytes);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      const all = this.#outgoing;
      this.#outgoing = [];
      if (!this.#socket.destroyed) this.#socket.write(all.length === 1 ? (all[0] as Buffer) : Buffer.concat(all));
    });
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= frameHeadBytes) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + frameHeadBytes + length;
      if (bytes.length < end) break;
      this.#frame(bytes[at + 3] as number, bytes[at + 4] as number, bytes.readUInt32BE(at + 5) & windowMax, bytes.subarray(at + frameHeadBytes, end));
      at = end;
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined;
    if (this.#received < windowRenewal) return;
    this.#write(windowUpdate(this.#received));
    this.#received = 0;
  }

  #frame(type: number, flag: number, id: number, payload: Buffer): void {
    const stream = this.#streams.get(id);
    switch (type) {
      case frames.data:
        this.#received += payload.length;
        if (payload.length > 0) stream?.onData?.(flag & flags.padded ? payload.subarray(1, payload.length - (payload[0] as number)) : payload);
        break;
      case frames.headers:
        // A second header block is trailers.
        if (stream && stream.status === 0) {
          stream.status = statusOf(payload);
          stream.onStatus?.(stream.status);
        }
        break;
      case frames.reset:
        this.#streams.delete(id);
        stream?.onError(new Error(`the stream was reset: code ${payload.readUInt32BE(0)}`));
        this.#sendNext();
        return;
      case frames.settings:
        if (!(flag & flags.ack)) this.#obey(payload);
        return;
      case frames.ping:
        if (!(flag & flags.ack)) this.#write(frame(frames.ping, flags.ack, 0, Buffer.from(payload)));
        return;
      case frames.goAway:
        this.#fail(new Error(`the server goes away: code ${payload.readUInt32BE(4)}`));
        return;
      case frames.windowUpdate:
        if (id === 0) this.#widen(payload.readUInt32BE(0));
        return;
      default:
        return;
    }
    if (!(flag & flags.endStream) || !stream) return;
    this.#streams.delete(id);
    stream.onEnd(stream.status);
    this.#sendNext();
  }

  #sendNext(): void {
    while (this.#unsent.length > 0 && this.#streams.size < this.#streamsMax && !this.#failure) {
      const { head, body, exchange } = this.#unsent.shift() as Unsent;
      this.send(head, body, exchange);
    }
  }

  #obey(wanted: Buffer): void {
    if (!this.#hasSettings) this.#streamsMax = Infinity;
    this.#hasSettings = true;
    for (let at = 0; at + 6 <= wanted.length; at += 6) if (wanted.readUInt16BE(at) === settings.concurrentStreamsMax) this.#streamsMax = wanted.readUInt32BE(at + 2);
    this.#write(frame(frames.settings, flags.ack, 0, Buffer.alloc(0)));
    this.#sendNext();
  }

  #widen(bytes: number): void {
    this.#sendWindow += bytes;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { stream, body } of waiting) this.#sendBody(stream, body);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const streams = [...this.#streams.values(), ...this.#unsent.map(({ exchange }) => exchange)];
    this.#streams.clear();
    this.#unsent = [];
    for (const stream of streams) stream.onError(error);
    this.#socket.destroy();
  }
}

export interface RequestHead {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly target: string;
  readonly authority: string;
  readonly contentType?: string;
  /** A bearer token. */
  readonly token?: string;
}

/** A header block of literals that are never indexed: it may be sent any number of times. */
export function encodeHead({ method, target, authority, contentType, token }: RequestHead): Buffer {
  const parts = [Buffer.from([0x87]), literal([0x02], method), literal([0x04], target), literal([0x01], authority)];
  parts.push(literal([0x0f, 0x04], 'application/json'), literal([0x0f, 0x2b], 'coxswain-bench'));
  if (contentType) parts.push(literal([0x0f, 0x10], contentType));
  if (token) parts.push(literal([0x0f, 0x08], `Bearer ${token}`));
  return Buffer.concat(parts);
}

function literal(name: readonly number[], value: string): Buffer {
  const bytes = Buffer.from(value);
  const length: number[] = [];
  // An HPACK integer with a prefix of 7 bits.
  if (bytes.length < 127) length.push(bytes.length);
  else {
    length.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from([...name, ...length]), bytes]);
}

/** The status comes first; before it may stand changes of the table's size. */
function statusOf(block: Buffer): number {
  let at = 0;
  while (((block[at] as number) & 0xe0) === 0x20) at++;
  const first = block[at] as number;
  if (first & 0x80) return indexedStatus[first & 0x7f] ?? 0;
  const length = block[at + 1] as number;
  const value = block.subarray(at + 2, at + 2 + (length & 0x7f));
  return length & 0x80 ? huffmanDigits(value) : Number(value.toString('latin1'));
}

/** Digits in HPACK's code: 0, 1 and 2 take five bits, the others six. */
function huffmanDigits(bytes: Buffer): number {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  let number = 0;
  let at = 0;
  for (let digit = 0; digit < 3; digit++) {
    const five = Number.parseInt(bits.slice(at, at + 5), 2);
    const isShort = five <= 2;
    number = number * 10 + (isShort ? five : Number.parseInt(bits.slice(at, at + 6), 2) - 0x16);
    at += isShort ? 5 : 6;
  }
  return number;
}

function frame(type: number, flag: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeadBytes + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flag;
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, frameHeadBytes);
  return bytes;
}

function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(frames.windowUpdate, 0, 0, payload);
}

function writeSetting(into: Buffer, at: number, name: number, value: number): void {
  into.writeUInt16BE(name, at);
  into.writeUInt32BE(value, at + 2);
}
