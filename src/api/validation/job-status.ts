/**
 * The status of a job, which may be written by controllers of others too
 * (spec.managedBy): it moves forward only, and its parts agree. A rule is
 * enforced only where what it looks at has changed, so that a status that was
 * bad before can still be written.
 */
import type { FieldError } from '../errors.ts';
import type { Job, JobStatus } from '../types/batch-v1.ts';
import { semanticEqual } from './equality.ts';
import { duplicate, invalidValue, path, required } from './field-path.ts';
import { countIndexes, IndexesError, overlapOf } from './job-indexes.ts';
import { nonNegativeFields } from './workloads.ts';

const statusPath = path('status');
const conditionsPath = statusPath.child('conditions');

type ConditionType = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Suspended';

function is(job: Job, type: ConditionType, wanted = 'True'): boolean {
  return (
    job.status?.conditions?.some((condition) => condition.type === type && condition.status === wanted) ??
    false
  );
}

function isFinished(job: Job): boolean {
  return is(job, 'Complete') || is(job, 'Failed');
}

function invalidConditions(detail: string): FieldError {
  return {
    reason: 'FieldValueInvalid',
    field: conditionsPath.toString(),
    message: `Invalid value: ${detail}`,
  };
}

/** One change of a job's status, and what of it changed. */
interface Change {
  readonly job: Job;
  readonly old: Job;
  readonly status: JobStatus;
  readonly oldStatus: JobStatus;
  changed(...fields: (keyof JobStatus)[]): boolean;
  toggled(...types: ConditionType[]): boolean;
  readonly finished: boolean;
  readonly finishedChanged: boolean;
}

export function validateJobStatus(job: Job, old: Job): FieldError[] {
  const status = job.status ?? {};
  const oldStatus = old.status ?? {};
  const change: Change = {
    job,
    old,
    status,
    oldStatus,
    changed: (...fields) => fields.some((field) => !semanticEqual(status[field], oldStatus[field])),
    toggled: (...types) => types.some((type) => is(job, type) !== is(old, type)),
    finished: isFinished(job),
    finishedChanged: isFinished(job) !== isFinished(old),
  };
  const errors: FieldError[] = [];
  nonNegativeFields(errors, status, ['active', 'succeeded', 'failed', 'ready', 'terminating'], statusPath);
  validateUncounted(errors, status);
  validateContradictions(errors, change);
  validateTimes(errors, change);
  validateVerdict(errors, change);
  validateFinished(errors, change);
  validateIndexes(errors, change);
  validatePodsLeft(errors, change);
  validateSuccessCriteria(errors, change);
  validateProgress(errors, change);
  return errors;
}

function validateUncounted(errors: FieldError[], { uncountedTerminatedPods: uncounted }: JobStatus): void {
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed'] as const)
    uncounted?.[list]?.forEach((uid, i) => {
      const at = statusPath.child('uncountedTerminatedPods').child(list).index(i);
      if (uid === '') errors.push(invalidValue(at, uid, 'must not be empty'));
      else if (seen.has(uid)) errors.push(duplicate(at, uid));
      seen.add(uid);
    });
}

function validateContradictions(errors: FieldError[], { job, toggled }: Change): void {
  const complete = is(job, 'Complete');
  if (complete && is(job, 'Failed') && toggled('Complete', 'Failed'))
    errors.push(invalidConditions('cannot set Complete=True and Failed=true conditions'));
  if (complete && is(job, 'FailureTarget') && toggled('Complete', 'FailureTarget'))
    errors.push(invalidConditions('cannot set Complete=True and FailureTarget=true conditions'));
}

/** The final verdict comes after the pods that it will have ended: first the target is set, then the verdict. */
function validateVerdict(errors: FieldError[], { job, toggled, changed }: Change): void {
  if (is(job, 'Failed') && !is(job, 'FailureTarget') && (toggled('Failed') || changed('failedIndexes')))
    errors.push(
      invalidConditions('cannot set Failed=True condition without the FailureTarget=true condition'),
    );
  if (is(job, 'Complete') && !is(job, 'SuccessCriteriaMet') && toggled('Complete', 'SuccessCriteriaMet'))
    errors.push(
      invalidConditions('cannot set Complete=True condition without the SuccessCriteriaMet=true condition'),
    );
}

function validateTimes(errors: FieldError[], { job, status, changed, toggled }: Change): void {
  const { startTime, completionTime } = status;
  const completionPath = statusPath.child('completionTime');
  const complete = is(job, 'Complete');
  if (toggled('Complete') || changed('completionTime')) {
    if (completionTime && !complete)
      errors.push(
        invalidValue(
          completionPath,
          completionTime,
          'cannot set completionTime when there is no Complete=True condition',
        ),
      );
    if (!completionTime && complete)
      errors.push(required(completionPath, 'completionTime is required for Complete jobs'));
  }
  const ordered = !startTime || !completionTime || Date.parse(completionTime) >= Date.parse(startTime);
  if (!ordered && changed('startTime', 'completionTime'))
    errors.push(invalidValue(completionPath, completionTime, 'must be equal to or after `startTime`'));
}

function validateFinished(errors: FieldError[], change: Change): void {
  const { job, status, changed, finished, finishedChanged } = change;
  if (finished) {
    const { active = 0, uncountedTerminatedPods: uncounted } = status;
    if (active > 0 && (finishedChanged || changed('active')))
      errors.push(invalidValue(statusPath.child('active'), active, 'active>0 is invalid for finished job'));
    const neverStarted = job.spec?.suspend === true && job.spec.completions === 0;
    if (!status.startTime && !neverStarted && (finishedChanged || changed('startTime')))
      errors.push(required(statusPath.child('startTime'), 'startTime is required for finished job'));
    const left = (uncounted?.failed?.length ?? 0) + (uncounted?.succeeded?.length ?? 0);
    if (left > 0 && (finishedChanged || changed('uncountedTerminatedPods')))
      errors.push(
        invalidValue(
          statusPath.child('uncountedTerminatedPods'),
          uncounted,
          'must be empty for finished job',
        ),
      );
  }
}

function validatePodsLeft(
  errors: FieldError[],
  { status, changed, finished, finishedChanged }: Change,
): void {
  const { ready = 0, active = 0, terminating = 0 } = status;
  if (finished && terminating > 0 && (finishedChanged || changed('terminating')))
    errors.push(
      invalidValue(statusPath.child('terminating'), terminating, 'terminating>0 is invalid for finished job'),
    );
  if (ready > active && changed('ready', 'active'))
    errors.push(invalidValue(statusPath.child('ready'), ready, 'cannot set more ready pods than active'));
}

function validateIndexes(errors: FieldError[], { job, status, changed }: Change): void {
  const { completions, completionMode, backoffLimitPerIndex } = job.spec ?? {};
  const { completedIndexes = '', failedIndexes } = status;
  const parse = (field: 'completedIndexes' | 'failedIndexes', text: string) => {
    try {
      countIndexes(text, completions ?? 0);
    } catch (error) {
      if (!(error instanceof IndexesError)) throw error;
      errors.push(invalidValue(statusPath.child(field), text, `error parsing ${field}: ${error.message}`));
    }
  };
  if (changed('completedIndexes')) {
    if (completions !== undefined) parse('completedIndexes', completedIndexes);
    if (completedIndexes !== '' && completionMode !== 'Indexed')
      errors.push(
        invalidValue(
          statusPath.child('completedIndexes'),
          completedIndexes,
          'cannot set non-empty completedIndexes when non-indexed completion mode',
        ),
      );
  }
  if (failedIndexes === undefined) return;
  if (changed('failedIndexes')) {
    if (completions !== undefined && backoffLimitPerIndex !== undefined)
      parse('failedIndexes', failedIndexes);
    if (backoffLimitPerIndex === undefined)
      errors.push(
        invalidValue(
          statusPath.child('failedIndexes'),
          failedIndexes,
          'cannot set non-null failedIndexes when backoffLimitPerIndex is null',
        ),
      );
  }
  if (!changed('failedIndexes', 'completedIndexes') || completions === undefined) return;
  const overlap = overlapOf(completedIndexes, failedIndexes, completions);
  if (overlap !== undefined)
    errors.push(
      invalidValue(
        statusPath.child('failedIndexes'),
        failedIndexes,
        `failedIndexes and completedIndexes overlap at index: ${overlap}`,
      ),
    );
}

function validateSuccessCriteria(errors: FieldError[], { job }: Change): void {
  const met = is(job, 'SuccessCriteriaMet');
  if (met && is(job, 'Failed'))
    errors.push(invalidConditions('cannot set SuccessCriteriaMet=True and Failed=true conditions'));
  if (met && is(job, 'FailureTarget'))
    errors.push(invalidConditions('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'));
  if (job.spec?.successPolicy && !met && is(job, 'Complete'))
    errors.push(
      invalidConditions('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True'),
    );
}

function validateProgress(errors: FieldError[], { job, old, status, oldStatus, changed }: Change): void {
  for (const type of ['Failed', 'Complete', 'FailureTarget'] as const)
    if (is(old, type) && !is(job, type))
      errors.push(invalidConditions(`cannot disable the terminal ${type}=True condition`));
  if ((status.failed ?? 0) < (oldStatus.failed ?? 0))
    errors.push(
      invalidValue(statusPath.child('failed'), status.failed ?? 0, 'cannot decrease the failed counter'),
    );
  // An indexed job of equal completions and parallelism can be scaled down.
  const scalable = job.spec?.completionMode === 'Indexed' && job.spec.completions === job.spec.parallelism;
  if (!scalable && (status.succeeded ?? 0) < (oldStatus.succeeded ?? 0))
    errors.push(
      invalidValue(
        statusPath.child('succeeded'),
        status.succeeded ?? 0,
        'cannot decrease the succeeded counter',
      ),
    );
  const { startTime, completionTime } = status;
  if (completionTime && oldStatus.completionTime && completionTime !== oldStatus.completionTime)
    errors.push(invalidValue(statusPath.child('completionTime'), completionTime, 'field is immutable'));
  const resuming = is(old, 'Suspended') && is(job, 'Suspended', 'False');
  if (oldStatus.startTime && changed('startTime') && !resuming && !job.spec?.suspend)
    errors.push(
      invalidValue(
        statusPath.child('startTime'),
        startTime,
        'field is immutable for unsuspended job once set',
      ),
    );
  const met = is(job, 'SuccessCriteriaMet');
  const wasMet = is(old, 'SuccessCriteriaMet');
  if (wasMet && !met) errors.push(invalidConditions('cannot disable the SuccessCriteriaMet=True condition'));
  if (is(old, 'Complete') && !wasMet && met)
    errors.push(
      invalidConditions('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'),
    );
}
