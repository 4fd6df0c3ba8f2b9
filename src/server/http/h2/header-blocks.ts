/** Header blocks, which come in one frame or in several. */
import { ConnectionError, errorCodes, flags } from './frames.ts';
import { headerListBytesMax } from './request-head.ts';

/** As it is sent; one that decodes to more than `headerListBytesMax` can still be answered. */
const blockBytesMax = 4 * headerListBytesMax;
const framesMax = 100;

export interface HeaderBlock {
  readonly stream: number;
  readonly endStream: boolean;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

export class HeaderBlocks {
  #fragments: Buffer[] = [];
  #bytes = 0;
  #endStream = false;
  /** The stream whose block must be continued before anything else comes; 0 for none. */
  open = 0;

  /** Of a HEADERS frame without its padding. Undefined where more is to come. Throws ConnectionError, as `continue` does. */
  begin(stream: number, flag: number, bytes: Buffer, start: number, end: number): HeaderBlock | undefined {
    // Priorities are not looked at.
    const from = flag & flags.priority ? start + 5 : start;
    if (from > end) throw new ConnectionError(errorCodes.frameSize, 'the frame is too short');
    const endStream = (flag & flags.endStream) !== 0;
    if (flag & flags.endHeaders) return { stream, endStream, bytes, start: from, end };
    this.open = stream;
    this.#endStream = endStream;
    this.#fragments = [bytes.subarray(from, end)];
    this.#bytes = end - from;
    return undefined;
  }

  continue(flag: number, bytes: Buffer, start: number, end: number): HeaderBlock | undefined {
    if (this.open === 0) throw new ConnectionError(errorCodes.protocol, 'there is nothing to continue');
    this.#bytes += end - start;
    if (this.#fragments.push(bytes.subarray(start, end)) > framesMax || this.#bytes > blockBytesMax)
      throw new ConnectionError(errorCodes.enhanceYourCalm, 'the header block is too large');
    if (!(flag & flags.endHeaders)) return undefined;
    const block = { stream: this.open, endStream: this.#endStream, bytes: Buffer.concat(this.#fragments, this.#bytes), start: 0, end: this.#bytes };
    this.open = 0;
    this.#fragments = [];
    return block;
  }
}
