/**
 * What is to be done about a CronJob: which of its jobs are news for its status,
 * which are history to be removed, and whether it is time to start another. Pure
 * functions of what is known; the controller asks the server where these say
 * that the caches may be behind, and does what they decide.
 */
import type { CronJob, Job } from '../../api/types/batch-v1.ts';
import type { ObjectReference } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { controllerReference } from '../runtime/owner.ts';
import { isTimeZone, offsets, parseSchedule } from './schedule.ts';
import { dueTime, impossibleSchedule, untilNextMs } from './schedule-times.ts';

/** An event about the CronJob. */
export interface Notice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface Observation {
  /** The jobs of status.active that are not known to have ended. */
  readonly active: readonly ObjectReference[];
  readonly lastSuccessfulTime: string | undefined;
  /** Running, and not in status.active. */
  readonly unexpected: readonly Job[];
  /** In status.active, and not among the jobs. */
  readonly missing: readonly ObjectReference[];
  readonly notices: readonly Notice[];
}

const scheduledAt = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
const aboutTimeZones = 'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/';

/** `Complete` or `Failed`; undefined while it runs. */
export function endOf({ status }: Job): string | undefined {
  return status?.conditions?.find(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True')?.type;
}

/** What the jobs have come to since the status was written. */
export function observeJobs({ status }: CronJob, jobs: readonly Job[]): Observation {
  let active = status?.active ?? [];
  let { lastSuccessfulTime } = status ?? {};
  const unexpected: Job[] = [];
  const notices: Notice[] = [];
  for (const job of jobs) {
    const { uid } = job.metadata;
    const known = active.some((reference) => reference.uid === uid);
    const end = endOf(job);
    if (end === undefined) {
      if (!known) unexpected.push(job);
      continue;
    }
    if (known) {
      active = active.filter((reference) => reference.uid !== uid);
      notices.push({ type: 'Normal', reason: 'SawCompletedJob', message: `Saw completed job: ${job.metadata.name}, condition: ${end}` });
    }
    const { completionTime } = job.status ?? {};
    if (end === 'Complete' && completionTime !== undefined && !(Date.parse(completionTime) <= Date.parse(lastSuccessfulTime ?? ''))) lastSuccessfulTime = completionTime;
  }
  const uids = new Set(jobs.map(({ metadata }) => metadata.uid));
  return { active, lastSuccessfulTime, unexpected, missing: active.filter(({ uid }) => !uids.has(uid)), notices };
}

/** Ended jobs beyond the history limits, the oldest first. */
export function historyToRemove({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
  const beyond = (end: string, limit: number | undefined) => {
    if (limit === undefined) return [];
    const ended = jobs.filter((job) => endOf(job) === end && job.metadata.deletionTimestamp === undefined);
    return ended.sort(byStart).slice(0, Math.max(0, ended.length - limit));
  };
  return [...beyond('Complete', spec?.successfulJobsHistoryLimit), ...beyond('Failed', spec?.failedJobsHistoryLimit)];
}

/** Those that never started come last. */
function byStart(left: Job, right: Job): number {
  const startMs = ({ status }: Job) => (status?.startTime === undefined ? Infinity : Date.parse(status.startTime));
  const [a, b] = [startMs(left), startMs(right)];
  if (a !== b) return a < b ? -1 : 1;
  return (left.metadata.name ?? '') < (right.metadata.name ?? '') ? -1 : 1;
}

export interface StartDecision {
  /** Start a job for this time; undefined: none now. */
  readonly scheduledMs?: number;
  /** First end these. */
  readonly replace: readonly ObjectReference[];
  /** Look again after so long, if nothing changes before; undefined: only a change can help. */
  readonly againMs?: number | undefined;
  readonly notices: readonly Notice[];
}

/** `active`: what `observeJobs` left of status.active. */
export function decideStart(cronJob: CronJob, active: readonly ObjectReference[], nowMs: number): StartDecision {
  const { schedule: text = '', timeZone, suspend, concurrencyPolicy } = cronJob.spec ?? {};
  const notices: Notice[] = [];
  const warn = (reason: string, message: string): StartDecision => ({ replace: [], notices: [...notices, { type: 'Warning', reason, message }] });
  if (cronJob.metadata.deletionTimestamp) return { replace: [], notices };
  if (timeZone !== undefined && !isTimeZone(timeZone)) return warn('UnknownTimeZone', `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}`);
  if (suspend) return { replace: [], notices };
  if (text.includes('TZ'))
    notices.push({
      type: 'Warning',
      reason: 'UnsupportedSchedule',
      message: `CRON_TZ or TZ used in schedule ${JSON.stringify(text)} is not officially supported, see ${aboutTimeZones} for more details`,
    });
  const parsed = parseSchedule(text, timeZone);
  if ('problem' in parsed) return warn('UnparseableSchedule', `unparseable schedule: ${JSON.stringify(text)} : ${parsed.problem}`);
  const { schedule } = parsed;
  const due = dueTime(cronJob, schedule, nowMs);
  if (!due) return warn('InvalidSchedule', `invalid schedule: ${text} : ${impossibleSchedule}`);
  const againMs = untilNextMs(cronJob, schedule, nowMs);
  const { dueMs } = due;
  if (dueMs === undefined) return { replace: [], againMs, notices };
  if (due.missed === 'many')
    notices.push({ type: 'Warning', reason: 'TooManyMissedTimes', message: 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew' });
  if (active.some(({ name }) => name === jobName(cronJob, dueMs)) || cronJob.status?.lastScheduleTime === formatTime(dueMs)) return { replace: [], againMs, notices };
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return { replace: [], againMs, notices: [...notices, { type: 'Normal', reason: 'JobAlreadyActive', message }] };
  }
  return { scheduledMs: dueMs, replace: concurrencyPolicy === 'Replace' ? active : [], againMs, notices };
}

/** The same for the same time, so that no time gets two jobs. */
export function jobName({ metadata }: CronJob, scheduledMs: number): string {
  return `${metadata.name}-${Math.floor(scheduledMs / 60_000)}`;
}

export function jobFor(cronJob: CronJob, scheduledMs: number): Job {
  const { jobTemplate, timeZone } = cronJob.spec ?? {};
  const { labels, annotations } = jobTemplate?.metadata ?? {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(cronJob, scheduledMs),
      namespace: cronJob.metadata.namespace ?? '',
      ...(labels ? { labels } : {}),
      annotations: { ...annotations, [scheduledAt]: formatInZone(scheduledMs, timeZone) },
      ownerReferences: [controllerReference({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: cronJob.metadata })],
    },
    spec: jobTemplate?.spec ?? { template: {} },
  };
}

/** RFC 3339 as read off the zone's clocks. */
function formatInZone(ms: number, timeZone = 'UTC'): string {
  const aheadMs = offsets(timeZone)(ms);
  if (aheadMs === 0) return formatTime(ms);
  const ahead = Math.abs(aheadMs) / 60_000;
  const two = (value: number) => String(value).padStart(2, '0');
  return `${formatTime(ms + aheadMs).slice(0, -1)}${aheadMs < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
}
