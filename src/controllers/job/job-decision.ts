/** What a Job does next: which pods to make and to delete, whether it ends, and when to look again. Pure. */
import type { Job } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { podsToDelete } from '../runtime/deletion-order.ts';
import { indexesOf, indexOf } from './completion-indexes.ts';
import { finishedAtMs, nextBackoff, remainingMs, type Backoff } from './failure-backoff.ts';
import { deadlineLeftMs, outcomeOf, type Outcome } from './job-outcome.ts';
import { failuresOf, isIndexed, replacesFailedOnly, tallyJob, type Tally } from './job-tally.ts';

const podsPerSync = 500;

export interface JobInput {
  readonly job: Job;
  readonly pods: readonly Pod[];
  /** Uids of pods whose finalizers were removed, though they may still show them. */
  readonly released: ReadonlySet<string>;
  readonly backoff: Backoff;
  /** All that was ordered has been seen, so that pods can be counted. */
  readonly settled: boolean;
  readonly nowMs: number;
}

export interface JobDecision {
  readonly tally: Tally;
  readonly backoff: Backoff;
  readonly outcome: Outcome | undefined;
  /** With an outcome these are still to be counted; without one they count for nothing. */
  readonly remove: readonly Pod[];
  readonly create: readonly NewPod[];
  /** Pods were decided on, and with them whether the Job is suspended. */
  readonly managed: boolean;
  readonly againMs: number | undefined;
}

/** Of a Job without indexes: nothing. */
export interface NewPod {
  readonly index?: number;
  /** Whose place it takes. */
  readonly replaced?: Pod;
}

export function decideJob({ job, pods, released, backoff: before, settled, nowMs }: JobInput): JobDecision {
  const tally = tallyJob(job, pods, released);
  const backoff = nextBackoff(before, tally.newSucceeded, tally.newFailed);
  const outcome = outcomeOf(job, pods, tally, nowMs);
  const leftMs = deadlineLeftMs(job, nowMs);
  const common = { tally, backoff, outcome, create: [], managed: false, againMs: leftMs !== undefined && leftMs > 0 ? leftMs : undefined };
  if (outcome) return { ...common, remove: tally.active };
  if (!settled || job.metadata.deletionTimestamp) return { ...common, remove: [] };
  if (job.spec?.suspend) return { ...common, managed: true, remove: tally.active };
  const wanted = wantedActive(job, tally);
  const remove = surplusPods(job, tally, tally.active.length - wanted, nowMs);
  if (remove.length > 0) return { ...common, managed: true, remove };
  const missing = wanted - tally.active.length - (replacesFailedOnly(job) ? tally.terminating.length : 0);
  const { create, againMs } = newPods(job, tally, Math.min(missing, podsPerSync), backoff, nowMs);
  const soonest = Math.min(againMs ?? Infinity, common.againMs ?? Infinity);
  return { ...common, managed: true, remove, create, againMs: soonest === Infinity ? undefined : soonest };
}

function wantedActive({ spec }: Job, { succeeded, active }: Tally): number {
  const parallelism = spec?.parallelism ?? 1;
  if (spec?.completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(spec.completions - succeeded, parallelism));
}

/** Pods of the same index, and those of none, go first. */
function surplusPods(job: Job, { active }: Tally, count: number, nowMs: number): Pod[] {
  const useless = isIndexed(job) ? doubled(active, job.spec?.completions ?? 0, nowMs) : [];
  const rest = active.filter((pod) => !useless.includes(pod));
  return [...useless, ...podsToDelete(rest, [], Math.max(0, count - useless.length), nowMs)].slice(0, podsPerSync);
}

function doubled(active: readonly Pod[], completions: number, nowMs: number): Pod[] {
  const result: Pod[] = [];
  for (const [index, same] of Map.groupBy(active, indexOf)) {
    const kept = index === undefined || index >= completions ? 0 : 1;
    result.push(...podsToDelete(same, [], same.length - kept, nowMs));
  }
  return result;
}

function newPods(job: Job, tally: Tally, count: number, backoff: Backoff, nowMs: number): { create: NewPod[]; againMs?: number } {
  if (count <= 0) return { create: [] };
  const { indexes } = tally;
  if (!indexes?.failed) {
    const waitMs = remainingMs(backoff, nowMs);
    if (waitMs > 0) return { create: [], againMs: waitMs };
  }
  if (!indexes) return { create: Array.from({ length: count }, () => ({})) };
  const pending = firstPending(job, tally, count).map((index): NewPod => ({ index, ...(indexes.replaced.has(index) ? { replaced: indexes.replaced.get(index)! } : {}) }));
  if (!indexes.failed) return { create: pending };
  // Each index waits for itself.
  const waits = pending.map(({ replaced }) => (replaced ? remainingMs({ failures: failuresOf(replaced).total + 1, lastFailureMs: finishedAtMs(replaced) }, nowMs) : 0));
  const create = pending.filter((_, i) => waits[i] === 0);
  return create.length > 0 || pending.length === 0 ? { create } : { create, againMs: Math.min(...waits) };
}

function firstPending(job: Job, { active, terminating, indexes }: Tally, count: number): number[] {
  const taken = indexesOf(replacesFailedOnly(job) ? [...active, ...terminating] : active).union(indexes!.succeeded).union(indexes!.failed ?? new Set());
  const pending: number[] = [];
  for (let index = 0; index < (job.spec?.completions ?? 0) && pending.length < count; index++) if (!taken.has(index)) pending.push(index);
  return pending;
}
