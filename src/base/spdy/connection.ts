/**
 * SPDY/3.1 over any Duplex, for either end, as Kubernetes' streams speak it: exec
 * and attach, port-forward, and the streaming server of a CRI runtime.
 *
 * Windows are what its one other implementation (moby/spdystream) makes of them:
 * nobody sends or heeds a WINDOW_UPDATE. What holds a sender back is the
 * connection itself, which is not read while one of its streams is full; and what
 * it does not take is not taken from the writers of its streams.
 */
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../clock.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { dataFrame, flags, frameTypes, goAwayCodes, goAwayFrame, pingFrame, resetCodes, resetFrame, SpdyError, streamIdMax, synReplyFrame, synStreamFrame } from './frames.ts';
import { HeaderDecoder, HeaderEncoder, type SpdyHeaders } from './header-block.ts';
import { SpdyStream, type StreamOwner } from './stream.ts';

export interface SpdyOptions {
  readonly role: 'server' | 'client';
  readonly clock: Clock;
  /** Whether a stream with these headers, which the peer opens, is taken; none is where this is left out. */
  readonly accept?: (headers: SpdyHeaders) => boolean;
  /** Has been taken. */
  readonly onStream?: (stream: SpdyStream) => void;
}

/** Opened by the peer and under way. */
export const streamsMax = 1000;
const frameBytesMax = 64 * 1024;
/** Answers to a peer that asks and does not read. */
const unsentControlBytesMax = 1 << 20;
/** A connection that is not read notices the end of its peer only by writing. */
const heartbeatMs = 30_000;
const replyTimeoutMs = 30_000;
/** For the peer to close its side once all is said. */
const lingerMs = 10_000;
const noHeaders: SpdyHeaders = new Map();
const nothing = Buffer.alloc(0);

interface Opening {
  readonly resolve: (stream: SpdyStream) => void;
  readonly reject: (error: Error) => void;
  readonly timeout: Timer;
}

export class SpdyConnection implements StreamOwner, FrameSink {
  readonly #transport: Duplex;
  readonly #options: SpdyOptions;
  readonly #reader = new FrameReader(this);
  readonly #decoder = new HeaderDecoder();
  readonly #encoder = new HeaderEncoder();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #openings = new Map<number, Opening>();
  /** Streams that can take no more: until there are none, nothing is read. */
  readonly #full = new Set<SpdyStream>();
  /** Writes that wait for the transport. */
  readonly #waiting: (() => void)[] = [];
  readonly #closed = new AbortController();
  readonly #heartbeat: Timer;
  #linger: Timer | undefined;
  #nextId: number;
  #nextPing: number;
  #lastReceivedId = 0;
  #blocked = false;
  #goneAway = false;
  #ending = false;

  constructor(transport: Duplex, options: SpdyOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#nextId = options.role === 'client' ? 1 : 2;
    this.#nextPing = this.#nextId;
    this.#heartbeat = options.clock.every(heartbeatMs, () => this.#ping());
    transport.on('data', (chunk: Buffer) => this.#receive(chunk));
    transport.on('drain', () => this.#drained());
    transport.on('end', () => this.#end());
    transport.on('error', () => {});
    transport.on('close', () => this.#close());
    if (transport.destroyed) this.#close();
  }

  /** Aborts when the connection is over. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Resolves when the peer has taken the stream: what is sent before, some peers lose. */
  open(headers: SpdyHeaders): Promise<SpdyStream> {
    if (this.#ending || this.#goneAway || this.#nextId > streamIdMax) return Promise.reject(new Error('the connection takes no more streams'));
    const stream = new SpdyStream(this, this.#nextId, headers);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    return new Promise((resolve, reject) => {
      const timeout = this.#options.clock.after(replyTimeoutMs, () => {
        stream.destroy();
        this.#opened(stream, new Error('timed out waiting for the reply to a stream'));
      });
      this.#openings.set(stream.id, { resolve, reject, timeout });
      this.#send(synStreamFrame(stream.id, this.#encoder.encode(headers)));
    });
  }

  /** Resets what is still under way, says goodbye, and ends. Streams that shall be heard to their end are ended, and waited for, before. */
  close(): void {
    if (this.#ending) return;
    this.#ending = true;
    for (const stream of [...this.#streams.values()]) stream.destroy();
    this.#send(goAwayFrame(this.#lastReceivedId, goAwayCodes.ok));
    this.#end();
  }

  sendData(stream: SpdyStream, chunk: Buffer, callback: () => void): void {
    this.#whenReady(() => {
      if (!stream.localEnded) this.#writeData(stream.id, chunk, 0);
      callback();
    });
  }

  sendFin(stream: SpdyStream): void {
    if (stream.localEnded) return;
    stream.localEnded = true;
    this.#writeData(stream.id, nothing, flags.fin);
    this.#forgetIfOver(stream);
  }

  hasRoom(stream: SpdyStream): void {
    if (this.#full.delete(stream) && this.#full.size === 0) this.#transport.resume();
  }

  gone(stream: SpdyStream): void {
    this.hasRoom(stream);
    if (!this.#streams.delete(stream.id)) return;
    if (!stream.localEnded || !stream.remoteEnded) this.#send(resetFrame(stream.id, resetCodes.cancel));
    stream.localEnded = true;
    stream.remoteEnded = true;
    this.#endIfIdle();
  }

  control(type: number, flag: number, payload: Buffer): void {
    const word = (at: number): number => {
      if (payload.length < at + 4) throw new SpdyError('a control frame that is too short');
      return payload.readUInt32BE(at);
    };
    switch (type) {
      case frameTypes.synStream:
        word(6);
        return this.#opens(word(0) & streamIdMax, flag, this.#decoder.decode(payload.subarray(10)));
      case frameTypes.synReply:
      case frameTypes.headers: {
        this.#decoder.decode(payload.subarray(4));
        const stream = this.#streams.get(word(0) & streamIdMax);
        if (!stream) return;
        if (type === frameTypes.synReply) this.#opened(stream);
        if (flag & flags.fin) this.#remoteEnds(stream);
        return;
      }
      case frameTypes.reset:
        return this.#reset(word(0) & streamIdMax);
      case frameTypes.ping:
        // Odd ones are a client's: what is ours is an answer.
        if (word(0) % 2 !== this.#nextPing % 2) this.#send(pingFrame(word(0)));
        return;
      case frameTypes.goAway:
        this.#goneAway = true;
        return this.#endIfIdle();
    }
  }

  data(id: number, part: Buffer, fin: boolean): void {
    const stream = this.#streams.get(id);
    if (!stream) return;
    if (!stream.receive(part)) {
      this.#full.add(stream);
      this.#transport.pause();
    }
    if (fin) this.#remoteEnds(stream);
  }

  #receive(chunk: Buffer): void {
    try {
      if (!this.#ending) this.#reader.receive(chunk);
    } catch (error) {
      if (!(error instanceof SpdyError)) throw error;
      this.#send(goAwayFrame(this.#lastReceivedId, goAwayCodes.protocolError));
      this.#end();
    }
  }

  #opens(id: number, flag: number, headers: SpdyHeaders): void {
    if (this.#ending || this.#goneAway) return;
    if (id % 2 === this.#nextId % 2 || id <= this.#lastReceivedId || flag & flags.unidirectional) {
      this.#send(resetFrame(id, resetCodes.protocolError));
      return;
    }
    this.#lastReceivedId = id;
    if (this.#streams.size >= streamsMax) {
      this.#send(resetFrame(id, resetCodes.refusedStream));
      return;
    }
    if (!this.#options.accept?.(headers)) {
      this.#send(resetFrame(id, resetCodes.cancel));
      return;
    }
    const stream = new SpdyStream(this, id, headers);
    this.#streams.set(id, stream);
    this.#send(synReplyFrame(id, this.#encoder.encode(noHeaders)));
    this.#options.onStream?.(stream);
    if (flag & flags.fin) this.#remoteEnds(stream);
  }

  #opened(stream: SpdyStream, failure?: Error): void {
    const opening = this.#openings.get(stream.id);
    if (!opening) return;
    this.#openings.delete(stream.id);
    opening.timeout.cancel();
    if (failure) opening.reject(failure);
    else opening.resolve(stream);
  }

  #remoteEnds(stream: SpdyStream): void {
    stream.receiveEnd();
    this.#forgetIfOver(stream);
  }

  #reset(id: number): void {
    const stream = this.#streams.get(id);
    if (!stream) return;
    this.#streams.delete(id);
    stream.receiveReset();
    this.#opened(stream, new Error('the peer has reset the stream'));
    this.#endIfIdle();
  }

  /** Both directions are at their end: nothing will come or go under this number, though there may be something to read. */
  #forgetIfOver(stream: SpdyStream): void {
    if (stream.localEnded && stream.remoteEnded && this.#streams.delete(stream.id)) this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#goneAway && this.#streams.size === 0) this.close();
  }

  #ping(): void {
    if (this.#blocked || this.#ending) return;
    this.#send(pingFrame(this.#nextPing));
    this.#nextPing = this.#nextPing + 2 > streamIdMax ? (this.#nextPing % 2) + 2 : this.#nextPing + 2;
  }

  #send(frame: Buffer): void {
    if (!this.#transport.writable) return;
    if (!this.#transport.write(frame)) this.#blocked = true;
    if (this.#transport.writableLength > unsentControlBytesMax) this.#transport.destroy();
  }

  #writeData(id: number, chunk: Buffer, flag: number): void {
    if (!this.#transport.writable) return;
    let at = 0;
    do {
      const part = chunk.subarray(at, at + frameBytesMax);
      at += part.length;
      // In one piece: where the transport is a WebSocket, each write is a message.
      this.#transport.write(dataFrame(id, flag, part));
    } while (at < chunk.length);
    this.#blocked = this.#transport.writableNeedDrain;
  }

  #whenReady(write: () => void): void {
    if (this.#blocked) this.#waiting.push(write);
    else write();
  }

  #drained(): void {
    this.#blocked = false;
    while (!this.#blocked && this.#waiting.length > 0) this.#waiting.shift()?.();
  }

  /** Nothing more is said; what was is still sent. */
  #end(): void {
    if (this.#linger) return;
    this.#ending = true;
    this.#linger = this.#options.clock.after(lingerMs, () => this.#transport.destroy());
    for (const stream of [...this.#streams.values()]) this.#reset(stream.id);
    for (const write of this.#waiting.splice(0)) write();
    this.#transport.end();
    this.#transport.resume();
  }

  #close(): void {
    if (this.#closed.signal.aborted) return;
    this.#ending = true;
    this.#heartbeat.cancel();
    this.#linger?.cancel();
    for (const stream of [...this.#streams.values()]) this.#reset(stream.id);
    for (const write of this.#waiting.splice(0)) write();
    this.#closed.abort(new Error('the connection is closed'));
  }
}
