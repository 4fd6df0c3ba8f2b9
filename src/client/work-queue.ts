/**
 * A queue of keys for reconcilers, with client-go's semantics: a key waits at
 * most once however often it is added; a key being worked on is not handed out
 * again until it is done, and if it was added meanwhile it then waits anew. So
 * no two workers ever hold the same key, and no change is ever missed.
 *
 * Failures come back with exponential backoff per key, and under one token
 * bucket for all, whichever is later.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { TokenBucket } from './token-bucket.ts';
import type { WorkQueueMetrics } from './work-queue-metrics.ts';

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly baseDelayMs?: number;
  readonly maxDelayMs?: number;
  /** Of all retries together. */
  readonly retriesPerSecond?: number;
  readonly retryBurst?: number;
  readonly metrics?: WorkQueueMetrics;
}

/** Throw or reject to have the key retried with backoff. */
export type WorkHandler<K> = (key: K, signal: AbortSignal) => Promise<void> | void;

/** Timers run no longer (24.8 days): what waits longer is handed out early, and put back by its worker. */
const timerMaxMs = 2 ** 31 - 1;

export class WorkQueue<K = string> {
  readonly #clock: Clock;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #bucket: TokenBucket;
  readonly #metrics: WorkQueueMetrics | undefined;
  /** Insertion order is the order of work; the value is when the key was added. */
  readonly #waiting = new Map<K, number>();
  readonly #dirty = new Set<K>();
  readonly #processing = new Map<K, number>();
  readonly #failures = new Map<K, number>();
  readonly #delayed = new Map<K, { readyAt: number; timer: Timer }>();
  readonly #takers: ((key: K | undefined) => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#baseDelayMs = options.baseDelayMs ?? 5;
    this.#maxDelayMs = options.maxDelayMs ?? 1_000_000;
    this.#bucket = new TokenBucket(options.clock, options.retriesPerSecond ?? 10, options.retryBurst ?? 100);
    this.#metrics = options.metrics;
  }

  get length(): number {
    return this.#waiting.size;
  }

  /** True where nothing waits, is delayed or is being worked on. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#processing.size === 0 && this.#delayed.size === 0;
  }

  add(key: K): void {
    if (this.#closed || this.#dirty.has(key)) return;
    this.#metrics?.adds.add();
    this.#dirty.add(key);
    if (!this.#processing.has(key)) this.#enqueue(key);
  }

  /** Of several delays for one key the earliest counts. */
  addAfter(key: K, delayMs: number): void {
    if (this.#closed) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const waitMs = Math.min(delayMs, timerMaxMs);
    const readyAt = this.#clock.monotonic() + waitMs;
    const earlier = this.#delayed.get(key);
    if (earlier && earlier.readyAt <= readyAt) return;
    earlier?.timer.cancel();
    const timer = this.#clock.after(waitMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { readyAt, timer });
  }

  /** After a failure: later each time, until `forget`. */
  addRateLimited(key: K): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#metrics?.retries.add();
    const backoffMs = Math.min(this.#baseDelayMs * 2 ** Math.min(failures, 40), this.#maxDelayMs);
    this.addAfter(key, Math.max(backoffMs, this.#bucket.reserve()));
  }

  /** The key's work succeeded, or was given up: its next failure is its first. */
  forget(key: K): void {
    this.#failures.delete(key);
  }

  retries(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key; waits for one. Undefined when the queue is shut down and empty. `done` must follow. */
  take(): Promise<K | undefined> {
    for (const key of this.#waiting.keys()) return Promise.resolve(this.#start(key));
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  done(key: K): void {
    const startedAt = this.#processing.get(key);
    if (startedAt === undefined) return;
    this.#processing.delete(key);
    this.#metrics?.worked.observe((this.#clock.monotonic() - startedAt) / 1000);
    if (this.#dirty.has(key)) this.#enqueue(key);
  }

  /** What waits is still handed out; nothing is added any more. */
  shutDown(): void {
    this.#closed = true;
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  /**
   * Works with `workers` keys in flight until `signal` aborts, and resolves when the last is done.
   * A key whose handler throws is retried, after `onError` heard of it.
   */
  async run(workers: number, handler: WorkHandler<K>, signal: AbortSignal, onError?: (key: K, error: unknown) => void): Promise<void> {
    const stop = () => {
      this.#waiting.clear();
      this.shutDown();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    await Promise.all(Array.from({ length: workers }, () => this.#work(handler, signal, onError)));
    signal.removeEventListener('abort', stop);
  }

  async #work(handler: WorkHandler<K>, signal: AbortSignal, onError?: (key: K, error: unknown) => void): Promise<void> {
    for (let key = await this.take(); key !== undefined; key = await this.take()) {
      try {
        await handler(key, signal);
        this.forget(key);
      } catch (error) {
        if (!signal.aborted) onError?.(key, error);
        this.addRateLimited(key);
      } finally {
        this.done(key);
      }
    }
  }

  #enqueue(key: K): void {
    const taker = this.#takers.shift();
    if (taker) {
      this.#waiting.set(key, this.#clock.monotonic());
      taker(this.#start(key));
      return;
    }
    this.#waiting.set(key, this.#clock.monotonic());
    this.#metrics?.depth.set(this.#waiting.size);
  }

  #start(key: K): K {
    const now = this.#clock.monotonic();
    this.#metrics?.waited.observe((now - (this.#waiting.get(key) ?? now)) / 1000);
    this.#waiting.delete(key);
    this.#dirty.delete(key);
    this.#processing.set(key, now);
    this.#metrics?.depth.set(this.#waiting.size);
    return key;
  }
}
