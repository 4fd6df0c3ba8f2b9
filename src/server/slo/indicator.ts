/**
 * One service level indicator: the distribution of the last five minutes, and
 * of the day the 99th percentile of each window of five minutes. An objective
 * holds for a day when 99 % of its windows keep it, which is how sig-scalability
 * reads "99th percentile per cluster-day".
 */
import type { SloReading, SloSeconds, SloVerdict } from '../../api/slo.ts';
import { SlidingHistogram } from '../../base/metrics/sliding-histogram.ts';

export const windowMs = 5 * 60_000;
const slotMs = 10_000;
const windowsPerDay = (24 * 60 * 60_000) / windowMs;
const percentile = 0.99;

export class Indicator {
  readonly #objectiveSeconds: number | undefined;
  readonly #recent = new SlidingHistogram(windowMs, slotMs);
  /** Of the latest windows, in a ring; NaN where there was nothing to measure. */
  #day: Float32Array | undefined;

  constructor(objectiveSeconds?: number) {
    this.#objectiveSeconds = objectiveSeconds;
  }

  /** `now` in monotonic milliseconds. */
  observe(now: number, seconds: number): void {
    this.#recent.observe(now, seconds);
  }

  /** At the end of each window, the `number`th of all. */
  closeWindow(now: number, number: number): void {
    const worst = this.#recent.quantile(now, percentile);
    if (worst !== undefined) this.#day ??= new Float32Array(windowsPerDay).fill(NaN);
    if (this.#day) this.#day[number % windowsPerDay] = worst ?? NaN;
  }

  read(now: number): Omit<SloReading, 'sli' | 'of'> {
    const last5Minutes = this.#readRecent(now);
    const day = this.#readDay();
    const objectiveSeconds = this.#objectiveSeconds;
    return {
      ...(objectiveSeconds === undefined ? {} : { objectiveSeconds }),
      ...(last5Minutes ? { last5Minutes } : {}),
      ...(day ? { day } : {}),
      ...(objectiveSeconds === undefined ? {} : { verdict: verdictOf(objectiveSeconds, last5Minutes?.p99Seconds, day?.p99Seconds) }),
    };
  }

  #readRecent(now: number): SloReading['last5Minutes'] {
    const count = this.#recent.count(now);
    if (count === 0) return undefined;
    return { count, p50Seconds: told(this.#recent.quantile(now, 0.5)), p99Seconds: told(this.#recent.quantile(now, percentile)) };
  }

  #readDay(): SloReading['day'] {
    const windows = this.#day?.filter((worst) => !Number.isNaN(worst)).toSorted();
    if (!windows || windows.length === 0) return undefined;
    const limit = this.#objectiveSeconds ?? Infinity;
    return {
      windows: windows.length,
      bad: windows.filter((worst) => worst > limit).length,
      p99Seconds: told(windows[Math.ceil(percentile * windows.length) - 1]),
    };
  }
}

function told(seconds: number | undefined): SloSeconds {
  return seconds === undefined || seconds === Infinity ? null : Number(seconds.toPrecision(3));
}

function verdictOf(objectiveSeconds: number, ...measured: readonly (SloSeconds | undefined)[]): SloVerdict {
  const known = measured.filter((seconds) => seconds !== undefined);
  if (known.length === 0) return 'noData';
  return known.every((seconds) => seconds !== null && seconds <= objectiveSeconds) ? 'met' : 'violated';
}
