/**
 * Headers as SPDY sends them: names and values with their lengths, all blocks of
 * one direction being one zlib stream that is flushed after each.
 *
 * A flushed block ends at a byte and at the end of a deflate block. So each can be
 * inflated by itself, given the text before it as its dictionary, and nothing
 * of zlib's has to be kept (and freed) with a connection.
 */
import { constants, inflateRawSync } from 'node:zlib';
import { dictionary, dictionaryId } from './dictionary.ts';
import { SpdyError } from './frames.ts';

/** Several values of one name are separated by \0. */
export type SpdyHeaders = ReadonlyMap<string, string>;

const headersMax = 100;
const blockBytesMax = 256 * 1024;
/** How far back deflate can refer. */
const windowBytes = 32 * 1024;
const presetDictionary = 0x20;
const nothing = Buffer.alloc(0);

export class HeaderDecoder {
  /** What the next block may refer to; undefined before the first. */
  #window: Buffer | undefined;

  /** Throws SpdyError. */
  decode(block: Buffer): SpdyHeaders {
    const compressed = this.#window ? block : this.#begin(block);
    const window = this.#window ?? nothing;
    let text: Buffer;
    try {
      text = inflateRawSync(compressed, { ...(window.length > 0 ? { dictionary: window } : {}), finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: blockBytesMax });
    } catch (error) {
      throw new SpdyError(`headers that cannot be inflated: ${(error as Error).message}`);
    }
    this.#window = Buffer.concat([window, text]).subarray(-windowBytes);
    return parseHeaders(text);
  }

  /** The head of a zlib stream (RFC 1950), which may name the dictionary. */
  #begin(block: Buffer): Buffer {
    if (block.length < 2 || (block[0]! & 0x0f) !== 8 || block.readUInt16BE(0) % 31 !== 0) throw new SpdyError('headers that are no zlib stream');
    if ((block[1]! & presetDictionary) === 0) {
      this.#window = nothing;
      return block.subarray(2);
    }
    if (block.length < 6 || block.readUInt32BE(2) !== dictionaryId) throw new SpdyError('headers compressed against another dictionary');
    this.#window = dictionary;
    return block.subarray(6);
  }
}

function parseHeaders(text: Buffer): SpdyHeaders {
  let at = 0;
  const number = (): number => {
    if (at + 4 > text.length) throw new SpdyError('headers that end too early');
    at += 4;
    return text.readUInt32BE(at - 4);
  };
  const string = (): string => {
    const length = number();
    if (length > text.length - at) throw new SpdyError('headers that end too early');
    at += length;
    return text.toString('utf8', at - length, at);
  };
  const count = number();
  if (count > headersMax) throw new SpdyError('too many headers');
  const headers = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const name = string();
    if (name !== name.toLowerCase() || headers.has(name)) throw new SpdyError(`the header ${JSON.stringify(name)} twice, or not in lower case`);
    headers.set(name, string());
  }
  return headers;
}

/** An empty stored block, which is what flushes the ones before it out of an inflater. */
const flush = Buffer.from([0, 0, 0, 0xff, 0xff]);
/** Deflate, without a dictionary. */
const streamHead = Buffer.from([0x78, 0x01]);
const storedBytesMax = 0xffff;

/** Sends what there is to say uncompressed: it is less than a table would be. */
export class HeaderEncoder {
  #begun = false;

  encode(headers: SpdyHeaders): Buffer {
    const parts: Buffer[] = [uint32(headers.size)];
    for (const [name, value] of headers) for (const text of [Buffer.from(name.toLowerCase()), Buffer.from(value)]) parts.push(uint32(text.length), text);
    const text = Buffer.concat(parts);
    const blocks: Buffer[] = this.#begun ? [] : [streamHead];
    this.#begun = true;
    for (let at = 0; at < text.length; at += storedBytesMax) {
      const part = text.subarray(at, at + storedBytesMax);
      const head = Buffer.alloc(5);
      head.writeUInt16LE(part.length, 1);
      head.writeUInt16LE(~part.length & 0xffff, 3);
      blocks.push(head, part);
    }
    return Buffer.concat([...blocks, flush]);
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
