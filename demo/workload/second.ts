/** What crosses between bots, aggregator and demo: one second of traffic. */
import { LatencyCounts } from './latency.ts';
import type { BucketCounts } from './latency.ts';

export interface Second {
  /** Since the Unix epoch. */
  readonly second: number;
  readonly bots: number;
  /** Answered as they should be. */
  readonly succeeded: number;
  /** Refused, reset, too late, or answered with anything but 200. */
  readonly failed: number;
  readonly sumMs: number;
  readonly latencies: BucketCounts;
  /** Who answered. */
  readonly versions: Readonly<Record<string, number>>;
  /** Why requests failed, for people. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Gathers what happened in one second, of one bot or of all. */
export class SecondCounts {
  readonly second: number;
  readonly latencies = new LatencyCounts();
  readonly #versions: Record<string, number> = {};
  readonly #failures: Record<string, number> = {};
  #failed = 0;
  #bots: number;

  constructor(second: number, bots: number) {
    this.second = second;
    this.#bots = bots;
  }

  succeed(version: string, ms: number): void {
    this.latencies.add(ms);
    this.#versions[version] = (this.#versions[version] ?? 0) + 1;
  }

  fail(reason: string): void {
    this.#failed++;
    this.#failures[reason] = (this.#failures[reason] ?? 0) + 1;
  }

  merge(other: Second): void {
    this.#bots += other.bots;
    this.#failed += other.failed;
    this.latencies.merge(other.latencies, other.sumMs);
    for (const [version, count] of Object.entries(other.versions)) this.#versions[version] = (this.#versions[version] ?? 0) + count;
    for (const [reason, count] of Object.entries(other.failures)) this.#failures[reason] = (this.#failures[reason] ?? 0) + count;
  }

  toJSON(): Second {
    const { second, latencies } = this;
    return { second, bots: this.#bots, succeeded: latencies.count, failed: this.#failed, sumMs: latencies.sumMs, latencies: latencies.buckets(), versions: this.#versions, failures: this.#failures };
  }
}

/** The last seconds, for those who ask once a second and may be late. */
export class RecentSeconds {
  readonly #kept = new Map<number, SecondCounts>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  at(second: number, bots: number): SecondCounts {
    let counts = this.#kept.get(second);
    if (!counts) {
      this.#kept.set(second, (counts = new SecondCounts(second, bots)));
      for (const old of this.#kept.keys()) if (old <= second - this.#max) this.#kept.delete(old);
    }
    return counts;
  }

  /** Those after `since` and before `until`, in their order. */
  between(since: number, until: number): Second[] {
    return [...this.#kept.values()].filter(({ second }) => second > since && second < until).map((counts) => counts.toJSON()).sort((a, b) => a.second - b.second);
  }
}
