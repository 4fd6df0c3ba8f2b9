import { frameBytesDefault } from './frames.ts';
import type { Gathering } from './gathering.ts';

const noChunks: readonly Uint8Array[] = [];
/** Chunks that have gone are let go of when there are so many of them, or when none is left. */
const goneMax = 64;

/** The bytes that a stream has yet to send, in the chunks in which they came. */
export class ChunkQueue {
  /** As it was given while nothing else waits, which is nearly always; else `#own`. */
  #chunks: readonly Uint8Array[] = noChunks;
  #own: Uint8Array[] | undefined;
  /** The chunk that is next, and how much of it has gone. */
  #next = 0;
  #offset = 0;
  size = 0;

  /** Returns how many bytes these are. */
  add(chunks: readonly Uint8Array[]): number {
    if (this.size === 0) {
      this.clear();
      this.#chunks = chunks;
    } else if (this.#own && this.#next < goneMax) this.#own.push(...chunks);
    else {
      this.#chunks = this.#own = [...this.#chunks.slice(this.#next), ...chunks];
      this.#next = 0;
    }
    let bytes = 0;
    for (const { length } of chunks) bytes += length;
    this.size += bytes;
    return bytes;
  }

  /** The next `bytes`, of which there must be so many: by reference where they are part of a large body, else by copy. */
  moveTo(gathering: Gathering, bytes: number): void {
    const isLarge = bytes >= frameBytesDefault;
    this.size -= bytes;
    for (let left = bytes; left > 0; ) {
      const chunk = this.#chunks[this.#next] as Uint8Array;
      const end = Math.min(chunk.length, this.#offset + left);
      const piece = end - this.#offset === chunk.length ? chunk : chunk.subarray(this.#offset, end);
      if (isLarge) gathering.add(piece);
      else gathering.copy(piece);
      left -= piece.length;
      this.#offset = end;
      if (end < chunk.length) return;
      this.#next++;
      this.#offset = 0;
    }
    if (this.size === 0) this.clear();
  }

  clear(): void {
    this.#chunks = noChunks;
    this.#own = undefined;
    this.#next = this.#offset = this.size = 0;
  }
}
