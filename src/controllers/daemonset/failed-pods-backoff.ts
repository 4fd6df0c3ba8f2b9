/** How long the failed pod of a node is kept before another is made: 1 s, doubled each time up to 15 min. */
import type { Clock } from '../../base/clock.ts';

const firstMs = 1000;
const longestMs = 15 * 60_000;

interface Entry {
  readonly sinceMs: number;
  readonly delayMs: number;
}

export class FailedPodsBackoff {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0: it may go. */
  leftMs(key: string): number {
    const entry = this.#entries.get(key);
    return entry ? Math.max(0, entry.sinceMs + entry.delayMs - this.#clock.monotonic()) : 0;
  }

  /** A failed pod goes now. */
  next(key: string): void {
    const sinceMs = this.#clock.monotonic();
    this.#forgetOld(sinceMs);
    const before = this.#entries.get(key)?.delayMs ?? 0;
    this.#entries.set(key, { sinceMs, delayMs: Math.min(Math.max(firstMs, before * 2), longestMs) });
  }

  #forgetOld(nowMs: number): void {
    for (const [key, { sinceMs }] of this.#entries) if (nowMs - sinceMs > 2 * longestMs) this.#entries.delete(key);
  }
}
