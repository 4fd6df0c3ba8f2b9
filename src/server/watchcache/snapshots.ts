/**
 * Past states kept for lists that go on page by page. A snapshot stands for
 * every revision from the change that made its state to the one before the
 * change that ended it.
 */
import type { Revision } from '../../storage/contract.ts';
import type { IndexSnapshot } from './ordered-index.ts';

interface Kept {
  readonly snapshot: IndexSnapshot;
  readonly from: Revision;
  /** Inclusive. */
  to: Revision;
  usedAt: number;
}

export class Snapshots {
  readonly #countMax: number;
  readonly #ageMaxMs: number;
  /** Oldest state first. */
  #kept: Kept[] = [];

  constructor(countMax: number, ageMaxMs: number) {
    this.#countMax = countMax;
    this.#ageMaxMs = ageMaxMs;
  }

  /** Keeps the current state, which came about at `from`. */
  keep(snapshot: IndexSnapshot, from: Revision, now: number): void {
    const last = this.#kept.at(-1);
    if (last?.from === from) {
      last.usedAt = now;
      return;
    }
    this.#kept.push({ snapshot, from, to: Infinity, usedAt: now });
    if (this.#kept.length > this.#countMax) this.#kept.shift();
  }

  /** The current state ends with a change at `revision`. */
  changed(revision: Revision): void {
    const last = this.#kept.at(-1);
    if (last?.to === Infinity) last.to = revision - 1;
  }

  at(revision: Revision, now: number): IndexSnapshot | undefined {
    const found = this.#kept.find(({ from, to }) => from <= revision && revision <= to);
    if (found) found.usedAt = now;
    return found?.snapshot;
  }

  trim(now: number): void {
    if (this.#kept.some(({ usedAt }) => now - usedAt > this.#ageMaxMs)) {
      this.#kept = this.#kept.filter(({ usedAt }) => now - usedAt <= this.#ageMaxMs);
    }
  }

  clear(): void {
    this.#kept = [];
  }
}
