/**
 * What a controller has ordered and its informer has not shown yet. Until all
 * of it has been seen, or five minutes have gone by, the controller must not
 * count its pods: it would order the same again, and pods would be doubled.
 */
import type { Clock } from '../../base/clock.ts';

interface Expected {
  creations: number;
  /** Keys of the objects whose deletion will be seen. */
  readonly deletions: Set<string>;
  readonly orderedAt: number;
}

const expiryMs = 5 * 60_000;

export class Expectations {
  readonly #clock: Clock;
  readonly #expected = new Map<string, Expected>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  satisfied(owner: string): boolean {
    const expected = this.#expected.get(owner);
    if (!expected) return true;
    if (expected.creations <= 0 && expected.deletions.size === 0) return true;
    return this.#clock.monotonic() - expected.orderedAt > expiryMs;
  }

  expectCreations(owner: string, count: number): void {
    this.#expected.set(owner, { creations: count, deletions: new Set(), orderedAt: this.#clock.monotonic() });
  }

  expectDeletions(owner: string, keys: readonly string[]): void {
    this.#expected.set(owner, { creations: 0, deletions: new Set(keys), orderedAt: this.#clock.monotonic() });
  }

  /** For owners that create and delete in one go. */
  expect(owner: string, creations: number, deletions: readonly string[]): void {
    this.#expected.set(owner, { creations, deletions: new Set(deletions), orderedAt: this.#clock.monotonic() });
  }

  /** Seen, or not going to happen. */
  creationObserved(owner: string, count = 1): void {
    const expected = this.#expected.get(owner);
    if (expected) expected.creations -= count;
  }

  deletionObserved(owner: string, key: string): void {
    this.#expected.get(owner)?.deletions.delete(key);
  }

  /** The owner is gone. */
  forget(owner: string): void {
    this.#expected.delete(owner);
  }
}
