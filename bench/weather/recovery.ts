/** When the API is as quick again after a storm as it was before. */

export interface TimelinePoint {
  readonly seconds: number;
  readonly p99: number;
}

/** So many good seconds in a row are no accident. */
const goodSeconds = 3;
const worseMax = 2;
/** Below it nobody notices. */
const quickMs = 50;

/** Seconds from `endS` until the p99 of each second is at most twice the usual one before `beginS`; undefined where that was never seen. */
export function recoverySeconds(timeline: readonly TimelinePoint[], beginS: number, endS: number): number | undefined {
  const before = timeline.filter(({ seconds }) => seconds <= beginS).map(({ p99 }) => p99).sort((a, b) => a - b);
  const bound = Math.max(quickMs, (before[before.length >> 1] ?? 0) * worseMax);
  const after = timeline.filter(({ seconds }) => seconds > endS);
  for (let at = 0; at + goodSeconds <= after.length; at++)
    if (after.slice(at, at + goodSeconds).every(({ p99 }) => p99 <= bound)) return Math.max(0, (after[at] as TimelinePoint).seconds - 1 - endS);
  return undefined;
}
