/**
 * What a Job does next. Pure: pods in, counts, pods to create and delete and
 * the conditions out. Indexed completion, parallelism, back-off limit, deadline
 * and suspension are here; pod failure and success policies are not. Pods that
 * are gone are remembered by the status: its counters never fall.
 */
import type { Job } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { isActive, isReady } from '../runtime/pod-state.ts';

export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';

export interface JobEnd {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
}

export interface JobDecision {
  readonly active: readonly Pod[];
  readonly ready: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly terminating: number;
  readonly completedIndexes: string | undefined;
  readonly end: JobEnd | undefined;
  readonly suspended: boolean;
  readonly remove: readonly Pod[];
  /** The completion indexes of the pods to create; undefined entries for a Job without indexes. */
  readonly create: readonly (number | undefined)[];
  /** Until the deadline, where one runs. */
  readonly deadlineMs: number | undefined;
}

export function decideJob(job: Job, pods: readonly Pod[], nowMs: number): JobDecision {
  const spec = job.spec;
  const indexed = spec?.completionMode === 'Indexed';
  const active = pods.filter(isActive);
  const succeededPods = pods.filter(({ status }) => status?.phase === 'Succeeded');
  // A pod that is being deleted before it finished has not succeeded, whatever it says later.
  const failedNow = pods.filter(({ status, metadata }) => status?.phase === 'Failed' || (metadata.deletionTimestamp && status?.phase !== 'Succeeded')).length;
  const failed = Math.max(failedNow, job.status?.failed ?? 0);
  const terminating = pods.filter(({ metadata, status }) => metadata.deletionTimestamp && status?.phase !== 'Succeeded' && status?.phase !== 'Failed').length;
  const completed = new Set(parseIndexes(job.status?.completedIndexes));
  for (const index of succeededPods.map(indexOf)) if (index !== undefined && index < (spec?.completions ?? 0)) completed.add(index);
  const succeeded = indexed ? completed.size : Math.max(succeededPods.length, job.status?.succeeded ?? 0);
  const startMs = job.status?.startTime ? Date.parse(job.status.startTime) : nowMs;
  const deadlineMs = spec?.activeDeadlineSeconds === undefined ? undefined : startMs + spec.activeDeadlineSeconds * 1000 - nowMs;
  const common = {
    active,
    ready: active.filter(isReady).length,
    succeeded,
    failed,
    terminating,
    completedIndexes: indexed ? formatIndexes([...completed]) : undefined,
    deadlineMs,
  };
  const end = endOf(job, succeeded, failed, active.length, deadlineMs);
  if (end) return { ...common, end, suspended: false, remove: active, create: [] };
  if (spec?.suspend) return { ...common, end: undefined, suspended: true, remove: active, create: [] };
  const wanted = wantedActive(job, succeeded, active.length);
  const surplus = active.length - wanted;
  return {
    ...common,
    end: undefined,
    suspended: false,
    remove: surplus > 0 ? active.toSorted((a, b) => Number(isReady(a)) - Number(isReady(b))).slice(0, surplus) : [],
    create: surplus < 0 ? newIndexes(indexed ? (spec?.completions ?? 0) : undefined, active, completed, -surplus) : [],
  };
}

function endOf({ spec }: Job, succeeded: number, failed: number, active: number, deadlineMs: number | undefined): JobEnd | undefined {
  if (failed > (spec?.backoffLimit ?? 6)) return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  if (deadlineMs !== undefined && deadlineMs <= 0 && !spec?.suspend) return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
  // Without a number of completions the first success ends the Job, once the others are done.
  const complete = spec?.completions === undefined ? succeeded > 0 && active === 0 : succeeded >= spec.completions && active === 0;
  return complete ? { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined;
}

function wantedActive({ spec }: Job, succeeded: number, active: number): number {
  const parallelism = spec?.parallelism ?? 1;
  if (spec?.completions === undefined) return succeeded > 0 ? Math.min(active, parallelism) : parallelism;
  return Math.max(0, Math.min(spec.completions - succeeded, parallelism));
}

function newIndexes(completions: number | undefined, active: readonly Pod[], completed: ReadonlySet<number>, count: number): (number | undefined)[] {
  if (completions === undefined) return Array.from({ length: count }, () => undefined);
  const taken = new Set(active.map(indexOf));
  const free: number[] = [];
  for (let index = 0; index < completions && free.length < count; index++) if (!taken.has(index) && !completed.has(index)) free.push(index);
  return free;
}

export function indexOf({ metadata }: Pod): number | undefined {
  const index = metadata.annotations?.[indexAnnotation];
  return index === undefined ? undefined : Number(index);
}

function parseIndexes(text: string | undefined): number[] {
  if (!text) return [];
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** `0-2,5`: runs of three and more are shortened, two stand side by side. */
export function formatIndexes(indexes: readonly number[]): string {
  const sorted = indexes.toSorted((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i]!;
    let last = first;
    while (sorted[i + 1] === last + 1) last = sorted[++i]!;
    parts.push(first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`);
  }
  return parts.join(',');
}
