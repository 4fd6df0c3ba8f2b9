/** The windows of RFC 9113, section 5.2: what a stream or a connection may send, and what it lets the peer send. */
import { windowMax } from './frames.ts';

export class SendWindow {
  /** Can be negative: SETTINGS may take back what was granted. */
  available: number;

  constructor(available: number) {
    this.available = available;
  }

  /** False where the peer grants more than can be. */
  widen(bytes: number): boolean {
    this.available += bytes;
    return this.available <= windowMax;
  }
}

export class ReceiveWindow {
  readonly #size: number;
  #available: number;
  /** Consumed, and not yet told to the peer. */
  #consumed = 0;

  constructor(size: number) {
    this.#size = size;
    this.#available = size;
  }

  /** False where the peer sends more than it may. */
  take(bytes: number): boolean {
    this.#available -= bytes;
    return this.#available >= 0;
  }

  /** By how much to widen the peer's window now: 0, until a quarter of it has been consumed. */
  giveBack(bytes: number): number {
    this.#consumed += bytes;
    if (this.#consumed < this.#size / 4) return 0;
    const increment = this.#consumed;
    this.#consumed = 0;
    this.#available += increment;
    return increment;
  }
}
