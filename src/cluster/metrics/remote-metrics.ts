import type { Clock } from '../../base/clock.ts';
import type { FamilySnapshot } from '../../base/metrics/registry.ts';

const answeredWithinMs = 1000;

/** What another thread has counted. It is asked when somebody wants to know, and costs nothing otherwise. */
export class RemoteMetrics {
  readonly #clock: Clock;
  readonly #ask: () => void;
  #latest: readonly FamilySnapshot[] = [];
  #question: PromiseWithResolvers<void> | undefined;

  constructor(clock: Clock, ask: () => void) {
    this.#clock = clock;
    this.#ask = ask;
  }

  answered(families: readonly FamilySnapshot[]): void {
    this.#latest = families;
    this.#question?.resolve();
  }

  /** Those who come together share an answer. A thread that is too busy to give one has what it said last shown. */
  async snapshot(): Promise<readonly FamilySnapshot[]> {
    this.#question ??= this.#newQuestion();
    await this.#question.promise;
    return this.#latest;
  }

  #newQuestion(): PromiseWithResolvers<void> {
    const question = Promise.withResolvers<void>();
    const late = this.#clock.after(answeredWithinMs, () => question.resolve());
    void question.promise.then(() => {
      late.cancel();
      this.#question = undefined;
    });
    this.#ask();
    return question;
  }
}
