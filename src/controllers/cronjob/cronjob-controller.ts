/** Starts Jobs on the schedules of CronJobs, keeps their status, and removes what is history. */
import type { CronJob, CronJobStatus, Job } from '../../api/types/batch-v1.ts';
import type { ObjectReference } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import type { ObjectName } from '../../client/resource.ts';
import { formatKey, keyOf } from '../../client/resource.ts';
import { cronJobs, jobs } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { controllerOf, isControlledBy, ownerIndex } from '../runtime/owner.ts';
import { onChange, reconciler } from '../runtime/reconciler.ts';
import { decideStart, historyToRemove, jobFor, observeJobs } from './cronjob-decision.ts';
import type { Notice, StartDecision } from './cronjob-decision.ts';
import { parseSchedule } from './schedule.ts';
import { untilNextMs } from './schedule-times.ts';

const workers = 5;

export const cronJobController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const all = context.informers.get(cronJobs);
  const allJobs = context.informers.get(jobs);
  const recorder = context.recorder('cronjob-controller');
  const loop = reconciler(context, { name: 'cronjob', workers, reconcile });
  const tell = (cronJob: CronJob, notices: readonly Notice[]) => {
    for (const { type, reason, message } of notices) recorder.event(cronJob, type, reason, message);
  };
  allJobs.addIndex(ownerIndex.name, ownerIndex.valuesOf);
  allJobs.addHandler(
    onChange((job) => {
      const owner = controllerOf(job);
      if (owner?.kind === 'CronJob') loop.queue.add(formatKey({ namespace: job.metadata.namespace, name: owner.name }));
    }),
  );
  const enqueue = (cronJob: CronJob) => loop.queue.add(keyOf(cronJob));
  all.addHandler({
    onAdd: enqueue,
    onUpdate: (before, now) => {
      if (before.spec?.schedule === now.spec?.schedule && before.spec?.timeZone === now.spec?.timeZone) enqueue(now);
      else waitForNewSchedule(now);
    },
    onDelete: () => {},
  });
  return loop;

  /** A schedule counts from when it was set: times of its own that lie before are not made up for. */
  function waitForNewSchedule(cronJob: CronJob): void {
    const text = cronJob.spec?.schedule ?? '';
    const parsed = parseSchedule(text, cronJob.spec?.timeZone);
    if ('problem' in parsed) {
      recorder.event(cronJob, 'Warning', 'UnParseableCronJobSchedule', `unparseable schedule for cronjob: ${text}`);
      return;
    }
    const nextMs = untilNextMs(cronJob, parsed.schedule, clock.now());
    if (nextMs === undefined) enqueue(cronJob);
    else loop.queue.addAfter(keyOf(cronJob), nextMs);
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const cronJob = all.get(key);
    if (!cronJob) return;
    const owned = allJobs.byIndex(ownerIndex.name, cronJob.metadata.uid ?? '');
    const removed = new Set<string | undefined>();
    for (const job of historyToRemove(cronJob, owned)) if (await remove(cronJob, job, signal)) removed.add(job.metadata.uid);
    const status = await observe(cronJob, owned, removed, signal);
    if (!status) return;
    const decision = decideStart(cronJob, status.active ?? [], clock.now());
    tell(cronJob, decision.notices);
    try {
      await start(cronJob, status, decision, signal);
    } finally {
      if (!equal(withoutEmpty(status), withoutEmpty(cronJob.status ?? {}))) await client.updateStatus(cronJobs, { ...cronJob, status: withoutEmpty(status) }, { signal });
    }
    if (decision.againMs !== undefined) loop.queue.addAfter(key, decision.againMs);
  }

  /** The status as the jobs have it. Undefined: ours is older than the server's, and the newer one is on its way. */
  async function observe(cronJob: CronJob, owned: readonly Job[], removed: ReadonlySet<string | undefined>, signal: AbortSignal): Promise<CronJobStatus | undefined> {
    const seen = observeJobs(cronJob, owned);
    if (seen.unexpected.length > 0) {
      const live = await client.get(cronJobs, cronJob.metadata as ObjectName, { signal });
      if (live.metadata.resourceVersion !== cronJob.metadata.resourceVersion) return undefined;
      for (const job of seen.unexpected)
        recorder.event(cronJob, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${job.metadata.name}`);
    }
    tell(cronJob, seen.notices);
    const gone = new Set(removed);
    for (const reference of seen.missing) {
      if (await liveJob(reference, signal)) continue;
      gone.add(reference.uid);
      recorder.event(cronJob, 'Normal', 'MissingJob', `Active job went missing: ${reference.name}`);
    }
    return { ...cronJob.status, active: seen.active.filter(({ uid }) => !gone.has(uid)), lastSuccessfulTime: seen.lastSuccessfulTime };
  }

  /** Notes in `status` what it has done. */
  async function start(cronJob: CronJob, status: CronJobStatus, { scheduledMs, replace }: StartDecision, signal: AbortSignal): Promise<void> {
    if (scheduledMs === undefined) return;
    for (const reference of replace) {
      const job = await liveJob(reference, signal);
      if (job && !(await remove(cronJob, job, signal))) throw new Error(`could not replace job ${reference.namespace}/${reference.name}`);
      status.active = status.active?.filter(({ uid }) => uid !== reference.uid);
    }
    const job = await create(cronJob, jobFor(cronJob, scheduledMs), signal);
    if (!job || status.active?.some(({ uid }) => uid === job.metadata.uid)) return;
    status.active = [...(status.active ?? []), referenceTo(job)];
    status.lastScheduleTime = formatTime(scheduledMs);
  }

  /** Undefined where someone else has a job of that name. One of our own was made before we could write so. */
  async function create(cronJob: CronJob, job: Job, signal: AbortSignal): Promise<Job | undefined> {
    try {
      const created = await client.create(jobs, job, { signal });
      recorder.event(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`);
      return created;
    } catch (error) {
      if (isAlreadyExists(error)) {
        const existing = await client.get(jobs, job.metadata as ObjectName, { signal });
        return isControlledBy(existing, cronJob) ? existing : undefined;
      }
      if (!isNamespaceTerminating(error)) recorder.event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${messageOf(error)}`);
      throw error;
    }
  }

  async function liveJob(name: ObjectReference, signal: AbortSignal): Promise<Job | undefined> {
    return client.get(jobs, { namespace: name.namespace, name: name.name ?? '' }, { signal }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  async function remove(cronJob: CronJob, job: Job, signal: AbortSignal): Promise<boolean> {
    try {
      await client.delete(jobs, job.metadata, { propagationPolicy: 'Background', signal });
    } catch (error) {
      if (isNotFound(error)) return true;
      recorder.event(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${messageOf(error)}`);
      return false;
    }
    recorder.event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`);
    return true;
  }
};

function referenceTo({ metadata }: Job): ObjectReference {
  const { namespace, name, uid, resourceVersion } = metadata;
  return { kind: 'Job', namespace, name, uid, apiVersion: 'batch/v1', resourceVersion };
}

function withoutEmpty(status: CronJobStatus): CronJobStatus {
  return status.active?.length ? status : { ...status, active: undefined };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
