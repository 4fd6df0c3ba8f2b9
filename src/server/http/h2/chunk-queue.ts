import type { Gathering } from './gathering.ts';

const noChunks: readonly Uint8Array[] = [];

/** The bytes that a stream has yet to send, in the chunks in which they came. */
export class ChunkQueue {
  #chunks: readonly Uint8Array[] = noChunks;
  /** The chunk that is next, and how much of it has gone. */
  #next = 0;
  #offset = 0;
  size = 0;

  /** The array is kept as it is while nothing else waits. */
  add(chunks: readonly Uint8Array[]): void {
    for (const { length } of chunks) this.size += length;
    this.#chunks = this.#next === this.#chunks.length ? chunks : [...this.#chunks.slice(this.#next), ...chunks];
    if (this.#chunks === chunks) this.#offset = 0;
    this.#next = 0;
  }

  /** The next `bytes`, of which there must be so many. */
  moveTo(gathering: Gathering, bytes: number): void {
    this.size -= bytes;
    let left = bytes;
    while (left > 0) {
      const chunk = this.#chunks[this.#next] as Uint8Array;
      const rest = chunk.length - this.#offset;
      if (rest > left) {
        gathering.add(chunk.subarray(this.#offset, this.#offset + left));
        this.#offset += left;
        return;
      }
      gathering.add(this.#offset === 0 ? chunk : chunk.subarray(this.#offset));
      left -= rest;
      this.#next++;
      this.#offset = 0;
    }
    if (this.size === 0) this.clear();
  }

  clear(): void {
    this.#chunks = noChunks;
    this.#next = this.#offset = this.size = 0;
  }
}
