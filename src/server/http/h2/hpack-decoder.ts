/**
 * Header blocks to fields, RFC 7541. One decoder a connection: the blocks must
 * all pass through it, in order, those of refused and closed streams too.
 */
import { decodeHuffman } from './huffman.ts';
import { HeaderTable, type Field } from './header-table.ts';

/** We do not ask for another size than the one every peer begins with. */
export const tableBytesMax = 4096;

export interface FieldSink {
  field(field: Field): void;
}

/** The block cannot be decoded, and with it none that follows. */
export class HpackError extends Error {
  override readonly name = 'HpackError';
}

const name = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** The RFC forbids blanks at the ends too; upstream takes them, and so do we. */
const forbiddenInValue = /[\0\r\n]/;

export class HpackDecoder {
  readonly #table = new HeaderTable(tableBytesMax);
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** Throws HpackError. */
  decode(bytes: Buffer, start: number, end: number, sink: FieldSink): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    let mayResize = true;
    while (this.#at < this.#end) {
      const first = bytes[this.#at] as number;
      if (first >= 0x80) sink.field(this.#indexed(this.#integer(7)));
      else if (first >= 0x40) {
        const field = this.#literal(6);
        this.#table.add(field);
        sink.field(field);
      } else if (first < 0x20) sink.field(this.#literal(4));
      else {
        const sizeMax = this.#integer(5);
        if (!mayResize || sizeMax > tableBytesMax) throw new HpackError('the table may not be resized like this');
        this.#table.resize(sizeMax);
        continue;
      }
      mayResize = false;
    }
  }

  #indexed(index: number): Field {
    const field = this.#table.at(index);
    if (!field) throw new HpackError('an index without a field');
    return field;
  }

  #literal(prefixBits: number): Field {
    const index = this.#integer(prefixBits);
    const fieldName = index === 0 ? this.#string() : this.#indexed(index).name;
    const value = this.#string();
    return { name: fieldName, value, valid: name.test(fieldName) && !forbiddenInValue.test(value) };
  }

  #integer(prefixBits: number): number {
    const max = (1 << prefixBits) - 1;
    let value = this.#byte() & max;
    if (value < max) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      // No length or index of ours needs more, and shifts must not overflow.
      if (shift > 21) throw new HpackError('the integer is too large');
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new HpackError('the block ends too early');
    return this.#bytes[this.#at++] as number;
  }

  #string(): string {
    if (this.#at >= this.#end) throw new HpackError('the block ends too early');
    const isHuffman = (this.#bytes[this.#at] as number) >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw new HpackError('the block ends too early');
    if (!isHuffman) return this.#bytes.toString('latin1', start, this.#at);
    const text = decodeHuffman(this.#bytes, start, this.#at);
    if (text === undefined) throw new HpackError('the string is no Huffman code');
    return text;
  }
}
