/**
 * Which exchanges end with which signal. A listener for each exchange would
 * cost more than the rest of a small request: so each signal has one, which
 * goes when the signal does.
 */
export class SignalBook<T> {
  readonly #onAbort: (item: T, reason: Error) => void;
  readonly #items = new WeakMap<AbortSignal, Set<T>>();

  constructor(onAbort: (item: T, reason: Error) => void) {
    this.#onAbort = onAbort;
  }

  add(signal: AbortSignal, item: T): void {
    const known = this.#items.get(signal);
    if (known) {
      known.add(item);
      return;
    }
    const items = new Set([item]);
    this.#items.set(signal, items);
    signal.addEventListener(
      'abort',
      () => {
        for (const each of items) this.#onAbort(each, signal.reason as Error);
      },
      { once: true },
    );
  }

  delete(signal: AbortSignal, item: T): void {
    this.#items.get(signal)?.delete(item);
  }
}
