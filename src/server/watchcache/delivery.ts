/**
 * Writes to streams in turns of the loop: however many events concern a
 * watcher in one turn, it is written to once; and a crowd of watchers is served
 * in slices, so that requests in between are not kept waiting.
 */
import type { Clock } from '../../base/clock.ts';
import type { Turns } from './contract.ts';

export interface Deliverable {
  /** Set while it is in the queue. */
  queued: boolean;
  /** Writes what there is; true if there is more to do at once. */
  deliver(): boolean;
}

/** Told when all has been written that was asked for before it was put in. */
export interface ServedMark {
  /** In monotonic milliseconds. */
  served(now: number): void;
}

/** How many writes go between two looks at the clock. */
const writesPerLook = 8;

export class Delivery {
  readonly #clock: Clock;
  readonly #turns: Pick<Turns, 'whenGathered'>;
  readonly #sliceMs: number;
  #queue: Deliverable[] = [];
  #next = 0;
  #scheduled = false;
  /** How many were ever asked for, and how many of them were served. */
  #requested = 0;
  #served = 0;
  /** In order; each waits until so many are served. */
  #marks: { readonly after: number; readonly mark: ServedMark }[] = [];

  constructor(clock: Clock, turns: Pick<Turns, 'whenGathered'>, sliceMs: number) {
    this.#clock = clock;
    this.#turns = turns;
    this.#sliceMs = sliceMs;
  }

  request(item: Deliverable): void {
    if (item.queued) return;
    item.queued = true;
    this.#requested++;
    this.#queue.push(item);
    this.#schedule();
  }

  /** Nothing waits to be written. */
  get idle(): boolean {
    return this.#served === this.#requested;
  }

  /** Tells `mark` once every write that is asked for by now has been done: at once where there is none. */
  whenServed(mark: ServedMark): void {
    if (this.idle) mark.served(this.#clock.monotonic());
    else this.#marks.push({ after: this.#requested, mark });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#turns.whenGathered(this.#run);
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    const until = this.#clock.monotonic() + this.#sliceMs;
    // What asks again goes to the next turn: nobody is served twice in one.
    const end = this.#queue.length;
    for (let count = 1; this.#next < end; count++) {
      const item = this.#queue[this.#next++] as Deliverable;
      item.queued = false;
      this.#served++;
      if (item.deliver()) this.request(item);
      if (count % writesPerLook === 0 && this.#clock.monotonic() > until) break;
    }
    if (this.#marks.length > 0) this.#tell();
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
    } else {
      if (this.#next > 4096) {
        this.#queue = this.#queue.slice(this.#next);
        this.#next = 0;
      }
      this.#schedule();
    }
  };

  #tell(): void {
    const now = this.#clock.monotonic();
    let count = 0;
    while (count < this.#marks.length && (this.#marks[count]?.after as number) <= this.#served) this.#marks[count++]?.mark.served(now);
    this.#marks.splice(0, count);
  }
}
