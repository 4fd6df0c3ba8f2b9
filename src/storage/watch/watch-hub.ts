/**
 * Who watches what, in this process; shared by all stores. An event finds its watchers by one binary search: the ends
 * of all watched ranges cut the keys into segments, and each segment lists the
 * queues whose range covers it. The table is built anew, on the next event,
 * after a watcher has come or gone.
 */
import type { Clock } from '../../base/clock.ts';
import type { Revision, WatchEvent } from '../contract.ts';
import { WatchQueue } from './watch-queue.ts';

interface WatchedRange {
  readonly from: string;
  readonly to: string;
  readonly queues: Set<WatchQueue>;
}

interface Segment {
  readonly start: string;
  readonly ranges: readonly WatchedRange[];
}

const nobody: readonly WatchedRange[] = [];

export class WatchHub {
  readonly #ranges = new Map<string, WatchedRange>();
  #segments: readonly Segment[] | undefined;
  readonly #touched = new Set<WatchQueue>();
  #revision: Revision;
  readonly #clock: Clock;

  constructor(revision: Revision, clock: Clock) {
    this.#revision = revision;
    this.#clock = clock;
  }

  /** From the event after the newest on; the queue leaves the hub when it ends. */
  subscribe(from: string, to: string, startRevision: Revision): WatchQueue {
    const name = `${from}\0${to}`;
    let range = this.#ranges.get(name);
    if (range === undefined) {
      range = { from, to, queues: new Set() };
      this.#ranges.set(name, range);
      this.#segments = undefined;
    }
    const { queues } = range;
    const queue = new WatchQueue(startRevision, this.#revision, this.#clock, (ended) => {
      queues.delete(ended);
      this.#touched.delete(ended);
      if (queues.size > 0) return;
      this.#ranges.delete(name);
      this.#segments = undefined;
    });
    queues.add(queue);
    return queue;
  }

  watched(key: string): boolean {
    return this.#covering(key).length > 0;
  }

  push(key: string, event: WatchEvent): void {
    for (const range of this.#covering(key)) {
      for (const queue of range.queues) {
        this.#touched.add(queue);
        queue.push(event);
      }
    }
  }

  /** Every event up to `revision` has been pushed. */
  advance(revision: Revision): void {
    this.#revision = revision;
    for (const queue of this.#touched) queue.advance(revision);
    this.#touched.clear();
  }

  requestProgress(): void {
    for (const queue of this.#queues()) {
      queue.advance(this.#revision);
      queue.requestProgress();
    }
  }

  end(error: Error): void {
    for (const queue of this.#queues()) queue.end(error);
  }

  #queues(): WatchQueue[] {
    return [...this.#ranges.values()].flatMap((range) => [...range.queues]);
  }

  #covering(key: string): readonly WatchedRange[] {
    this.#segments ??= segmentsOf([...this.#ranges.values()]);
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle] as Segment).start <= key) low = middle + 1;
      else high = middle;
    }
    return this.#segments[low - 1]?.ranges ?? nobody;
  }
}

function segmentsOf(ranges: readonly WatchedRange[]): Segment[] {
  const starts = [...new Set(ranges.flatMap((range) => [range.from, range.to]))].sort(byCodeUnits);
  const sorted = ranges.toSorted((a, b) => byCodeUnits(a.from, b.from));
  let open: WatchedRange[] = [];
  let next = 0;
  return starts.map((start) => {
    open = open.filter((range) => range.to > start);
    for (let range = sorted[next]; range !== undefined && range.from <= start; range = sorted[++next]) {
      if (range.to > start) open.push(range);
    }
    return { start, ranges: [...open] };
  });
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
