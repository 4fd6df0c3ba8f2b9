import type { Clock, Timer } from '../base/clock.ts';
import type { Store } from '../storage/contract.ts';

const periodMs = 5000;
/** As upstream's etcd check: an answer that takes longer is none. */
const answerWithinMs = 2000;

/** Asks the store now and then whether it still answers; the health paths tell what came of it. */
export class StoreHealth {
  problem: string | undefined;
  readonly #timer: Timer;

  constructor(store: Store, clock: Clock) {
    let waiting = false;
    this.#timer = clock.every(periodMs, () => {
      if (waiting) return;
      waiting = true;
      const late = clock.after(answerWithinMs, () => (this.problem = 'the store does not answer'));
      store.currentRevision().then(
        () => (this.problem = undefined),
        (error: unknown) => (this.problem = error instanceof Error ? error.message : String(error)),
      ).finally(() => {
        late.cancel();
        waiting = false;
      });
    });
  }

  cancel(): void {
    this.#timer.cancel();
  }
}
