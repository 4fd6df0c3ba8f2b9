import type { Readable } from 'node:stream';
import { badRequest, requestEntityTooLarge } from '../../api/errors.ts';

/** Upstream's limit for what a client may send in one request. */
export const bodyBytesMax = 3 * 1024 * 1024;

const nothing = new Uint8Array(0);
export const emptyBody = (): Promise<Uint8Array> => Promise.resolve(nothing);

/** Reads a whole body, at the first call. Rejects with 413 beyond the limit and with 400 where the sender stopped half-way. */
export function bodyOf(source: Readable, announced: string | undefined, aborted: () => boolean): () => Promise<Uint8Array> {
  let body: Promise<Uint8Array> | undefined;
  return () => (body ??= collect(source, announced, aborted));
}

function collect(source: Readable, announced: string | undefined, aborted: () => boolean): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const length = announced === undefined ? undefined : Number(announced);
    if (length !== undefined && length > bodyBytesMax) {
      source.resume();
      reject(requestEntityTooLarge(`limit is ${bodyBytesMax}`));
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    let ended = false;
    source.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > bodyBytesMax) {
        chunks.length = 0;
        reject(requestEntityTooLarge(`limit is ${bodyBytesMax}`));
        return;
      }
      chunks.push(chunk);
    });
    source.on('end', () => {
      ended = true;
      if (aborted() || (length !== undefined && size !== length)) reject(badRequest('unexpected EOF'));
      else if (size <= bodyBytesMax) resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
    });
    // Errors are only made when there is one: they cost more than the rest of this.
    const breakOff = () => {
      if (!ended) reject(badRequest('unexpected EOF'));
    };
    source.on('error', breakOff);
    source.on('close', breakOff);
  });
}
