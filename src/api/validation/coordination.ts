/** coordination.k8s.io/v1 Lease. */
import type { FieldError } from '../errors.ts';
import type { Lease } from '../types/coordination-v1.ts';
import { forbiddenField, invalidValue, negativeMessage, path } from './field-path.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { domainPrefixedPath } from './names.ts';

/** Strategies without a domain are the project's own. */
const knownStrategies = ['OldestEmulationVersion'];

function validateLease({ spec = {} }: Lease): FieldError[] {
  const errors: FieldError[] = [];
  const at = path('spec');
  const { leaseDurationSeconds: duration, leaseTransitions: transitions, strategy, preferredHolder } = spec;
  if (duration !== undefined && duration <= 0)
    errors.push(invalidValue(at.child('leaseDurationSeconds'), duration, 'must be greater than 0'));
  if (transitions !== undefined && transitions < 0)
    errors.push(invalidValue(at.child('leaseTransitions'), transitions, negativeMessage));
  if (strategy !== undefined && !knownStrategies.includes(strategy))
    domainPrefixedPath(errors, at.child('strategy'), strategy);
  if (preferredHolder && !strategy)
    errors.push(
      forbiddenField(at.child('preferredHolder'), 'may only be specified if `strategy` is defined'),
    );
  return errors;
}

export const validators: KindValidators = {
  'coordination.k8s.io/Lease': kindValidator<Lease>({ create: validateLease }),
};
