/**
 * How a Job ends. The first condition to be met says how (FailureTarget,
 * SuccessCriteriaMet) and stays; the last one (Failed, Complete) comes when all
 * pods are gone and counted. Pure.
 */
import type { Job, SuccessPolicy } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { conditionOf } from '../runtime/conditions.ts';
import { parseIndexes } from './completion-indexes.ts';
import { isFailed, type IndexTally, type Tally } from './job-tally.ts';
import { failureVerdict } from './pod-failure-policy.ts';

export interface Outcome {
  readonly target: 'FailureTarget' | 'SuccessCriteriaMet';
  readonly reason: string;
  readonly message: string;
}

/** Of what has happened so far, pods being made or deleted aside; undefined: it goes on. */
export function outcomeOf(job: Job, pods: readonly Pod[], tally: Tally, nowMs: number): Outcome | undefined {
  return standing(job, 'SuccessCriteriaMet') ?? standing(job, 'FailureTarget') ?? failedByPolicy(job, pods) ?? failedByLimits(job, pods, tally, nowMs) ?? endedByIndexes(job, tally.indexes);
}

/** When the pods that are still wanted have all succeeded. */
export function completionOf({ spec }: Job, succeeded: number, active: number): Outcome | undefined {
  // Without a number of completions the first success ends the Job, once the others are done.
  const complete = active === 0 && (spec?.completions === undefined ? succeeded > 0 : succeeded >= spec.completions);
  return complete ? { target: 'SuccessCriteriaMet', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined;
}

/** Until the deadline; undefined where none runs. */
export function deadlineLeftMs({ spec, status }: Job, nowMs: number): number | undefined {
  if (spec?.activeDeadlineSeconds === undefined || spec.suspend || !status?.startTime) return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - nowMs;
}

function standing({ status }: Job, target: Outcome['target']): Outcome | undefined {
  const condition = conditionOf(status?.conditions, target);
  return condition?.status === 'True' ? { target, reason: condition.reason ?? '', message: condition.message ?? '' } : undefined;
}

function failure(reason: string, message: string): Outcome {
  return { target: 'FailureTarget', reason, message };
}

function failedByPolicy(job: Job, pods: readonly Pod[]): Outcome | undefined {
  const policy = job.spec?.podFailurePolicy;
  if (!policy) return undefined;
  for (const pod of pods) {
    const { message } = isFailed(job, pod) ? failureVerdict(policy, pod) : {};
    if (message !== undefined) return failure('PodFailurePolicy', message);
  }
  return undefined;
}

function failedByLimits(job: Job, pods: readonly Pod[], { failed }: Tally, nowMs: number): Outcome | undefined {
  const limit = job.spec?.backoffLimit ?? 6;
  if (failed > limit || restartsExceed(job, pods, limit)) return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  const leftMs = deadlineLeftMs(job, nowMs);
  return leftMs !== undefined && leftMs <= 0 ? failure('DeadlineExceeded', 'Job was active longer than specified deadline') : undefined;
}

/** Where containers are restarted in their pods, it is the restarts that count. */
function restartsExceed({ spec }: Job, pods: readonly Pod[], limit: number): boolean {
  if (spec?.template.spec?.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue;
    for (const { restartCount } of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) restarts += restartCount;
  }
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function endedByIndexes({ spec }: Job, indexes: IndexTally | undefined): Outcome | undefined {
  if (!indexes || !spec) return undefined;
  const { succeeded, failed } = indexes;
  if (failed && spec.maxFailedIndexes !== undefined && failed.size > spec.maxFailedIndexes) {
    return failure('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  }
  const completions = spec.completions ?? 0;
  if (failed && failed.size > 0 && failed.size + succeeded.size >= completions) return failure('FailedIndexes', 'Job has failed indexes');
  const rule = succeeded.size > 0 ? (spec.successPolicy?.rules ?? []).findIndex((candidate) => isMet(candidate, succeeded, completions)) : -1;
  return rule < 0 ? undefined : { target: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message: `Matched rules at index ${rule}` };
}

function isMet({ succeededIndexes, succeededCount }: SuccessPolicy['rules'][number], succeeded: ReadonlySet<number>, completions: number): boolean {
  if (succeededIndexes === undefined) return succeededCount !== undefined && succeeded.size >= succeededCount;
  const wanted = parseIndexes(succeededIndexes, completions);
  const there = wanted.intersection(succeeded).size;
  return wanted.size > 0 && (there === wanted.size || (succeededCount !== undefined && there >= succeededCount));
}
