/**
 * The heads of answers as header blocks, RFC 7541. Nothing is put into the
 * peer's table: its own decoder has less to do that way, and one encoder serves
 * all connections. What repeats (most names and values) is encoded once.
 */
import { staticIndexOf, staticIndexOfStatus } from './header-table.ts';

export type AnswerHeaders = Readonly<Record<string, string | readonly string[]>>;

/** Values that are hardly ever the same twice. */
const changing: ReadonlySet<string> = new Set(['audit-id', 'content-length', 'etag', 'location', 'warning']);
const literalWithoutIndexing = 4;
const maxSizeUpdate = 5;

interface EncodedName {
  readonly bytes: Uint8Array;
  readonly remembers: boolean;
  lastValue: string | undefined;
  /** Name and last value. */
  lastField: Uint8Array;
}

export class HeadEncoder {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #at = 0;
  readonly #statuses: (Uint8Array | undefined)[] = [];
  readonly #names = new Map<string, EncodedName>();

  /** `first`: of the connection. Tells the peer that its table may stay empty. The block is valid until the next call. */
  encode(status: number, headers: AnswerHeaders, date: string, first: boolean): Uint8Array {
    this.#at = 0;
    if (first) this.#integer(0, maxSizeUpdate, 0x20);
    this.#copy((this.#statuses[status] ??= this.#encodeStatus(status)));
    for (const name in headers) {
      const value = headers[name] as string | readonly string[];
      if (typeof value === 'string') this.#field(name, value);
      else for (const one of value) this.#field(name, one);
    }
    this.#field('date', date);
    return this.#bytes.subarray(0, this.#at);
  }

  #encodeStatus(status: number): Uint8Array {
    const start = this.#at;
    const index = staticIndexOfStatus(status);
    if (index > 0) this.#integer(index, 7, 0x80);
    else {
      this.#integer(staticIndexOf(':status'), literalWithoutIndexing, 0);
      this.#string(String(status));
    }
    return this.#taken(start);
  }

  #field(name: string, value: string): void {
    let known = this.#names.get(name);
    if (!known) this.#names.set(name, (known = this.#encodeName(name)));
    if (known.lastValue === value) {
      this.#copy(known.lastField);
      return;
    }
    const start = this.#at;
    this.#copy(known.bytes);
    this.#string(value);
    if (!known.remembers) return;
    known.lastValue = value;
    known.lastField = new Uint8Array(this.#bytes.subarray(start, this.#at));
  }

  #encodeName(name: string): EncodedName {
    const lower = name.toLowerCase();
    const start = this.#at;
    const index = staticIndexOf(lower);
    this.#integer(index, literalWithoutIndexing, 0);
    if (index === 0) this.#string(lower);
    return { bytes: this.#taken(start), remembers: !changing.has(lower), lastValue: undefined, lastField: this.#bytes };
  }

  /** What was written since `start`, taken back and given as bytes of its own. */
  #taken(start: number): Uint8Array {
    const bytes = new Uint8Array(this.#bytes.subarray(start, this.#at));
    this.#at = start;
    return bytes;
  }

  #copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #integer(value: number, prefixBits: number, pattern: number): void {
    this.#reserve(8);
    const max = (1 << prefixBits) - 1;
    if (value < max) {
      this.#bytes[this.#at++] = pattern | value;
      return;
    }
    this.#bytes[this.#at++] = pattern | max;
    let rest = value - max;
    for (; rest >= 128; rest >>>= 7) this.#bytes[this.#at++] = (rest & 127) | 128;
    this.#bytes[this.#at++] = rest;
  }

  #string(text: string): void {
    const length = Buffer.byteLength(text);
    this.#integer(length, 7, 0);
    this.#reserve(length);
    this.#bytes.write(text, this.#at, length, 'utf8');
    this.#at += length;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#at + bytes));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}
