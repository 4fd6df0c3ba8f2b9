/**
 * The status of a Job, in the two steps in which its pods are counted
 * (tracking.ts says why): `announce` names the pods that will be counted and
 * what has decided the Job, `settle` counts those that are let go and ends the
 * Job when there is nothing left to wait for. Pure.
 */
import type { Job, JobCondition, JobStatus } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { conditionOf } from '../runtime/conditions.ts';
import { formatIndexes, indexOf } from './completion-indexes.ts';
import type { JobDecision } from './job-decision.ts';
import { completionOf, type Outcome } from './job-outcome.ts';
import { hasValidIndex, isFailed, isIndexed } from './job-tally.ts';
import { failureVerdict } from './pod-failure-policy.ts';
import { isTracked } from './tracking.ts';

/** So that a status stays within some 20 kB. */
const uncountedMax = 500;

/** What became of the decision: a request can fail. */
export interface Acted {
  readonly active: number;
  readonly ready: number;
  readonly terminating: number;
  /** All that must be gone for the Job to end is. */
  readonly cleared: boolean;
}

export interface Announcement {
  readonly status: JobStatus;
  readonly outcome: Outcome | undefined;
  /** To be let go now that the status names them. */
  readonly release: readonly Pod[];
  /** There are more than one round can take. */
  readonly partial: boolean;
}

export function announce(job: Job, pods: readonly Pod[], released: ReadonlySet<string>, decision: JobDecision, acted: Acted, nowMs: number): Announcement {
  const tracked = pods.filter((pod) => isTracked(pod) && !released.has(pod.metadata.uid ?? ''));
  const base = { ...startAndConditions(job, decision, nowMs), active: acted.active || undefined, ready: acted.ready, terminating: acted.terminating };
  // An outcome whose pods are not all gone yet is decided again in the next round.
  const outcome = decision.outcome ? (acted.cleared ? decision.outcome : undefined) : completionOf(job, decision.tally.succeeded, acted.active);
  const { uncounted, completed, release, partial } = countable(job, tracked, decision, outcome);
  const conditions = outcome && conditionOf(base.conditions, outcome.target)?.status !== 'True' ? [...(base.conditions ?? []), conditionFor(outcome.target, outcome, nowMs)] : base.conditions;
  const { indexes } = decision.tally;
  const counted = clean({ ...base, conditions }, new Set(tracked.map(({ metadata }) => metadata.uid ?? '')), uncounted);
  const status = indexes
    ? { ...counted, succeeded: completed.size || undefined, completedIndexes: formatIndexes(completed) || undefined, failedIndexes: indexes.failed && formatIndexes(indexes.failed) }
    : counted;
  return { status, outcome, release, partial };
}

/** `held`: uids of the pods that still have their finalizers. */
export function settle(job: Job, { outcome, partial }: Announcement, held: ReadonlySet<string>, nowMs: number): JobStatus {
  const status = clean(job.status ?? {}, held, job.status?.uncountedTerminatedPods);
  const { succeeded, failed } = status.uncountedTerminatedPods ?? {};
  if (!outcome || partial || succeeded?.length || failed?.length || status.terminating) return status;
  const type = outcome.target === 'FailureTarget' ? 'Failed' : 'Complete';
  return { ...status, conditions: [...(status.conditions ?? []), conditionFor(type, outcome, nowMs)], completionTime: type === 'Complete' ? formatTime(nowMs) : undefined };
}

function countable(job: Job, tracked: readonly Pod[], { tally }: JobDecision, outcome: Outcome | undefined) {
  const uncounted = { succeeded: [...(job.status?.uncountedTerminatedPods?.succeeded ?? [])], failed: [...(job.status?.uncountedTerminatedPods?.failed ?? [])] };
  const known = { succeeded: new Set(uncounted.succeeded), failed: new Set(uncounted.failed) };
  const completed = new Set(tally.indexes?.counted);
  const release: Pod[] = [];
  let news = 0;
  const inOrder = isIndexed(job) ? tracked.toSorted((a, b) => (indexOf(a) ?? -1) - (indexOf(b) ?? -1)) : tracked;
  for (const pod of inOrder) {
    const uid = pod.metadata.uid ?? '';
    const failed = isFailed(job, pod);
    if (!mayGo(job, pod, failed, tally.indexes?.replaced, outcome)) continue;
    release.push(pod);
    if (pod.status?.phase === 'Succeeded' && !known.failed.has(uid)) {
      const index = indexOf(pod);
      if (!isIndexed(job)) {
        if (!known.succeeded.has(uid)) uncounted.succeeded.push(uid);
      } else if (index !== undefined && hasValidIndex(job, pod) && !completed.has(index)) {
        completed.add(index);
        news++;
      }
      continue;
    }
    // What a Job that has failed leaves behind has failed with it.
    const counts = (failed || outcome?.target === 'FailureTarget') && hasValidIndex(job, pod) && failureVerdict(job.spec?.podFailurePolicy, pod).counts;
    if (counts && !known.failed.has(uid)) uncounted.failed.push(uid);
    if (news + uncounted.succeeded.length + uncounted.failed.length >= uncountedMax) return { uncounted, completed, release, partial: true };
  }
  return { uncounted, completed, release, partial: false };
}

function mayGo(job: Job, pod: Pod, failed: boolean, replaced: ReadonlyMap<number, Pod> | undefined, outcome: Outcome | undefined): boolean {
  if (job.metadata.deletionTimestamp || outcome || pod.status?.phase === 'Succeeded') return true;
  return failed && replaced?.get(indexOf(pod) ?? -1)?.metadata.uid !== pod.metadata.uid;
}

/** Those of `uncounted` that are no longer held are counted. */
function clean(status: JobStatus, held: ReadonlySet<string>, uncounted: JobStatus['uncountedTerminatedPods']): JobStatus {
  const { succeeded = [], failed = [] } = uncounted ?? {};
  const left = { succeeded: succeeded.filter((uid) => held.has(uid)), failed: failed.filter((uid) => held.has(uid)) };
  return {
    ...status,
    succeeded: (status.succeeded ?? 0) + succeeded.length - left.succeeded.length || undefined,
    failed: (status.failed ?? 0) + failed.length - left.failed.length || undefined,
    uncountedTerminatedPods: { ...(left.succeeded.length > 0 ? { succeeded: left.succeeded } : {}), ...(left.failed.length > 0 ? { failed: left.failed } : {}) },
  };
}

/** The clock of the deadline runs from the start, and anew when a Job is resumed. */
function startAndConditions({ spec, status }: Job, { managed, outcome }: JobDecision, nowMs: number): JobStatus {
  const started = { ...status, startTime: status?.startTime ?? (spec?.suspend ? undefined : formatTime(nowMs)) };
  const standing = conditionOf(status?.conditions, 'Suspended');
  const suspended = spec?.suspend ? 'True' : 'False';
  if (!managed || outcome || (standing?.status ?? 'False') === suspended) return started;
  const news = spec?.suspend ? { reason: 'JobSuspended', message: 'Job suspended' } : { reason: 'JobResumed', message: 'Job resumed' };
  const others = (status?.conditions ?? []).filter((condition) => condition !== standing);
  return { ...started, startTime: spec?.suspend ? undefined : formatTime(nowMs), conditions: [...others, conditionFor('Suspended', news, nowMs, suspended)] };
}

function conditionFor(type: string, { reason, message }: { reason: string; message: string }, nowMs: number, status = 'True'): JobCondition {
  return { type, status, reason, message, lastProbeTime: formatTime(nowMs), lastTransitionTime: formatTime(nowMs) };
}
