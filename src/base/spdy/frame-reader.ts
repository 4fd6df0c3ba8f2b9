import { flags, frameHeadBytes, SpdyError, version } from './frames.ts';

export interface FrameSink {
  control(type: number, flag: number, payload: Buffer): void;
  /** A part of a data frame, as it comes: frames may be 16 MiB and are not gathered. `fin`: nothing follows on this stream. */
  data(stream: number, part: Buffer, fin: boolean): void;
}

/** Of a control frame. Its headers are a handful of short texts. */
export const controlBytesMax = 64 * 1024;
const nothing = Buffer.alloc(0);

/** Cuts what arrives into frames. Throws SpdyError. */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #head = Buffer.allocUnsafe(frameHeadBytes);
  #headBytes = 0;
  /** Of the payload, still to come. */
  #left = 0;
  /** What has come of a control frame's; undefined in a data frame. */
  #control: Buffer[] | undefined;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  receive(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#headBytes < frameHeadBytes) {
        const taken = bytes.copy(this.#head, this.#headBytes, at, at + frameHeadBytes - this.#headBytes);
        at += taken;
        this.#headBytes += taken;
        if (this.#headBytes === frameHeadBytes) this.#begin();
      } else {
        const part = bytes.subarray(at, at + this.#left);
        at += part.length;
        this.#continue(part);
      }
    }
  }

  get #isControl(): boolean {
    return (this.#head[0]! & 0x80) !== 0;
  }

  #begin(): void {
    this.#left = this.#head.readUIntBE(5, 3);
    this.#control = undefined;
    if (this.#isControl) {
      if ((this.#head.readUInt16BE(0) & 0x7fff) !== version) throw new SpdyError('a frame of another version');
      if (this.#left > controlBytesMax) throw new SpdyError('a control frame that is too large');
      this.#control = [];
    }
    if (this.#left === 0) this.#continue(nothing);
  }

  #continue(part: Buffer): void {
    this.#left -= part.length;
    const whole = this.#left === 0;
    if (whole) this.#headBytes = 0;
    const flag = this.#head[4]!;
    if (!this.#control) {
      this.#sink.data(this.#head.readUInt32BE(0), part, whole && (flag & flags.fin) !== 0);
      return;
    }
    this.#control.push(part);
    if (whole) this.#sink.control(this.#head.readUInt16BE(2), flag, this.#control.length === 1 ? part : Buffer.concat(this.#control));
  }
}
