/** batch/v1. */
import type { KubeObject } from '../../../api/object.ts';
import type { CronJob, Job, JobSpec } from '../../../api/types/batch-v1.ts';
import type { Strategy } from '../strategy.ts';
import { path } from '../../../api/validation/field-path.ts';
import { podNameWarnings, templateWarnings } from './apps.ts';
import { strategyOf } from './status-and-generation.ts';

const completionsSoftMax = 100_000;
const parallelismSoftMax = 10_000;

/**
 * Unless the user manages the selector, a job selects its pods by its own uid,
 * and labels them so. Labels that the user set are left; validation refuses
 * them where they say something else.
 */
function generateSelector(object: KubeObject): void {
  const job = object as unknown as Job;
  const { spec, metadata } = job;
  if (spec?.manualSelector || !spec?.template) return;
  const template = (spec.template.metadata ??= {});
  const sharedLabels = metadata.labels !== undefined && metadata.labels === template.labels;
  template.labels = {
    'job-name': metadata.name ?? '',
    'batch.kubernetes.io/job-name': metadata.name ?? '',
    'controller-uid': metadata.uid ?? '',
    'batch.kubernetes.io/controller-uid': metadata.uid ?? '',
    ...template.labels,
  };
  // Labels of the template are those of the job where it has none of its own.
  if (sharedLabels || !metadata.labels) metadata.labels = { ...template.labels };
  spec.selector ??= {};
  spec.selector.matchLabels = {
    'batch.kubernetes.io/controller-uid': metadata.uid ?? '',
    ...spec.selector.matchLabels,
  };
}

function indexedWarnings(spec: JobSpec | undefined, at: string): string[] {
  if (spec?.completionMode !== 'Indexed') return [];
  if ((spec.completions ?? 0) <= completionsSoftMax || (spec.parallelism ?? 0) <= parallelismSoftMax)
    return [];
  return [
    `${at}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
  ];
}

function jobWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  if (old && object.metadata.generation === old.metadata.generation) return [];
  const { spec } = object as unknown as Job;
  return [
    ...podNameWarnings(object, old),
    ...indexedWarnings(spec, 'spec'),
    ...templateWarnings(object, old, spec?.template, path('spec', 'template')),
  ];
}

const jobTemplatePath = path('spec', 'jobTemplate').child('spec').child('template');

function cronJobWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const { spec } = object as unknown as CronJob;
  const warnings = podNameWarnings(object, old);
  if (!old || object.metadata.generation !== old.metadata.generation)
    warnings.push(...indexedWarnings(spec?.jobTemplate?.spec, 'spec.jobTemplate.spec'));
  warnings.push(...templateWarnings(object, old, spec?.jobTemplate?.spec?.template, jobTemplatePath));
  if (old && spec?.schedule?.includes('TZ'))
    warnings.push(
      'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
    );
  return warnings;
}

export const strategies: Readonly<Record<string, Strategy>> = {
  'batch/jobs': strategyOf(
    { status: {}, counted: ['spec'], create: generateSelector },
    // As batch/v1 has always done: pods outlive a job that is deleted without a word about them.
    { allowUnconditionalUpdate: true, defaultPropagation: 'Orphan', warnings: jobWarnings },
  ),
  'batch/cronjobs': strategyOf(
    { status: {}, counted: ['spec'] },
    { allowUnconditionalUpdate: true, warnings: cronJobWarnings },
  ),
};
