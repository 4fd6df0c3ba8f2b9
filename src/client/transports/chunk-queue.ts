/**
 * Bytes between one that writes and one that iterates. What has gathered while
 * the reader was busy comes out as one chunk, so a burst of small writes costs
 * the reader one turn. The queue itself does not bound: the writer is told how
 * much lies here, and stops.
 */
export class ChunkQueue implements AsyncIterable<Uint8Array> {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  readonly #onRead: (bytes: number) => void;
  readonly #onCancel: () => void;

  /** `onRead` hears how many bytes the reader took; `onCancel` that it left before the end. */
  constructor(onRead: (bytes: number) => void, onCancel: () => void) {
    this.#onRead = onRead;
    this.#onCancel = onCancel;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(chunks: readonly Uint8Array[]): void {
    if (this.#ended) return;
    for (const chunk of chunks) {
      if (chunk.byteLength === 0) continue;
      this.#chunks.push(chunk);
      this.#bytes += chunk.byteLength;
    }
    this.#wakeReader();
  }

  end(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  /** What was pushed before is still read. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#failure = error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let finished = false;
    try {
      for (;;) {
        const chunk = this.#takeAll();
        if (chunk) {
          this.#onRead(chunk.byteLength);
          yield chunk;
        } else if (this.#ended) {
          finished = true;
          if (this.#failure) throw this.#failure;
          return;
        } else {
          await new Promise<void>((resolve) => (this.#wake = resolve));
        }
      }
    } finally {
      if (!finished && !this.#ended) this.#onCancel();
    }
  }

  #takeAll(): Uint8Array | undefined {
    const first = this.#chunks[0];
    if (!first) return undefined;
    const whole = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    return whole;
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** Reads to the end. */
export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all.length === 1 ? all[0]! : Buffer.concat(all);
}
