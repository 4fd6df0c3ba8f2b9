/**
 * What thresholds mean over time: a node stays under pressure for a while after
 * the shortage was last seen, so that it does not flap, and a soft threshold is
 * acted on only when it has been crossed for its grace period.
 */
import { isMet } from './thresholds.ts';
import type { Observations, Signal, Threshold } from './thresholds.ts';

export type PressureKind = 'memory' | 'disk' | 'pid';

export const kindOf: Readonly<Record<Signal, PressureKind>> = {
  'memory.available': 'memory',
  'nodefs.available': 'disk',
  'nodefs.inodesFree': 'disk',
  'imagefs.available': 'disk',
  'imagefs.inodesFree': 'disk',
  'pid.available': 'pid',
};

export const transitionMs = 300_000;

export class Pressure {
  readonly #thresholds: readonly Threshold[];
  readonly #firstMetAtMs = new Map<Threshold, number>();
  readonly #lastSeenAtMs = new Map<PressureKind, number>();
  #nowMs = 0;

  constructor(thresholds: readonly Threshold[]) {
    this.#thresholds = thresholds;
  }

  /** Returns the thresholds that must be acted on now, the most urgent first: memory runs out fastest. */
  update(observations: Observations, nowMs: number): readonly Threshold[] {
    this.#nowMs = nowMs;
    for (const threshold of this.#thresholds) {
      if (!isMet(threshold, observations)) {
        this.#firstMetAtMs.delete(threshold);
        continue;
      }
      if (!this.#firstMetAtMs.has(threshold)) this.#firstMetAtMs.set(threshold, nowMs);
      this.#lastSeenAtMs.set(kindOf[threshold.signal], nowMs);
    }
    const due = [...this.#firstMetAtMs].filter(([{ graceMs }, since]) => nowMs - since >= graceMs).map(([threshold]) => threshold);
    return due.toSorted((a, b) => Number(kindOf[b.signal] === 'memory') - Number(kindOf[a.signal] === 'memory'));
  }

  has(kind: PressureKind): boolean {
    const seen = this.#lastSeenAtMs.get(kind);
    return seen !== undefined && this.#nowMs - seen < transitionMs;
  }

  get conditions(): { readonly memory: boolean; readonly disk: boolean; readonly pid: boolean } {
    return { memory: this.has('memory'), disk: this.has('disk'), pid: this.has('pid') };
  }
}
