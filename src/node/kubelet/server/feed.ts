/** What was pushed, for one reader, until the end. */
export class Feed<V> implements AsyncIterable<V> {
  readonly #onRead: (value: V) => void;
  readonly #values: V[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(onRead: (value: V) => void) {
    this.#onRead = onRead;
  }

  push(value: V): void {
    if (this.#ended) return;
    this.#values.push(value);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<V> {
    for (;;) {
      const value = this.#values.shift();
      if (value !== undefined) {
        this.#onRead(value);
        yield value;
      } else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
