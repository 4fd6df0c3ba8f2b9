/** scheduling.k8s.io/v1 PriorityClass. */
import type { FieldError } from '../errors.ts';
import type { PriorityClass } from '../types/scheduling-v1.ts';
import { forbiddenField, notSupported, path, required } from './field-path.ts';
import { immutable } from './immutable.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';

const systemPrefix = 'system-';
const systemClasses: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};
const userValueMax = 1_000_000_000;
const policies = ['PreemptLowerPriority', 'Never'];

/** Why a class whose name begins with system- is not one of the known ones. */
function systemProblem({ metadata, value = 0, globalDefault = false }: PriorityClass): string | undefined {
  const name = metadata?.name ?? '';
  const known = systemClasses[name];
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function validateClass(priorityClass: PriorityClass): FieldError[] {
  const errors: FieldError[] = [];
  const { metadata, value = 0, preemptionPolicy: policy } = priorityClass;
  if (metadata?.name?.startsWith(systemPrefix)) {
    const problem = systemProblem(priorityClass);
    if (problem !== undefined)
      errors.push(
        forbiddenField(
          path('metadata', 'name'),
          `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${problem}`,
        ),
      );
  } else if (value > userValueMax)
    errors.push(
      forbiddenField(path('value'), `maximum allowed value of a user defined priority is ${userValueMax}`),
    );
  if (policy === '') errors.push(required(path('preemptionPolicy')));
  else if (policy !== undefined && !policies.includes(policy))
    errors.push(notSupported(path('preemptionPolicy'), policy, policies));
  return errors;
}

function updateClass(priorityClass: PriorityClass, old: PriorityClass): FieldError[] {
  const errors: FieldError[] = [];
  if ((priorityClass.value ?? 0) !== (old.value ?? 0))
    errors.push(forbiddenField(path('value'), 'may not be changed in an update.'));
  immutable(errors, path('preemptionPolicy'), priorityClass.preemptionPolicy, old.preemptionPolicy);
  return errors;
}

export const validators: KindValidators = {
  'scheduling.k8s.io/PriorityClass': kindValidator<PriorityClass>({
    create: validateClass,
    update: updateClass,
  }),
};
