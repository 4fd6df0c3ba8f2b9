/**
 * The server's side of one HTTP/2 connection, RFC 9113: frames come in, and
 * become exchanges; sender.ts has the way out. What breaks the rules ends one
 * stream or this connection, with the code that the RFC names, and nothing else.
 */
import type { Duplex } from 'node:stream';
import type { ExchangeHandler } from '../../../base/exchange.ts';
import type { Origin } from '../origin.ts';
import { ReceiveWindow } from './flow-control.ts';
import {
  ConnectionError,
  errorCodes,
  flags,
  frame,
  frameBytesDefault,
  frameTypes,
  goAwayFrame,
  settings,
  settingsAck,
  settingsFrame,
  windowDefault,
  windowMax,
  windowUpdateFrame,
  type ErrorCode,
} from './frames.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { HeaderBlocks, type HeaderBlock } from './header-blocks.ts';
import { HpackDecoder, HpackError } from './hpack-decoder.ts';
import { Patience } from './patience.ts';
import { headerListBytesMax, RequestHead } from './request-head.ts';
import { Sender, type SendingTools } from './sender.ts';
import { receiveWindowBytes, Stream } from './stream.ts';

const streamsMax = 1000;
const connectionWindowBytes = 1 << 22;
/** Of answers that wait for windows or the socket; beyond, there are no new ones. */
const unsentBytesMax = 64 << 20;
/** Answers to PING and SETTINGS that wait: who does not read them may not ask for more. */
const answersWaitingMax = 1000;
/** Streams that we have reset lately, of which frames may still be on their way. */
const resetsRemembered = streamsMax;

/** Sweeps are `sweepPeriodMs` apart. */
export const sweepPeriodMs = 5000;
const settingsAckSweeps = 3;
const lingerSweeps = 2;
const idleSweeps = 600_000 / sweepPeriodMs;
const patienceRestoredBySweep = 165;

const greeting = Buffer.concat([
  settingsFrame([
    [settings.maxConcurrentStreams, streamsMax],
    [settings.initialWindowSize, receiveWindowBytes],
    [settings.maxHeaderListSize, headerListBytesMax],
  ]),
  windowUpdateFrame(0, connectionWindowBytes - windowDefault),
]);

export interface ConnectionOptions extends SendingTools {
  readonly handler: ExchangeHandler;
  readonly origin: Origin;
  /** Wants `flush` called at the end of the turn. */
  requestFlush(connection: Connection): void;
}

export class Connection implements FrameSink {
  readonly sender: Sender;
  readonly #socket: Duplex;
  readonly #options: ConnectionOptions;
  readonly #reader = new FrameReader();
  readonly #blocks = new HeaderBlocks();
  readonly #decoder = new HpackDecoder();
  readonly #head = new RequestHead();
  readonly #window = new ReceiveWindow(connectionWindowBytes);
  readonly #patience = new Patience();
  readonly #streams = new Map<number, Stream>();
  readonly #lately = new Set<number>();
  /** The last that the peer has opened, and the last that was looked at: they differ once the connection goes away. */
  #lastStream = 0;
  #lastTaken = 0;
  #streamWindow = windowDefault;
  #hasSettings = false;
  #settingsAcked = false;
  /** No further streams. */
  #goingAway = false;
  /** We have written the last of it; what the peer still sends is not looked at. */
  #ended = false;
  #isActive = false;
  /** How many sweeps the connection has been waiting: for the peer to acknowledge, to close, or to ask for something. */
  #sweeps = 0;

  constructor(socket: Duplex, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.sender = new Sender(
      socket,
      options,
      () => options.requestFlush(this),
      (stream) => this.#answered(stream),
    );
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('close', () => {
      for (const stream of [...this.#streams.values()]) this.#close(stream);
    });
    // At once, not with the first answer: curl loses an answer that comes together with the settings.
    this.sender.control(greeting);
    this.sender.flush();
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** No new streams; closes when those that are open have ended. */
  goAway(): void {
    if (this.#goingAway) return;
    this.#goingAway = true;
    this.sender.last(goAwayFrame(this.#lastTaken, errorCodes.noError, ''));
  }

  flush(): void {
    this.sender.flush();
    if (!this.#goingAway || this.#streams.size > 0) return;
    this.sender.flush(true);
    this.#end();
  }

  /** Looks after what lasts too long; comes by every `sweepPeriodMs`. */
  sweep(): void {
    this.#patience.restore(patienceRestoredBySweep);
    if (this.#ended) {
      if (++this.#sweeps > lingerSweeps) this.#socket.destroy();
    } else if (!this.#settingsAcked) {
      if (++this.#sweeps > settingsAckSweeps) this.#fail(errorCodes.settingsTimeout, 'the settings were not acknowledged');
    } else if (this.#isActive || this.#streams.size > 0) {
      this.#sweeps = 0;
      this.#isActive = false;
    } else if (++this.#sweeps > idleSweeps) this.goAway();
  }

  /** Ends a stream before its time. */
  reset(stream: Stream, code: ErrorCode): void {
    this.#resetById(stream.id, code);
    this.#close(stream);
  }

  /** So much of what a stream has sent is consumed: the peer may send as much again. */
  giveBack(stream: Stream, bytes: number): void {
    const increment = stream.remoteEnded ? 0 : (stream.receiveWindow?.giveBack(bytes) ?? 0);
    if (increment > 0) this.sender.control(windowUpdateFrame(stream.id, increment));
    this.#giveBackOwn(bytes);
  }

  #giveBackOwn(bytes: number): void {
    const increment = this.#window.giveBack(bytes);
    if (increment > 0) this.sender.control(windowUpdateFrame(0, increment));
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    this.#isActive = true;
    try {
      this.#reader.push(chunk, this);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.#fail(error.code, error.message);
    }
  }

  frame(type: number, flag: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (this.#blocks.open > 0 && (type !== frameTypes.continuation || id !== this.#blocks.open)) throw new ConnectionError(errorCodes.protocol, 'a header block was not continued');
    if (!this.#hasSettings && (type !== frameTypes.settings || flag & flags.ack)) throw new ConnectionError(errorCodes.protocol, 'settings come first');
    let from = start;
    let to = end;
    if (flag & flags.padded && (type === frameTypes.data || type === frameTypes.headers)) {
      to -= start < end ? (bytes[from] as number) : 0;
      from++;
      if (from > to) throw new ConnectionError(errorCodes.protocol, 'the padding is larger than the frame');
    }
    switch (type) {
      case frameTypes.data:
        // Padding counts for the windows.
        return this.#data(id, flag, end - start, bytes, from, to);
      case frameTypes.headers:
        if (id % 2 === 0) throw new ConnectionError(errorCodes.protocol, 'clients open odd streams');
        return this.#headerBlock(this.#blocks.begin(id, flag, bytes, from, to));
      case frameTypes.priority:
        return this.#priority(id, bytes, start, end);
      case frameTypes.reset:
        return this.#reset(id, end - start);
      case frameTypes.settings:
        return this.#settings(id, flag, bytes, start, end);
      case frameTypes.pushPromise:
        throw new ConnectionError(errorCodes.protocol, 'clients promise nothing');
      case frameTypes.ping:
        return this.#ping(id, flag, bytes, start, end);
      case frameTypes.goAway:
        if (id !== 0) throw new ConnectionError(errorCodes.protocol, 'GOAWAY is of the connection');
        if (end - start < 8) throw new ConnectionError(errorCodes.frameSize, 'GOAWAY is too short');
        // Of its own streams the peer decides by itself, and we open none.
        return;
      case frameTypes.windowUpdate:
        return this.#windowUpdate(id, bytes, start, end);
      case frameTypes.continuation:
        return this.#headerBlock(this.#blocks.continue(flag, bytes, start, end));
      default:
        // Unknown ones are ignored.
        return;
    }
  }

  // -- requests ------------------------------------------------------------------

  #headerBlock(block: HeaderBlock | undefined): void {
    if (!block) return;
    const { stream: id, endStream } = block;
    const head = this.#head;
    head.reset();
    try {
      this.#decoder.decode(block.bytes, block.start, block.end, head);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      throw new ConnectionError(errorCodes.compression, error.message);
    }
    const known = this.#streams.get(id);
    if (known) return this.#trailers(known, endStream);
    if (id <= this.#lastStream) {
      if (this.#lately.has(id)) return;
      throw new ConnectionError(errorCodes.streamClosed, 'the stream is closed');
    }
    this.#lastStream = id;
    // The peer knows from GOAWAY that nobody has looked at it.
    if (this.#goingAway) return this.#remember(id);
    this.#lastTaken = id;
    if (this.#streams.size >= streamsMax || this.sender.unsentBytes > unsentBytesMax) return this.#refuse(id, errorCodes.refusedStream);
    if (!head.tooLarge) {
      head.finish();
      if (head.malformed || (endStream && (head.contentLength ?? 0) > 0)) return this.#refuse(id, errorCodes.protocol);
    }
    const stream = new Stream(this, id, head, endStream, this.#options.origin, this.#streamWindow);
    this.#streams.set(id, stream);
    if (head.tooLarge) {
      stream.head(431, { 'content-length': '0' });
      stream.end();
    } else this.#options.handler(stream, stream);
  }

  /** Nobody asks for them. */
  #trailers(stream: Stream, endStream: boolean): void {
    const head = this.#head;
    head.finishTrailers();
    if (stream.remoteEnded) this.#offend(stream, errorCodes.streamClosed);
    else if (!endStream || head.malformed || !stream.incoming?.finish()) this.#offend(stream, errorCodes.protocol);
    else stream.remoteEnded = true;
  }

  #data(id: number, flag: number, size: number, bytes: Buffer, start: number, end: number): void {
    if (!this.#window.take(size)) throw new ConnectionError(errorCodes.flowControl, 'more data than the connection’s window');
    const stream = this.#streams.get(id);
    if (!stream) {
      this.#checkNotIdle(id);
      this.#giveBackOwn(size);
      if (!this.#lately.has(id)) this.#refuse(id, errorCodes.streamClosed);
      return;
    }
    const { incoming, receiveWindow } = stream;
    stream.heldBytes += size;
    if (stream.remoteEnded || !incoming || !receiveWindow) return this.#offend(stream, errorCodes.streamClosed);
    if (!receiveWindow.take(size)) return this.#offend(stream, errorCodes.flowControl);
    if (start < end) {
      if (!incoming.add(bytes.subarray(start, end))) return this.#offend(stream, errorCodes.protocol);
    } else if (!(flag & flags.endStream)) this.#spendPatience();
    if (flag & flags.endStream) {
      if (!incoming.finish()) return this.#offend(stream, errorCodes.protocol);
      stream.remoteEnded = true;
    }
    if (!incoming.consumed) return;
    const held = stream.heldBytes;
    stream.heldBytes = 0;
    this.giveBack(stream, held);
  }

  #reset(id: number, size: number): void {
    if (size !== 4) throw new ConnectionError(errorCodes.frameSize, 'RST_STREAM has four bytes');
    this.#checkNotIdle(id);
    // From here on the peer has nothing of it on its way either.
    this.#lately.delete(id);
    const stream = this.#streams.get(id);
    if (!stream) return;
    if (stream.status === 0) this.#spendPatience();
    this.#close(stream);
  }

  #priority(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) throw new ConnectionError(errorCodes.protocol, 'PRIORITY is of a stream');
    if (end - start !== 5) this.#refuse(id, errorCodes.frameSize);
  }

  // -- the connection --------------------------------------------------------------

  #settings(id: number, flag: number, bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    if (id !== 0) throw new ConnectionError(errorCodes.protocol, 'SETTINGS are of the connection');
    if (flag & flags.ack) {
      if (size !== 0) throw new ConnectionError(errorCodes.frameSize, 'an acknowledgement is empty');
      this.#settingsAcked = true;
      return;
    }
    if (size % 6 !== 0) throw new ConnectionError(errorCodes.frameSize, 'SETTINGS are of six bytes each');
    this.#hasSettings = true;
    for (let at = start; at < end; at += 6) this.#setting(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
    this.#answer(settingsAck);
  }

  #setting(setting: number, value: number): void {
    switch (setting) {
      case settings.enablePush:
        if (value > 1) throw new ConnectionError(errorCodes.protocol, 'ENABLE_PUSH is 0 or 1');
        return;
      case settings.initialWindowSize: {
        if (value > windowMax) throw new ConnectionError(errorCodes.flowControl, 'the window is too large');
        const change = value - this.#streamWindow;
        this.#streamWindow = value;
        for (const stream of this.#streams.values()) this.#widen(stream, change);
        return;
      }
      case settings.maxFrameSize:
        if (value < frameBytesDefault || value >= 1 << 24) throw new ConnectionError(errorCodes.protocol, 'the frame size is out of range');
        this.sender.frameBytes = value;
        return;
      default:
        // The others are about what we do not do: tables, pushes. Unknown ones are ignored.
        return;
    }
  }

  #widen(stream: Stream, bytes: number): void {
    if (!stream.sendWindow.widen(bytes)) throw new ConnectionError(errorCodes.flowControl, 'the window is too large');
    if (stream.outgoing.size > 0) this.sender.wake(stream);
  }

  #ping(id: number, flag: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) throw new ConnectionError(errorCodes.protocol, 'PING is of the connection');
    if (end - start !== 8) throw new ConnectionError(errorCodes.frameSize, 'PING has eight bytes');
    if (!(flag & flags.ack)) this.#answer(frame(frameTypes.ping, flags.ack, 0, bytes.subarray(start, end)));
  }

  #answer(bytes: Buffer): void {
    if (this.sender.controlFrames >= answersWaitingMax) throw new ConnectionError(errorCodes.enhanceYourCalm, 'too many frames ask for an answer');
    this.sender.control(bytes);
  }

  #windowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw new ConnectionError(errorCodes.frameSize, 'WINDOW_UPDATE has four bytes');
    const increment = bytes.readUInt32BE(start) & windowMax;
    if (id === 0) {
      if (increment === 0) throw new ConnectionError(errorCodes.protocol, 'the window does not grow');
      if (!this.sender.window.widen(increment)) throw new ConnectionError(errorCodes.flowControl, 'the window is too large');
      this.sender.wakeAll();
      return;
    }
    this.#checkNotIdle(id);
    const stream = this.#streams.get(id);
    if (!stream) return;
    if (increment === 0) return this.#offend(stream, errorCodes.protocol);
    if (!stream.sendWindow.widen(increment)) return this.#offend(stream, errorCodes.flowControl);
    if (stream.outgoing.size > 0) this.sender.wake(stream);
  }

  // -- ends --------------------------------------------------------------------------

  /** A stream that the peer has never opened: what is said of it makes no sense. */
  #checkNotIdle(id: number): void {
    if (id > this.#lastStream || id % 2 === 0) throw new ConnectionError(errorCodes.protocol, 'the stream is idle');
  }

  #spendPatience(): void {
    if (!this.#patience.spend()) throw new ConnectionError(errorCodes.enhanceYourCalm, 'too much is asked in vain');
  }

  /** The peer breaks the rules of one stream. */
  #offend(stream: Stream, code: ErrorCode): void {
    this.#spendPatience();
    this.reset(stream, code);
  }

  /** As `#offend`, where there is no such stream. */
  #refuse(id: number, code: ErrorCode): void {
    this.#spendPatience();
    this.#resetById(id, code);
  }

  #resetById(id: number, code: ErrorCode): void {
    this.sender.reset(id, code);
    this.#remember(id);
  }

  #remember(id: number): void {
    this.#lately.add(id);
    if (this.#lately.size <= resetsRemembered) return;
    for (const oldest of this.#lately) {
      this.#lately.delete(oldest);
      return;
    }
  }

  /** The sender has sent the end of the answer. */
  #answered(stream: Stream): void {
    if (stream.status === 0) return this.reset(stream, errorCodes.internal);
    this.#patience.restore(1);
    // The rest of the request is of no use to anyone. A turn later than the answer: there are clients that drop an
    // answer which arrives together with the reset.
    if (stream.remoteEnded) this.#close(stream);
    else this.reset(stream, errorCodes.noError);
  }

  #close(stream: Stream): void {
    this.#streams.delete(stream.id);
    this.sender.forget(stream);
    if (stream.heldBytes > 0) this.#giveBackOwn(stream.heldBytes);
    stream.heldBytes = 0;
    stream.close();
    // The last of a connection that goes away: the flush ends it.
    if (this.#goingAway) this.#options.requestFlush(this);
  }

  /** The peer has broken the protocol, or our patience. */
  #fail(code: ErrorCode, why: string): void {
    for (const stream of [...this.#streams.values()]) this.#close(stream);
    this.sender.last(goAwayFrame(this.#lastTaken, code, why));
    this.sender.flush(true);
    this.#end();
  }

  /** After our last frame the socket stays open for a while, so that the peer gets to read it. */
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#sweeps = 0;
    this.#socket.end();
  }
}
