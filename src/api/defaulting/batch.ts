/** batch/v1. A CronJob's template gets what a pod template gets, but the job's own fields wait until the job is made. */
import type { CronJob, Job, JobSpec } from '../types/batch-v1.ts';
import { defaultPodTemplate } from './core-pod.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

const int32Max = 2_147_483_647;

function defaultJob(job: Job): void {
  job.status ??= {};
  const spec = job.spec;
  if (!spec) return;
  // Neither given means one pod, once; parallelism alone means a work queue.
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : int32Max;
  // The same labels, not a copy: what the strategy generates for the template shall show on the job too.
  const labels = spec.template?.metadata?.labels;
  if (labels && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = labels;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
  defaultWithin(spec);
}

/** What every job spec gets, wherever it stands. */
function defaultWithin(spec: JobSpec | undefined): void {
  for (const rule of spec?.podFailurePolicy?.rules ?? [])
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
  if (spec?.template) spec.template.metadata ??= {};
  defaultPodTemplate(spec?.template);
}

function defaultCronJob(cronJob: CronJob): void {
  cronJob.status ??= {};
  const spec = cronJob.spec;
  if (!spec) return;
  spec.concurrencyPolicy ||= 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  if (spec.jobTemplate) spec.jobTemplate.metadata ??= {};
  defaultWithin(spec.jobTemplate?.spec);
}

export const defaulters: Defaulters = {
  'batch/v1/Job': defaulter<Job>(defaultJob),
  'batch/v1/CronJob': defaulter<CronJob>(defaultCronJob),
};
