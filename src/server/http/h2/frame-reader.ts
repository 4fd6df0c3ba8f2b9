/** Cuts what a socket brings into frames. The preface comes first, and is checked here too. */
import { ConnectionError, errorCodes, frameBytesDefault, frameHeadBytes, preface } from './frames.ts';

export interface FrameSink {
  /** The payload is `bytes` from `start` to `end`; it may be kept, and is never written to. */
  frame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): void;
}

export class FrameReader {
  /** What of the last chunk was no whole frame. */
  #rest: Buffer | undefined;
  #begun = false;

  /** Throws ConnectionError; so does the sink. */
  push(chunk: Buffer, sink: FrameSink): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    let at = 0;
    if (!this.#begun) {
      const length = Math.min(bytes.length, preface.length);
      if (bytes.compare(preface, 0, length, 0, length) !== 0) throw new ConnectionError(errorCodes.protocol, 'no connection preface');
      if (length < preface.length) {
        this.#rest = bytes;
        return;
      }
      this.#begun = true;
      at = preface.length;
    }
    while (bytes.length - at >= frameHeadBytes) {
      const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
      if (length > frameBytesDefault) throw new ConnectionError(errorCodes.frameSize, 'the frame is too large');
      const start = at + frameHeadBytes;
      if (bytes.length < start + length) break;
      // The first bit is reserved, and ignored.
      const stream = (((bytes[at + 5] as number) & 0x7f) << 24) | ((bytes[at + 6] as number) << 16) | ((bytes[at + 7] as number) << 8) | (bytes[at + 8] as number);
      const type = bytes[at + 3] as number;
      const flags = bytes[at + 4] as number;
      at = start + length;
      sink.frame(type, flags, stream, bytes, start, at);
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }
}
