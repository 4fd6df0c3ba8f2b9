/** What the pods of a Job have come to, together with what its status has counted already. Pure. */
import type { Job } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { isActive, isTerminating } from '../runtime/pod-state.ts';
import { indexesOf, indexOf, parseIndexes } from './completion-indexes.ts';
import { finishedAtMs } from './failure-backoff.ts';
import { failureVerdict } from './pod-failure-policy.ts';
import { isTracked } from './tracking.ts';

export const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count';
export const ignoredFailureCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';

export interface Tally {
  readonly active: readonly Pod[];
  readonly terminating: readonly Pod[];
  /** Finished, and neither counted nor about to be. */
  readonly newSucceeded: readonly Pod[];
  readonly newFailed: readonly Pod[];
  readonly succeeded: number;
  readonly failed: number;
  /** Of a Job with indexes. */
  readonly indexes: IndexTally | undefined;
}

export interface IndexTally {
  /** As the status has them. */
  readonly counted: ReadonlySet<number>;
  readonly succeeded: ReadonlySet<number>;
  /** Undefined: single indexes have no limit. */
  readonly failed: ReadonlySet<number> | undefined;
  /** The failed pod of an index that must stay until the next one has taken over its number of failures. */
  readonly replaced: ReadonlyMap<number, Pod>;
}

/** `released`: uids of pods whose finalizers were removed, though they may still show them. */
export function tallyJob(job: Job, pods: readonly Pod[], released: ReadonlySet<string>): Tally {
  const { spec, status } = job;
  const active = pods.filter(isActive);
  const uncounted = { succeeded: new Set(status?.uncountedTerminatedPods?.succeeded), failed: new Set(status?.uncountedTerminatedPods?.failed) };
  const open = pods.filter((pod) => isTracked(pod) && !released.has(pod.metadata.uid ?? '') && hasValidIndex(job, pod));
  const newSucceeded = open.filter((pod) => pod.status?.phase === 'Succeeded' && !uncounted.succeeded.has(pod.metadata.uid ?? ''));
  const newFailed = open.filter((pod) => isFailed(job, pod) && !uncounted.failed.has(pod.metadata.uid ?? ''));
  const indexes = isIndexed(job) ? tallyIndexes(job, open, active) : undefined;
  return {
    active,
    terminating: pods.filter(isTerminating),
    newSucceeded,
    newFailed,
    succeeded: indexes ? indexes.succeeded.size : (status?.succeeded ?? 0) + newSucceeded.length + uncounted.succeeded.size,
    failed: (status?.failed ?? 0) + newFailed.filter((pod) => failureVerdict(spec?.podFailurePolicy, pod).counts).length + uncounted.failed.size,
    indexes,
  };
}

function tallyIndexes(job: Job, open: readonly Pod[], active: readonly Pod[]): IndexTally {
  const { spec, status } = job;
  const completions = spec?.completions ?? 0;
  const counted = parseIndexes(status?.completedIndexes, completions);
  const succeeded = counted.union(indexesOf(open.filter((pod) => pod.status?.phase === 'Succeeded')));
  const limit = spec?.backoffLimitPerIndex;
  if (limit === undefined) return { counted, succeeded, failed: undefined, replaced: new Map() };
  const failed = parseIndexes(status?.failedIndexes, completions).union(indexesOf(open.filter((pod) => isFailed(job, pod) && failsIndex(job, pod, limit))));
  return { counted, succeeded, failed, replaced: replacedPods(job, open, succeeded.union(failed).union(indexesOf(active))) };
}

function failsIndex({ spec }: Job, pod: Pod, limit: number): boolean {
  const { action, counts } = failureVerdict(spec?.podFailurePolicy, pod);
  return action === 'FailIndex' || (counts && failuresOf(pod).counted >= limit);
}

/** The last one to fail at each index that is neither done nor running again. */
function replacedPods(job: Job, open: readonly Pod[], settled: ReadonlySet<number>): Map<number, Pod> {
  const replaced = new Map<number, Pod>();
  for (const pod of open) {
    const index = indexOf(pod);
    if (index === undefined || settled.has(index) || !isFailed(job, pod)) continue;
    const other = replaced.get(index);
    if (!other || (failuresOf(other).total <= failuresOf(pod).total && finishedAtMs(other) <= finishedAtMs(pod))) replaced.set(index, pod);
  }
  return replaced;
}

/** How often the index had failed when this pod of it was made. */
export function failuresOf({ metadata }: Pod): { readonly counted: number; readonly ignored: number; readonly total: number } {
  const [counted, ignored] = [failureCountAnnotation, ignoredFailureCountAnnotation].map((key) => {
    const text = metadata.annotations?.[key] ?? '';
    return /^\d{1,10}$/.test(text) ? Number(text) : 0;
  }) as [number, number];
  return { counted, ignored, total: counted + ignored };
}

export function isIndexed({ spec }: Job): boolean {
  return spec?.completionMode === 'Indexed';
}

export function hasValidIndex(job: Job, pod: Pod): boolean {
  if (!isIndexed(job)) return true;
  const index = indexOf(pod);
  return index !== undefined && index < (job.spec?.completions ?? 0);
}

/** A pod is followed by another only once it has ended, not when its deletion begins. */
export function replacesFailedOnly({ spec }: Job): boolean {
  return spec?.podReplacementPolicy === 'Failed' || spec?.podFailurePolicy !== undefined;
}

/** A pod that is deleted before it ended has failed, unless the Job waits to see how it ends. */
export function isFailed(job: Job, { metadata, status }: Pod): boolean {
  if (status?.phase === 'Failed') return true;
  return !replacesFailedOnly(job) && metadata.deletionTimestamp !== undefined && status?.phase !== 'Succeeded';
}
