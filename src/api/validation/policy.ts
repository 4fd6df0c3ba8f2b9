/** policy/v1 PodDisruptionBudget. */
import type { FieldError } from '../errors.ts';
import type { PodDisruptionBudget } from '../types/policy-v1.ts';
import { validateConditions } from './conditions.ts';
import { invalidValue, notSupported, path } from './field-path.ts';
import { validateAtMost100Percent, validateIntOrPercent } from './int-or-percent.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { validateLabelSelector } from './selectors.ts';
import { nonNegativeFields } from './workloads.ts';

const evictionPolicies = ['AlwaysAllow', 'IfHealthyBudget'];

function validateBudget({ spec = {} }: PodDisruptionBudget): FieldError[] {
  const errors: FieldError[] = [];
  const at = path('spec');
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    errors.push(invalidValue(at, upstreamForm(spec), 'minAvailable and maxUnavailable cannot be both set'));
  for (const field of ['minAvailable', 'maxUnavailable'] as const) {
    validateIntOrPercent(errors, at.child(field), spec[field]);
    validateAtMost100Percent(errors, at.child(field), spec[field]);
  }
  validateLabelSelector(errors, selector, at.child('selector'));
  if (policy !== undefined && !evictionPolicies.includes(policy))
    errors.push(notSupported(at.child('unhealthyPodEvictionPolicy'), policy, evictionPolicies));
  return errors;
}

/** As upstream's own structure prints: all fields, beginning with capitals. */
function upstreamForm(spec: NonNullable<PodDisruptionBudget['spec']>): object {
  return {
    MinAvailable: spec.minAvailable ?? null,
    Selector: spec.selector ?? null,
    MaxUnavailable: spec.maxUnavailable ?? null,
    UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy ?? null,
  };
}

function updateBudget(
  budget: PodDisruptionBudget,
  _: PodDisruptionBudget,
  subresource: string,
): FieldError[] {
  if (subresource !== 'status') return validateBudget(budget);
  const errors: FieldError[] = [];
  const at = path('status');
  const { status } = budget;
  if (!status) return errors;
  validateConditions(errors, status.conditions, at.child('conditions'));
  nonNegativeFields(
    errors,
    status,
    ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'],
    at,
  );
  return errors;
}

export const validators: KindValidators = {
  'policy/PodDisruptionBudget': kindValidator<PodDisruptionBudget>({
    create: validateBudget,
    update: updateBudget,
  }),
};
