/**
 * What has happened in a run: its phases, its seconds, and at the end the
 * verdict: not one failed request, and a p99 during the update of at most one
 * and a half times what it was before.
 */
import { LatencyCounts } from './workload/latency.ts';
import type { Second } from './workload/second.ts';

export const phases = ['start', 'ramp', 'before', 'update', 'after'] as const;
export type Phase = (typeof phases)[number];

/** One second as the page and the terminal show it. */
export interface Point {
  readonly second: number;
  readonly phase: Phase;
  readonly perSecond: number;
  readonly meanMs: number;
  readonly p99Ms: number;
  /** 0 to 1; undefined where nothing was asked. */
  readonly success: number | undefined;
  readonly failed: number;
  readonly bots: number;
  readonly versions: Readonly<Record<string, number>>;
}

export interface PhaseSummary {
  readonly phase: Phase;
  readonly seconds: number;
  readonly requests: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly meanMs: number;
  readonly p99Ms: number;
}

export interface Verdict {
  readonly passed: boolean;
  /** Of the whole run. */
  readonly requests: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  /** During the update, as a multiple of before. */
  readonly p99Ratio: number;
  readonly phases: readonly PhaseSummary[];
}

const ratioMax = 1.5;

export class DemoRun {
  readonly #begins: { readonly phase: Phase; readonly second: number }[] = [];
  readonly #seconds: Second[] = [];
  readonly #failures: Record<string, number> = {};

  /** `second` is the first of the phase. */
  begin(phase: Phase, second: number): void {
    this.#begins.push({ phase, second });
  }

  get phase(): Phase {
    return this.#begins.at(-1)?.phase ?? 'start';
  }

  /** The last second that is known. */
  get last(): number {
    return this.#seconds.at(-1)?.second ?? 0;
  }

  add(second: Second): Point {
    this.#seconds.push(second);
    for (const [reason, count] of Object.entries(second.failures)) this.#failures[reason] = (this.#failures[reason] ?? 0) + count;
    const latencies = merged([second]);
    const requests = second.succeeded + second.failed;
    return {
      second: second.second,
      phase: this.#phaseOf(second),
      perSecond: second.succeeded,
      meanMs: latencies.meanMs(),
      p99Ms: latencies.quantileMs(0.99),
      success: requests === 0 ? undefined : second.succeeded / requests,
      failed: second.failed,
      bots: second.bots,
      versions: second.versions,
    };
  }

  verdict(): Verdict {
    const summaries = phases.flatMap((phase) => this.#summary(phase));
    const p99Of = (phase: Phase) => summaries.find((one) => one.phase === phase)?.p99Ms ?? NaN;
    const failed = summaries.reduce((sum, one) => sum + one.failed, 0);
    const requests = summaries.reduce((sum, one) => sum + one.requests, 0);
    const p99Ratio = p99Of('update') / p99Of('before');
    return { passed: failed === 0 && requests > 0 && p99Ratio <= ratioMax, requests, failed, failures: this.#failures, p99Ratio, phases: summaries };
  }

  #phaseOf({ second }: Second): Phase {
    return this.#begins.findLast((begin) => begin.second <= second)?.phase ?? 'start';
  }

  #summary(phase: Phase): PhaseSummary[] {
    const seconds = this.#seconds.filter((one) => this.#phaseOf(one) === phase);
    if (seconds.length === 0) return [];
    const latencies = merged(seconds);
    const failed = seconds.reduce((sum, one) => sum + one.failed, 0);
    const succeeded = seconds.reduce((sum, one) => sum + one.succeeded, 0);
    return [{ phase, seconds: seconds.length, requests: succeeded + failed, failed, perSecond: succeeded / seconds.length, meanMs: latencies.meanMs(), p99Ms: latencies.quantileMs(0.99) }];
  }
}

function merged(seconds: readonly Second[]): LatencyCounts {
  const latencies = new LatencyCounts();
  for (const { latencies: counts, sumMs } of seconds) latencies.merge(counts, sumMs);
  return latencies;
}
