/**
 * Splits a watch's bytes into events. Each byte is looked at once: the part of
 * a line that has arrived is kept as the chunks it came in, and joined when its
 * end comes, so that a large object in many chunks costs no quadratic copying.
 * Objects come without managedFields: nobody but a server reads them, and they
 * are often half of an object, so they are not even parsed where that can be.
 */
import { cutManagedFields } from '../codec/managed-fields-text.ts';
import type { ApiObject } from './resource.ts';
import { responseError, statusError } from './response.ts';
import type { ClientStream } from './transport.ts';

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/** Batches of events, one for each chunk. Ends when the server ends the watch; leaving the loop cancels it. */
export type WatchStream<T> = AsyncIterable<readonly WatchEvent<T>[]>;

const newline = 10;

export class LineSplitter {
  #partial: Buffer[] = [];

  /** The lines that `chunk` completes, without their ends; empty lines are left out. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      const line = this.#take(bytes, start, end);
      if (line !== '') lines.push(line);
      start = end + 1;
    }
    if (start < bytes.length) this.#partial.push(bytes.subarray(start));
    return lines;
  }

  #take(bytes: Buffer, start: number, end: number): string {
    if (this.#partial.length === 0) return bytes.toString('utf8', start, end);
    const whole = Buffer.concat([...this.#partial, bytes.subarray(start, end)]);
    this.#partial = [];
    return whole.toString('utf8');
  }
}

/** Throws the server's error where the watch was refused. */
export async function decodeWatchStream<T extends ApiObject>(stream: ClientStream): Promise<WatchStream<T>> {
  if (stream.status >= 400) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream.chunks) chunks.push(chunk);
    throw responseError({ status: stream.status, body: Buffer.concat(chunks) });
  }
  return decode<T>(stream.chunks);
}

export function withoutManagedFields<T extends ApiObject>(object: T): T {
  if (object.metadata?.managedFields !== undefined) object.metadata.managedFields = undefined;
  return object;
}

async function* decode<T extends ApiObject>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly WatchEvent<T>[]> {
  const splitter = new LineSplitter();
  for await (const chunk of chunks) {
    const lines = splitter.push(chunk);
    if (lines.length === 0) continue;
    const events: WatchEvent<T>[] = [];
    for (const line of lines) {
      const event = JSON.parse(cutManagedFields(line).rest) as { type: WatchEvent<T>['type'] | 'ERROR'; object: T };
      if (event.type === 'ERROR') {
        // What came before the error is still true.
        if (events.length > 0) yield events;
        throw statusError(event.object, 500);
      }
      events.push({ type: event.type, object: withoutManagedFields(event.object) });
    }
    yield events;
  }
}
