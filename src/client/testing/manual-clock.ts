/** A clock for tests whose time moves only when told. */
import type { Clock } from '../../base/clock.ts';

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly periodMs: number | undefined;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #waiting = new Set<Waiting>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void) {
    return this.#wait(delayMs, undefined, callback);
  }

  every(periodMs: number, callback: () => void) {
    return this.#wait(periodMs, periodMs, callback);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const timer = this.after(delayMs, resolve);
      signal?.addEventListener('abort', () => {
        timer.cancel();
        reject(signal.reason as Error);
      });
    });
  }

  /** Moves time, calling what is due in order; promises settle between the calls. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#next();
      if (!next || next.at > end) break;
      this.#now = next.at;
      this.#waiting.delete(next);
      if (next.periodMs !== undefined) this.#waiting.add({ ...next, at: next.at + next.periodMs, order: this.#order++ });
      next.callback();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #wait(delayMs: number, periodMs: number | undefined, callback: () => void) {
    const waiting: Waiting = { at: this.#now + delayMs, order: this.#order++, periodMs, callback };
    this.#waiting.add(waiting);
    return { cancel: () => void this.#waiting.delete(waiting) };
  }

  #next(): Waiting | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#waiting) {
      if (!first || waiting.at < first.at || (waiting.at === first.at && waiting.order < first.order)) first = waiting;
    }
    return first;
  }
}

/** Lets what is ready run: promises, and a few turns of the loop. */
export async function settle(turns = 3): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}
