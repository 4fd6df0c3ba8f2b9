/**
 * How far the caches are, and waiting until they are far enough. All caches of
 * a set are fed by one watch of the store, so one revision speaks for all.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Revision, Store } from '../../storage/contract.ts';

interface Waiter {
  readonly revision: Revision;
  readonly deadline: number;
  readonly resolve: (reached: boolean) => void;
}

/** While someone waits, the store is asked for progress this often. */
const progressPeriodMs = 100;

export class Freshness {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #waitMs: number;
  #waiters: Waiter[] = [];
  #timer: Timer | undefined;
  /** The highest revision for which progress was asked. */
  #asked: Revision = 0;
  #answer: Promise<Revision> | undefined;
  #nextAnswer: Promise<Revision> | undefined;
  /** Everything up to here has been applied to every cache. */
  revision: Revision = 0;

  constructor(store: Store, clock: Clock, waitMs: number) {
    this.#store = store;
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  /**
   * The store's revision at some time after the call. Readers that come while
   * one question is under way share the next one.
   */
  currentRevision(): Promise<Revision> {
    if (!this.#answer) return this.#ask();
    const ask = () => this.#ask();
    this.#nextAnswer ??= this.#answer.then(ask, ask);
    return this.#nextAnswer;
  }

  #ask(): Promise<Revision> {
    this.#nextAnswer = undefined;
    const answer = this.#store.currentRevision();
    this.#answer = answer;
    const over = () => {
      if (this.#answer === answer) this.#answer = undefined;
    };
    answer.then(over, over);
    return answer;
  }

  /** True once the caches have reached `revision`; false if that takes too long. */
  reach(revision: Revision): Promise<boolean> {
    if (this.revision >= revision) return Promise.resolve(true);
    if (revision > this.#asked) {
      this.#asked = revision;
      this.#store.requestProgress();
    }
    this.#timer ??= this.#clock.every(progressPeriodMs, () => this.#overdue());
    return new Promise((resolve) => {
      this.#waiters.push({ revision, deadline: this.#clock.monotonic() + this.#waitMs, resolve });
    });
  }

  /** Lets those go on whose revision has been reached. */
  wake(): void {
    if (this.#waiters.length > 0)
      this.#settle((waiter) => (waiter.revision <= this.revision ? true : undefined));
  }

  /** Nobody waits any longer. */
  close(): void {
    this.#settle(() => false);
  }

  #overdue(): void {
    const now = this.#clock.monotonic();
    this.#settle((waiter) => (now >= waiter.deadline ? false : undefined));
    if (this.#waiters.length > 0) this.#store.requestProgress();
  }

  #settle(verdict: (waiter: Waiter) => boolean | undefined): void {
    this.#waiters = this.#waiters.filter((waiter) => {
      const reached = verdict(waiter);
      if (reached !== undefined) waiter.resolve(reached);
      return reached === undefined;
    });
    if (this.#waiters.length === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
  }
}
