/**
 * What a connection sends. Streams that have something stand in line; a turn's
 * flush takes from each in turn what the windows allow, and writes all of it at
 * once. A stream without window leaves the line until it gets some, so that it
 * holds up nobody; one that only the connection's window holds back waits in a
 * line of its own.
 */
import type { Duplex } from 'node:stream';
import { SendWindow } from './flow-control.ts';
import { flags, frameBytesDefault, frameTypes, resetFrame, windowDefault, type ErrorCode } from './frames.ts';
import type { Gathering } from './gathering.ts';
import type { HeadEncoder } from './head-encoder.ts';
import type { Stream } from './stream.ts';

/** What one flush gathers at most: more would keep others of the process waiting. */
const flushBytesMax = 1 << 20;
/** What one stream may send before it is the next one's turn. */
const quantumBytes = 64 * 1024;
/** What a stream is let hold ready. */
const readyBytesMax = 256 * 1024;
/** Larger frames than this save nothing more, and others wait for their end. */
const frameBytesMax = 64 * 1024;

/** What all connections of a server share. */
export interface SendingTools {
  readonly gathering: Gathering;
  readonly encoder: HeadEncoder;
  /** The `date` header of now. */
  date(): string;
}

export class Sender {
  readonly #socket: Duplex;
  readonly #tools: SendingTools;
  /** Asks for a flush at the end of this turn. */
  readonly #requestFlush: () => void;
  readonly #finished: (stream: Stream) => void;
  readonly window = new SendWindow(windowDefault);
  frameBytes = frameBytesDefault;
  /** Of the bodies of all streams. */
  unsentBytes = 0;
  #control: Uint8Array[] = [];
  /** Go behind what streams have to send: resets and GOAWAY. */
  #last: Uint8Array[] = [];
  readonly #line = new Set<Stream>();
  readonly #withoutConnectionWindow = new Set<Stream>();
  #socketIsFull = false;
  #isFirstBlock = true;

  constructor(socket: Duplex, tools: SendingTools, requestFlush: () => void, finished: (stream: Stream) => void) {
    this.#socket = socket;
    this.#tools = tools;
    this.#requestFlush = requestFlush;
    this.#finished = finished;
    socket.on('drain', () => {
      this.#socketIsFull = false;
      requestFlush();
    });
  }

  /** Of the frames that go first. */
  get controlFrames(): number {
    return this.#control.length;
  }

  control(frame: Uint8Array): void {
    this.#control.push(frame);
    this.#requestFlush();
  }

  reset(id: number, code: ErrorCode): void {
    this.last(resetFrame(id, code));
  }

  last(frame: Uint8Array): void {
    this.#last.push(frame);
    this.#requestFlush();
  }

  /** The stream has something to send, or may send again. */
  wake(stream: Stream): void {
    this.#line.add(stream);
    this.#requestFlush();
  }

  /** The connection may send again. */
  wakeAll(): void {
    if (this.window.available <= 0 || this.#withoutConnectionWindow.size === 0) return;
    for (const stream of this.#withoutConnectionWindow) this.#line.add(stream);
    this.#withoutConnectionWindow.clear();
    this.#requestFlush();
  }

  forget(stream: Stream): void {
    this.unsentBytes -= stream.outgoing.size;
    this.#line.delete(stream);
    this.#withoutConnectionWindow.delete(stream);
  }

  hasRoomFor({ outgoing, sendWindow }: Stream): boolean {
    return !this.#socketIsFull && outgoing.size <= Math.min(sendWindow.available, this.window.available, readyBytesMax);
  }

  /** `atLast`: there will be no further one, however full the socket is. */
  flush(atLast = false): void {
    if ((this.#socketIsFull && !atLast) || this.#socket.writableEnded || this.#socket.destroyed) return;
    const { gathering } = this.#tools;
    for (const frame of this.#control) gathering.add(frame);
    this.#control = [];
    const settled: Stream[] = [];
    let bytes = 0;
    // Who has more than its share gets in line again, and comes by again here.
    for (const stream of this.#line) {
      if (bytes >= flushBytesMax) break;
      this.#line.delete(stream);
      bytes += this.#send(stream, settled);
    }
    for (const frame of this.#last) gathering.add(frame);
    this.#last = [];
    this.#socketIsFull = !gathering.writeTo(this.#socket);
    if (this.#line.size > 0) this.#requestFlush();
    // Only now: what they call may write again, or end the connection.
    for (const stream of settled) {
      if (stream.localEnded) this.#finished(stream);
      else stream.drained();
    }
  }

  /** Sends what can be sent of one stream; returns how many bytes of body that was. Streams with nothing left go into `settled`. */
  #send(stream: Stream, settled: Stream[]): number {
    if (stream.status === 0) {
      if (stream.localEnded) settled.push(stream);
      return 0;
    }
    const { outgoing, sendWindow, id } = stream;
    const { gathering } = this.#tools;
    let hasEnded = false;
    if (stream.answerHeaders) {
      hasEnded = stream.localEnded && outgoing.size === 0;
      this.#sendHead(stream, hasEnded);
    }
    let sent = 0;
    while (outgoing.size > 0 && sent < quantumBytes) {
      const length = Math.min(outgoing.size, this.frameBytes, frameBytesMax, sendWindow.available, this.window.available);
      if (length <= 0) break;
      hasEnded = stream.localEnded && length === outgoing.size;
      gathering.frameHead(length, frameTypes.data, hasEnded ? flags.endStream : 0, id);
      outgoing.moveTo(gathering, length);
      sendWindow.available -= length;
      this.window.available -= length;
      sent += length;
    }
    this.unsentBytes -= sent;
    if (outgoing.size === 0) {
      if (stream.localEnded && !hasEnded) gathering.frameHead(0, frameTypes.data, flags.endStream, id);
      settled.push(stream);
    } else if (sendWindow.available > 0) (this.window.available > 0 ? this.#line : this.#withoutConnectionWindow).add(stream);
    return sent;
  }

  #sendHead(stream: Stream, endStream: boolean): void {
    const { gathering, encoder } = this.#tools;
    const block = encoder.encode(stream.status, stream.answerHeaders ?? {}, this.#tools.date(), this.#isFirstBlock);
    stream.answerHeaders = undefined;
    this.#isFirstBlock = false;
    const { length } = block;
    let end = Math.min(length, frameBytesDefault);
    gathering.frameHead(end, frameTypes.headers, (endStream ? flags.endStream : 0) | (end === length ? flags.endHeaders : 0), stream.id);
    gathering.copy(end === length ? block : block.subarray(0, end));
    for (let at = end; at < length; at = end) {
      end = Math.min(length, at + frameBytesDefault);
      gathering.frameHead(end - at, frameTypes.continuation, end === length ? flags.endHeaders : 0, stream.id);
      gathering.copy(block.subarray(at, end));
    }
  }
}
