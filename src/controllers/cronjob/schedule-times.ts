/** Which of a schedule's times are due, and when to look again. The rules are upstream's, down to the estimate of how many were missed. */
import type { CronJob } from '../../api/types/batch-v1.ts';
import type { Schedule } from './schedule.ts';

/** Later than the minute by this: a clock that runs ahead of others' still finds the time come. */
const lateMs = 100;
/** More missed times than that point to a fault, and are told. */
const missedFew = 100;

export interface DueTime {
  /** The latest time that has come and that no job was started for; undefined for none. */
  readonly dueMs: number | undefined;
  readonly missed: 'none' | 'few' | 'many';
}

/** The times are the same, or none comes at all: a date that there is not. */
export const impossibleSchedule = 'time difference between two schedules is less than 1 second';

/** Undefined for an impossible schedule. Times whose deadline (startingDeadlineSeconds) has passed are not looked at. */
export function dueTime(cronJob: CronJob, schedule: Schedule, nowMs: number): DueTime | undefined {
  const { startingDeadlineSeconds } = cronJob.spec ?? {};
  const earliestMs = handledUntilMs(cronJob);
  return mostRecent(startingDeadlineSeconds === undefined ? earliestMs : Math.max(earliestMs, nowMs - startingDeadlineSeconds * 1000), schedule, nowMs);
}

/** Until the schedule has to be looked at again. */
export function untilNextMs(cronJob: CronJob, schedule: Schedule, nowMs: number): number | undefined {
  const earliestMs = handledUntilMs(cronJob);
  const recent = mostRecent(earliestMs, schedule, nowMs);
  const from = recent?.dueMs ?? (recent?.missed === 'none' ? earliestMs : nowMs);
  const next = schedule.next(from);
  return next === undefined ? undefined : next + lateMs - nowMs;
}

/** Times up to here are done with. */
function handledUntilMs({ metadata, status }: CronJob): number {
  return Date.parse(status?.lastScheduleTime ?? metadata.creationTimestamp ?? '');
}

function mostRecent(earliestMs: number, schedule: Schedule, nowMs: number): DueTime | undefined {
  const first = schedule.next(earliestMs);
  if (first === undefined) return undefined;
  if (nowMs < first) return { dueMs: undefined, missed: 'none' };
  const second = schedule.next(first);
  if (second === undefined) return undefined;
  if (nowMs < second) return { dueMs: first, missed: 'none' };
  // As if all were as far apart as the first two; then from a little before the estimate to the truth.
  const apartMs = second - first;
  const count = Math.floor((nowMs - first) / apartMs) + 1;
  let dueMs: number | undefined;
  for (let at = schedule.next(first + (count - 2) * apartMs); at !== undefined && at <= nowMs; at = schedule.next(at)) dueMs = at;
  return { dueMs, missed: count > missedFew ? 'many' : 'few' };
}
