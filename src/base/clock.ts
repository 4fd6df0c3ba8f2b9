/**
 * The only door to time. Everything that waits, stamps or measures is given a
 * Clock, so that a test or a simulation can hand in one whose time it moves.
 */
export interface Clock {
  /** Wall time, milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic time in milliseconds; only differences mean anything. */
  monotonic(): number;
  /** Calls `callback` once after `delayMs`; the returned timer can be cancelled. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls `callback` every `periodMs` until cancelled. */
  every(periodMs: number, callback: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason if it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export interface Timer {
  cancel(): void;
}

/** The machine's clock. Its timers do not keep the process alive when `background` is set. */
export function systemClock(options: { background?: boolean } = {}): Clock {
  const background = options.background ?? false;
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(delayMs, callback) {
      const handle = setTimeout(callback, delayMs);
      if (background) handle.unref();
      return { cancel: () => clearTimeout(handle) };
    },
    every(periodMs, callback) {
      const handle = setInterval(callback, periodMs);
      if (background) handle.unref();
      return { cancel: () => clearInterval(handle) };
    },
    sleep(delayMs, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason as Error);
          return;
        }
        const onAbort = () => {
          clearTimeout(handle);
          reject(signal?.reason as Error);
        };
        const handle = setTimeout(() => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        }, delayMs);
        if (background) handle.unref();
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}

let lastSecond = NaN;
let lastText = '';

/** RFC 3339 with second precision, as metav1.Time is written. */
export function formatTime(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  if (second !== lastSecond) {
    lastText = new Date(second * 1000).toISOString().replace('.000Z', 'Z');
    // Whatever is written within a second says the same.
    lastSecond = second;
  }
  return lastText;
}

/** RFC 3339 with microsecond digits, as metav1.MicroTime is written. */
export function formatMicroTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}
