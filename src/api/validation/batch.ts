/** batch/v1: Job and CronJob. The selector of a job is generated, and what was generated is checked. */
import type { FieldError } from '../errors.ts';
import type { CronJob, CronJobSpec, Job, JobSpec } from '../types/batch-v1.ts';
import type { PodSpec, PodTemplateSpec } from '../types/core-v1.ts';
import { scheduleProblem } from './cron-schedule.ts';
import {
  invalidValue,
  nonNegative,
  notSupported,
  path,
  required,
  tooLong,
  type FieldPath,
} from './field-path.ts';
import { goQuote } from './go-format.ts';
import { immutable } from './immutable.ts';
import { validateFailurePolicy, validateSuccessPolicy } from './job-policies.ts';
import { validateJobStatus } from './job-status.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dnsLabel, domainPrefixedPath } from './names.ts';
import { validatePodTemplate } from './pod-template.ts';
import { isEmptySelector, selectorMatches, validateLabelSelector } from './selectors.ts';
import { nonNegativeFields, selectorMismatch, sortedLabels } from './workloads.ts';

const specPath = path('spec');

const indexedMax = 100_000;
/** Above that many completions, fewer pods at once and fewer failures can be tracked. */
const manyCompletions = 100_000;
const limitForMany = 10_000;
const managedByBytesMax = 63;
const cronJobNameMax = 52;

function validateSpec(errors: FieldError[], spec: JobSpec, at: FieldPath): void {
  nonNegativeFields(
    errors,
    spec,
    [
      'parallelism',
      'completions',
      'activeDeadlineSeconds',
      'backoffLimit',
      'ttlSecondsAfterFinished',
      'backoffLimitPerIndex',
      'maxFailedIndexes',
    ],
    at,
  );
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    errors.push(required(at.child('backoffLimitPerIndex'), 'when maxFailedIndexes is specified'));
  if (spec.managedBy !== undefined) {
    domainPrefixedPath(errors, at.child('managedBy'), spec.managedBy);
    if (spec.managedBy.length > managedByBytesMax)
      errors.push(tooLong(at.child('managedBy'), managedByBytesMax));
  }
  validateCompletionMode(errors, spec, at);
  if (spec.podFailurePolicy) validateFailurePolicy(errors, spec, at.child('podFailurePolicy'));
  if (spec.successPolicy) {
    if (spec.completionMode === 'Indexed') validateSuccessPolicy(errors, spec, at.child('successPolicy'));
    else
      errors.push(
        invalidValue(
          at.child('successPolicy'),
          upstreamForm(spec.successPolicy),
          'requires indexed completion mode',
        ),
      );
  }
  validateReplacementPolicy(errors, spec, at.child('podReplacementPolicy'));
  validatePodTemplate(errors, spec.template ?? {}, at.child('template'));
  validateRestartPolicy(errors, spec, at.child('template').child('spec').child('restartPolicy'));
}

/** As upstream's own structure prints: all fields, beginning with capitals. */
function upstreamForm({ rules }: NonNullable<JobSpec['successPolicy']>): object {
  return {
    Rules:
      rules?.map(({ succeededIndexes, succeededCount }) => ({
        SucceededIndexes: succeededIndexes ?? null,
        SucceededCount: succeededCount ?? null,
      })) ?? null,
  };
}

function validateCompletionMode(errors: FieldError[], spec: JobSpec, at: FieldPath): void {
  const { completionMode: mode, completions, parallelism, maxFailedIndexes, backoffLimitPerIndex } = spec;
  if (mode !== undefined && mode !== 'NonIndexed' && mode !== 'Indexed')
    errors.push(notSupported(at.child('completionMode'), mode, ['NonIndexed', 'Indexed']));
  if (mode === 'Indexed') {
    if (completions === undefined)
      errors.push(required(at.child('completions'), 'when completion mode is Indexed'));
    atMost(errors, at.child('parallelism'), parallelism, indexedMax, ' when completion mode is Indexed');
    if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions)
      errors.push(
        invalidValue(
          at.child('maxFailedIndexes'),
          maxFailedIndexes,
          'must be less than or equal to completions',
        ),
      );
    atMost(errors, at.child('maxFailedIndexes'), maxFailedIndexes, indexedMax);
    if ((completions ?? 0) > manyCompletions && backoffLimitPerIndex !== undefined) {
      if (maxFailedIndexes === undefined)
        errors.push(
          required(
            at.child('maxFailedIndexes'),
            `must be specified when completions is above ${manyCompletions}`,
          ),
        );
      const why = ` when completions are above ${manyCompletions} and used with backoff limit per index`;
      atMost(errors, at.child('parallelism'), parallelism, limitForMany, why);
      atMost(errors, at.child('maxFailedIndexes'), maxFailedIndexes, limitForMany, why);
    }
  }
  if (mode !== undefined && mode !== 'NonIndexed') return;
  for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const)
    if (spec[field] !== undefined)
      errors.push(invalidValue(at.child(field), spec[field], 'requires indexed completion mode'));
}

function atMost(errors: FieldError[], at: FieldPath, value: number | undefined, max: number, why = ''): void {
  if (value !== undefined && value > max)
    errors.push(invalidValue(at, value, `must be less than or equal to ${max}${why}`));
}

function validateReplacementPolicy(
  errors: FieldError[],
  { podReplacementPolicy: policy, podFailurePolicy }: JobSpec,
  at: FieldPath,
): void {
  const supported = podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  if (policy !== undefined && !supported.includes(policy)) errors.push(notSupported(at, policy, supported));
}

function validateRestartPolicy(
  errors: FieldError[],
  { template, podFailurePolicy }: JobSpec,
  at: FieldPath,
): void {
  const policy = template?.spec?.restartPolicy ?? '';
  if (policy === '' || policy === 'Always')
    errors.push(required(at, `valid values: ${goQuote('OnFailure')}, ${goQuote('Never')}`));
  else if (policy !== 'OnFailure' && policy !== 'Never')
    errors.push(notSupported(at, policy, ['OnFailure', 'Never']));
  else if (podFailurePolicy && policy !== 'Never')
    errors.push(invalidValue(at, policy, 'only "Never" is supported when podFailurePolicy is specified'));
}

function validateWithSelector(errors: FieldError[], spec: JobSpec): void {
  validateSpec(errors, spec, specPath);
  const { selector, template } = spec;
  const before = errors.length;
  if (!selector) errors.push(required(specPath.child('selector')));
  else validateLabelSelector(errors, selector, specPath.child('selector'));
  if (selector && errors.length > before) return;
  const labels = template?.metadata?.labels;
  if (!selector || (!isEmptySelector(selector) && !selectorMatches(selector, labels)))
    errors.push(
      invalidValue(
        specPath.child('template').child('metadata').child('labels'),
        sortedLabels(labels),
        selectorMismatch,
      ),
    );
}

/** `prefixed`: the labels with the batch.kubernetes.io prefix are there, which jobs of old lack. */
function validateGeneratedSelector(errors: FieldError[], { spec, metadata }: Job, prefixed: boolean): void {
  if (spec?.manualSelector || !spec?.selector) return;
  const { uid = '', name = '' } = metadata;
  if (uid === '') errors.push(required(path('metadata', 'uid')));
  const expected: Record<string, string> = { 'controller-uid': uid, 'job-name': name };
  if (prefixed)
    Object.assign(expected, {
      'batch.kubernetes.io/controller-uid': uid,
      'batch.kubernetes.io/job-name': name,
    });
  const labels = spec.template?.metadata?.labels ?? {};
  const labelsPath = specPath.child('template').child('metadata').child('labels');
  for (const [key, value] of Object.entries(expected)) {
    if (labels[key] === undefined) errors.push(required(labelsPath.key(key), `must be '${value}'`));
    else if (labels[key] !== value)
      errors.push(invalidValue(labelsPath.key(key), sortedLabels(labels), `must be '${value}'`));
  }
  if (!selectorMatches(spec.selector, expected))
    errors.push(invalidValue(specPath.child('selector'), spec.selector, '`selector` not auto-generated'));
}

function validateJob(job: Job, prefixed: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const spec = job.spec ?? ({} as JobSpec);
  validateGeneratedSelector(errors, job, prefixed);
  validateWithSelector(errors, spec);
  const name = job.metadata.name ?? '';
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    // The host name of the pod with the longest name.
    const hostname = `${name}-${(spec.completions as number) - 1}`;
    if (dnsLabel(hostname).length > 0)
      errors.push(
        invalidValue(
          path('metadata', 'name'),
          name,
          `will not able to create pod with invalid DNS label: ${hostname}`,
        ),
      );
  }
  return errors;
}

function updateJob(job: Job, old: Job, subresource: string): FieldError[] {
  if (subresource === 'status') return validateJobStatus(job, old);
  const oldLabels = old.spec?.template?.metadata?.labels ?? {};
  const prefixed =
    'batch.kubernetes.io/job-name' in oldLabels && 'batch.kubernetes.io/controller-uid' in oldLabels;
  const errors = validateJob(job, prefixed);
  const spec = job.spec ?? ({} as JobSpec);
  const oldSpec = old.spec ?? ({} as JobSpec);
  if (spec.completionMode !== 'Indexed')
    immutable(errors, specPath.child('completions'), spec.completions, oldSpec.completions);
  else if (
    spec.completions !== undefined &&
    spec.completions !== oldSpec.completions &&
    spec.completions !== spec.parallelism
  )
    errors.push(
      invalidValue(
        specPath.child('completions'),
        spec.completions,
        'can only be modified in tandem with spec.parallelism',
      ),
    );
  immutable(errors, specPath.child('selector'), spec.selector, oldSpec.selector);
  validateTemplateUpdate(errors, spec, old);
  for (const field of [
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const)
    immutable(errors, specPath.child(field), spec[field], oldSpec[field]);
  return errors;
}

/**
 * A template can change only while the job is suspended and has no pods, and
 * then only in where its pods may run and what they may use.
 */
function validateTemplateUpdate(
  errors: FieldError[],
  { template }: JobSpec,
  { spec: oldSpec, status }: Job,
): void {
  const oldTemplate = oldSpec?.template ?? {};
  const suspended = status?.conditions?.some(
    (condition) => condition.type === 'Suspended' && condition.status === 'True',
  );
  const adjustable = oldSpec?.suspend === true && (!status?.startTime || suspended) && !status?.active;
  if (!adjustable) {
    immutable(errors, specPath.child('template'), template, oldTemplate);
    return;
  }
  const allowed = withSchedulingOf(oldTemplate, template ?? {});
  if (!allowed.spec || !template?.spec) return;
  const spec = { ...allowed.spec, ...resourcesOf(allowed.spec, template.spec) };
  immutable(errors, specPath.child('template.spec'), template.spec, spec);
}

function withSchedulingOf(old: PodTemplateSpec, wanted: PodTemplateSpec): PodTemplateSpec {
  if (!old.spec || !wanted.spec) return old;
  const { nodeSelector, tolerations, schedulingGates, affinity } = wanted.spec;
  const { nodeAffinity: _, ...otherAffinity } = old.spec.affinity ?? {};
  return {
    metadata: { ...old.metadata, annotations: wanted.metadata?.annotations, labels: wanted.metadata?.labels },
    spec: {
      ...old.spec,
      nodeSelector,
      tolerations,
      schedulingGates,
      affinity: { ...otherAffinity, nodeAffinity: affinity?.nodeAffinity },
    },
  };
}

/** The old containers with the wanted resources, where they are the same containers. */
function resourcesOf(old: PodSpec, wanted: PodSpec): Partial<Pick<PodSpec, 'containers' | 'initContainers'>> {
  const merged: Partial<Pick<PodSpec, 'containers' | 'initContainers'>> = {};
  for (const list of ['containers', 'initContainers'] as const) {
    const before = old[list];
    const after = wanted[list];
    if (!before || before.length !== after?.length) continue;
    merged[list] = before.map((container, i) =>
      container.name === after[i]?.name ? { ...container, resources: after[i].resources } : container,
    );
  }
  return merged;
}

function validateCronJobSpec(spec: CronJobSpec, old: CronJobSpec | undefined): FieldError[] {
  const errors: FieldError[] = [];
  validateSchedule(errors, spec, old);
  nonNegative(errors, specPath.child('startingDeadlineSeconds'), spec.startingDeadlineSeconds);
  if (!old || old.timeZone !== spec.timeZone)
    validateTimeZone(errors, spec.timeZone, specPath.child('timeZone'));
  const policies = ['Allow', 'Forbid', 'Replace'];
  const policyPath = specPath.child('concurrencyPolicy');
  if (!spec.concurrencyPolicy) errors.push(required(policyPath));
  else if (!policies.includes(spec.concurrencyPolicy))
    errors.push(notSupported(policyPath, spec.concurrencyPolicy, policies));
  const job = spec.jobTemplate?.spec ?? ({} as JobSpec);
  const jobPath = specPath.child('jobTemplate').child('spec');
  validateSpec(errors, job, jobPath);
  if (job.selector)
    errors.push(invalidValue(jobPath.child('selector'), job.selector, '`selector` will be auto-generated'));
  if (job.manualSelector) errors.push(notSupported(jobPath.child('manualSelector'), true, ['nil', 'false']));
  nonNegativeFields(errors, spec, ['successfulJobsHistoryLimit', 'failedJobsHistoryLimit'], specPath);
  return errors;
}

function validateSchedule(
  errors: FieldError[],
  { schedule, timeZone }: CronJobSpec,
  old: CronJobSpec | undefined,
): void {
  const at = specPath.child('schedule');
  if (!schedule) {
    errors.push(required(at));
    return;
  }
  const problem = scheduleProblem(schedule);
  if (problem !== undefined) errors.push(invalidValue(at, schedule, problem));
  if (!schedule.includes('TZ')) return;
  if (!old?.schedule?.includes('TZ'))
    errors.push(
      invalidValue(at, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
    );
  else if (timeZone !== undefined)
    errors.push(invalidValue(at, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
}

function validateTimeZone(errors: FieldError[], timeZone: string | undefined, at: FieldPath): void {
  if (timeZone === undefined) return;
  if (timeZone === '') {
    errors.push(invalidValue(at, timeZone, 'timeZone must be nil or non-empty string'));
    return;
  }
  const wellFormed = timeZone
    .split('/')
    .every(
      (part) =>
        part !== '.' && part !== '..' && !part.startsWith('-') && /^[A-Za-z._0-9+-]{1,14}$/.test(part),
    );
  if (!wellFormed) {
    errors.push(invalidValue(at, timeZone, `unknown time zone ${timeZone}`));
    return;
  }
  if (timeZone.toLowerCase() === 'local') {
    errors.push(
      invalidValue(
        at,
        timeZone,
        'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      ),
    );
    if (timeZone === 'Local') return;
  }
  if (!isTimeZone(timeZone)) errors.push(invalidValue(at, timeZone, `unknown time zone ${timeZone}`));
}

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function createCronJob({ metadata, spec }: CronJob): FieldError[] {
  const errors = validateCronJobSpec(spec ?? ({} as CronJobSpec), undefined);
  const name = metadata.name ?? '';
  // Jobs get a suffix of 11 characters, and theirs end at 63.
  if (name.length > cronJobNameMax)
    errors.push(
      invalidValue(path('metadata', 'name'), name, `must be no more than ${cronJobNameMax} characters`),
    );
  return errors;
}

export const validators: KindValidators = {
  'batch/Job': kindValidator<Job>({ create: (job) => validateJob(job, true), update: updateJob }),
  'batch/CronJob': kindValidator<CronJob>({
    create: createCronJob,
    update: ({ spec }, old, subresource) =>
      subresource === 'status' ? [] : validateCronJobSpec(spec ?? ({} as CronJobSpec), old.spec),
  }),
};
