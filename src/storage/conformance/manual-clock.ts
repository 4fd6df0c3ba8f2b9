import type { Clock, Timer } from '../../base/clock.ts';

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #now = 1_700_000_000_000;
  #timers: { at: number; callback: () => void; timer: Timer }[] = [];

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer: Timer = {
      cancel: () => {
        this.#timers = this.#timers.filter((entry) => entry.timer !== timer);
      },
    };
    this.#timers.push({ at: this.#now + delayMs, callback, timer });
    return timer;
  }

  every(periodMs: number, callback: () => void): Timer {
    let timer: Timer;
    const again = () => {
      timer = this.after(periodMs, again);
      callback();
    };
    timer = this.after(periodMs, again);
    return { cancel: () => timer.cancel() };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#now = due.at;
      due.timer.cancel();
      due.callback();
    }
    this.#now = end;
  }
}
