/**
 * The lines of a container's log as CRI runtimes write them: `<time> <stream>
 * <tag> <text>`, where the tag is P for a part of a line that goes on in the
 * next entry, and F for its end.
 */
import type { LogLine } from '../kubelet/runtime.ts';

const newline = 0x0a;
const space = 0x20;

/** `entry` is without its end of line. Undefined: it is no entry of a log. */
export function parseEntry(entry: Uint8Array): (LogLine & { readonly partial: boolean }) | undefined {
  const afterTime = entry.indexOf(space);
  const afterStream = entry.indexOf(space, afterTime + 1);
  const afterTags = entry.indexOf(space, afterStream + 1);
  if (afterTime < 1 || afterStream < 0 || afterTags < 0) return undefined;
  const buffer = Buffer.from(entry.buffer, entry.byteOffset, entry.length);
  const stream = buffer.toString('latin1', afterTime + 1, afterStream);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  // More tags may follow the first, after a colon.
  const partial = buffer[afterStream + 1] === 0x50;
  const text = buffer.toString('utf8', afterTags + 1);
  return { time: buffer.toString('latin1', 0, afterTime), stream, text: partial ? text : `${text}\n`, partial };
}

/** Whole entries out of pieces as they are read; an entry beyond `entryBytesMax` is cut. */
export class EntrySplitter {
  #rest: Uint8Array = new Uint8Array();

  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      const part = chunk.subarray(from, end);
      yield this.#rest.length > 0 ? Buffer.concat([this.#rest, part]) : part;
      this.#rest = new Uint8Array();
      from = end + 1;
    }
    if (from < chunk.length && this.#rest.length < entryBytesMax) this.#rest = Buffer.concat([this.#rest, chunk.subarray(from)]);
  }
}

/** Runtimes cut lines into entries of 16 KiB. */
const entryBytesMax = 1 << 20;
