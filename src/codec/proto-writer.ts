/**
 * Writes protobuf from the end to the start: the length of a nested message is
 * known when its tag is due, so there is no sizing pass. Fields therefore go in
 * from the last to the first.
 */

const twoTo32 = 2 ** 32;
const initialSize = 16 * 1024;
/** What one huge object made it grow to is not kept. */
const keptSizeMax = 1024 * 1024;
/** Up to here a loop beats the call into the runtime. */
const shortString = 48;

export class ProtoWriter {
  #buffer = Buffer.allocUnsafeSlow(initialSize);
  #at = initialSize;

  /** Bytes written so far; the mark that `delimit` wants. */
  get size(): number {
    return this.#buffer.length - this.#at;
  }

  /** What was written, in memory of its own; the writer is empty again. */
  take(): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(this.size);
    this.#buffer.copy(bytes, 0, this.#at);
    if (this.#buffer.length > keptSizeMax) this.#buffer = Buffer.allocUnsafeSlow(initialSize);
    this.#at = this.#buffer.length;
    return bytes;
  }

  /** Forgets what was written, after an error. */
  reset(): void {
    this.#at = this.#buffer.length;
  }

  /** A non-negative integer below 2^32. */
  uint32(value: number): void {
    this.#reserve(5);
    if (value < 0x80) {
      this.#buffer[--this.#at] = value;
      return;
    }
    const length = value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
    let at = (this.#at -= length);
    while (value > 0x7f) {
      this.#buffer[at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.#buffer[at] = value;
  }

  /** Any safe integer; a negative one takes ten bytes, as int32 and int64 do. */
  int(value: number): void {
    if (value >= 0 && value < twoTo32) this.uint32(value);
    else this.bigint(BigInt(value));
  }

  bigint(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    const bytes: number[] = [];
    do {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      bytes.push(rest === 0n ? low : low | 0x80);
    } while (rest !== 0n);
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    this.#buffer.set(bytes, this.#at);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at -= 8;
    this.#buffer.writeDoubleLE(value, this.#at);
  }

  /** Without its length. */
  string(text: string): void {
    const { length } = text;
    if (length <= shortString) {
      this.#reserve(length);
      let at = this.#at;
      let index = length;
      while (index > 0) {
        const code = text.charCodeAt(--index);
        if (code > 0x7f) break;
        this.#buffer[--at] = code;
        if (index === 0) {
          this.#at = at;
          return;
        }
      }
      if (length === 0) return;
    }
    const size = Buffer.byteLength(text);
    this.#reserve(size);
    this.#at -= size;
    this.#buffer.write(text, this.#at, size, 'utf8');
  }

  /** Without their length. */
  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    this.#buffer.set(bytes, this.#at);
  }

  /** Puts length and tag before what was written since `mark`. */
  delimit(mark: number, tag: number): void {
    this.uint32(this.size - mark);
    this.uint32(tag);
  }

  #reserve(size: number): void {
    if (this.#at >= size) return;
    const used = this.size;
    const bigger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, used + size + initialSize));
    this.#buffer.copy(bigger, bigger.length - used, this.#at);
    this.#at = bigger.length - used;
    this.#buffer = bigger;
  }
}
