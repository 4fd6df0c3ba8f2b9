/** What a job does about failed pods, and when it has succeeded before all are done. */
import type { FieldError } from '../errors.ts';
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from '../types/batch-v1.ts';
import {
  duplicate,
  invalidEach,
  invalidValue,
  nonNegative,
  notSupported,
  required,
  tooLong,
  tooMany,
  type FieldPath,
} from './field-path.ts';
import { goQuote } from './go-format.ts';
import { countIndexes, IndexesError } from './job-indexes.ts';
import { qualifiedName } from './names.ts';

const rulesMax = 20;
const exitCodesMax = 255;
const conditionsMax = 20;
const succeededIndexesBytesMax = 64 * 1024;

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const operators = ['In', 'NotIn'];
const statuses = ['False', 'True', 'Unknown'];

function choices(values: readonly string[]): string {
  return `valid values: [${values.map(goQuote).join(' ')}]`;
}

/** An error about a field whose value is not shown. */
function invalidWhole(at: FieldPath, detail: string): FieldError {
  return { reason: 'FieldValueInvalid', field: at.toString(), message: `Invalid value: ${detail}` };
}

function requiredChoice(
  errors: FieldError[],
  value: string | undefined,
  values: readonly string[],
  at: FieldPath,
): void {
  if (!value) errors.push(required(at, choices(values)));
  else if (!values.includes(value)) errors.push(notSupported(at, value, values));
}

export function validateFailurePolicy(errors: FieldError[], spec: JobSpec, at: FieldPath): void {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const rulesPath = at.child('rules');
  if (rules.length > rulesMax) errors.push(tooMany(rulesPath, rules.length, rulesMax));
  const pod = spec.template?.spec;
  const containers = [...(pod?.containers ?? []), ...(pod?.initContainers ?? [])].map(({ name }) => name);
  rules.forEach((rule, i) => validateFailureRule(errors, rule, spec, containers, rulesPath.index(i)));
}

function validateFailureRule(
  errors: FieldError[],
  rule: PodFailurePolicyRule,
  spec: JobSpec,
  containers: readonly string[],
  at: FieldPath,
): void {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  if (action === 'FailIndex') {
    if (spec.backoffLimitPerIndex === undefined)
      errors.push(invalidValue(at.child('action'), action, 'requires the backoffLimitPerIndex to be set'));
  } else requiredChoice(errors, action, actions, at.child('action'));
  if (onExitCodes) validateExitCodes(errors, onExitCodes, containers, at.child('onExitCodes'));
  validateConditionPatterns(errors, onPodConditions, at.child('onPodConditions'));
  const conditional = onPodConditions.length > 0;
  if (onExitCodes && conditional)
    errors.push(invalidWhole(at, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  if (!onExitCodes && !conditional)
    errors.push(invalidWhole(at, 'specifying one of OnExitCodes and OnPodConditions is required'));
}

function validateConditionPatterns(
  errors: FieldError[],
  patterns: readonly PodFailurePolicyOnPodConditionsPattern[],
  at: FieldPath,
): void {
  if (patterns.length > conditionsMax) errors.push(tooMany(at, patterns.length, conditionsMax));
  patterns.forEach(({ type = '', status }, i) => {
    invalidEach(errors, at.index(i).child('type'), type, qualifiedName(type));
    requiredChoice(errors, status, statuses, at.index(i).child('status'));
  });
}

function validateExitCodes(
  errors: FieldError[],
  requirement: PodFailurePolicyOnExitCodesRequirement,
  containers: readonly string[],
  at: FieldPath,
): void {
  const { operator, containerName, values = [] } = requirement;
  requiredChoice(errors, operator, operators, at.child('operator'));
  if (containerName !== undefined && !containers.includes(containerName))
    errors.push(
      invalidValue(
        at.child('containerName'),
        containerName,
        'must be one of the container or initContainer names in the pod template',
      ),
    );
  const valuesPath = at.child('values');
  if (values.length === 0)
    errors.push(invalidValue(valuesPath, requirement.values, 'at least one value is required'));
  else if (values.length > exitCodesMax) errors.push(tooMany(valuesPath, values.length, exitCodesMax));
  const seen = new Set<number>();
  let ordered = true;
  values.forEach((value, i) => {
    if (operator === 'In' && value === 0)
      errors.push(invalidValue(valuesPath.index(i), value, 'must not be 0 for the In operator'));
    if (seen.has(value)) errors.push(duplicate(valuesPath.index(i), value));
    seen.add(value);
    if (i > 0 && (values[i - 1] as number) > value) ordered = false;
  });
  if (!ordered) errors.push(invalidValue(valuesPath, values, 'must be ordered'));
}

export function validateSuccessPolicy(errors: FieldError[], spec: JobSpec, at: FieldPath): void {
  const rules = spec.successPolicy?.rules ?? [];
  const rulesPath = at.child('rules');
  if (rules.length === 0)
    errors.push(
      required(rulesPath, 'at least one rules must be specified when the successPolicy is specified'),
    );
  if (rules.length > rulesMax) errors.push(tooMany(rulesPath, rules.length, rulesMax));
  rules.forEach((rule, i) => validateSuccessRule(errors, rule, spec.completions ?? 0, rulesPath.index(i)));
}

function validateSuccessRule(
  errors: FieldError[],
  rule: SuccessPolicyRule,
  completions: number,
  at: FieldPath,
): void {
  const { succeededCount, succeededIndexes } = rule;
  if (succeededCount === undefined && succeededIndexes === undefined)
    errors.push(required(at, 'at least one of succeededCount or succeededIndexes must be specified'));
  let total = 0;
  if (succeededIndexes !== undefined) {
    const indexesPath = at.child('succeededIndexes');
    if (succeededIndexes.length > succeededIndexesBytesMax)
      errors.push(tooLong(indexesPath, succeededIndexesBytesMax));
    try {
      total = countIndexes(succeededIndexes, completions);
    } catch (error) {
      if (!(error instanceof IndexesError)) throw error;
      errors.push(
        invalidValue(indexesPath, succeededIndexes, `error parsing succeededIndexes: ${error.message}`),
      );
    }
  }
  if (succeededCount === undefined) return;
  const countPath = at.child('succeededCount');
  nonNegative(errors, countPath, succeededCount);
  if (succeededCount > completions)
    errors.push(
      invalidValue(
        countPath,
        succeededCount,
        `must be less than or equal to ${completions} (the number of specified completions)`,
      ),
    );
  if (succeededIndexes !== undefined && succeededCount > total)
    errors.push(
      invalidValue(
        countPath,
        succeededCount,
        `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`,
      ),
    );
}
