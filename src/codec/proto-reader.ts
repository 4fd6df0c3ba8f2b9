/** Reads protobuf. Whatever the bytes are, it ends in a value or an ApiError 400. */
import { badRequest, type ApiError } from '../api/errors.ts';
import { exactInteger, type ExactInteger } from './json.ts';

export function malformed(why: string): ApiError {
  return badRequest(`proto: ${why}`);
}

const unexpectedEnd = () => badRequest('unexpected EOF');
const twoTo32 = 2 ** 32;

export class ProtoReader {
  readonly #bytes: Buffer;
  #at: number;
  /** Where the message that is being read ends. */
  #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#end = bytes.byteLength;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** Enters a length-delimited value; the result goes to `leave`. */
  enter(): number {
    const length = this.uint32();
    const end = this.#at + length;
    if (end > this.#end) throw unexpectedEnd();
    const outer = this.#end;
    this.#end = end;
    return outer;
  }

  leave(outer: number): void {
    this.#at = this.#end;
    this.#end = outer;
  }

  /** A tag, a length, or a small number; higher bits are dropped. */
  uint32(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw malformed('integer overflow');
  }

  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    return this.int64() !== 0;
  }

  int64(): number | ExactInteger {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 64) high |= bits << (shift - 32);
      if (byte >= 0x80) continue;
      low >>>= 0;
      if (high >= -0x200000 && high < 0x200000) return high * twoTo32 + low;
      return exactInteger((BigInt(high) << 32n) | BigInt(low));
    }
    throw malformed('integer overflow');
  }

  double(): number {
    if (this.#at + 8 > this.#end) throw unexpectedEnd();
    this.#at += 8;
    return this.#bytes.readDoubleLE(this.#at - 8);
  }

  /** With its length. */
  string(): string {
    const outer = this.enter();
    const text = this.#bytes.toString('utf8', this.#at, this.#end);
    this.leave(outer);
    return text;
  }

  /** With their length; a view. */
  bytes(): Buffer {
    const outer = this.enter();
    const bytes = this.#bytes.subarray(this.#at, this.#end);
    this.leave(outer);
    return bytes;
  }

  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.int64();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.leave(this.enter());
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        throw malformed(`illegal wireType ${tag & 7}`);
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw unexpectedEnd();
    return this.#bytes[this.#at++] as number;
  }

  #advance(size: number): void {
    if (this.#at + size > this.#end) throw unexpectedEnd();
    this.#at += size;
  }
}
