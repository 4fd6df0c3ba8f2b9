/** metav1.Condition, as it stands in the status of newer kinds. */
import type { FieldError } from '../errors.ts';
import type { Condition } from '../types/meta-v1.ts';
import {
  duplicate,
  invalidEach,
  invalidValue,
  notSupported,
  required,
  tooLong,
  type FieldPath,
} from './field-path.ts';
import { qualifiedName, regexMessage } from './names.ts';

const reasonFormat = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const reasonPattern = new RegExp(`^${reasonFormat}$`);
const reasonBytesMax = 1024;
const messageBytesMax = 32 * 1024;

export function validateConditions(
  errors: FieldError[],
  conditions: readonly Condition[] | undefined,
  at: FieldPath,
): void {
  const seen = new Set<string>();
  conditions?.forEach((condition, i) => {
    if (seen.has(condition.type)) errors.push(duplicate(at.index(i).child('type'), condition.type));
    seen.add(condition.type);
    validateCondition(errors, condition, at.index(i));
  });
}

function validateCondition(errors: FieldError[], condition: Condition, at: FieldPath): void {
  const {
    type = '',
    status = '',
    observedGeneration = 0,
    lastTransitionTime,
    reason,
    message = '',
  } = condition;
  invalidEach(errors, at.child('type'), type, qualifiedName(type));
  const statuses = ['False', 'True', 'Unknown'];
  if (!statuses.includes(status)) errors.push(notSupported(at.child('status'), status, statuses));
  if (observedGeneration < 0)
    errors.push(
      invalidValue(
        at.child('observedGeneration'),
        observedGeneration,
        'must be greater than or equal to zero',
      ),
    );
  if (!lastTransitionTime) errors.push(required(at.child('lastTransitionTime')));
  if (!reason) errors.push(required(at.child('reason')));
  else {
    if (!reasonPattern.test(reason))
      errors.push(
        invalidValue(
          at.child('reason'),
          reason,
          regexMessage(
            "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
            reasonFormat,
            'my_name',
            'MY_NAME',
            'MyName',
            'ReasonA,ReasonB',
            'ReasonA:ReasonB',
          ),
        ),
      );
    if (reason.length > reasonBytesMax) errors.push(tooLong(at.child('reason'), reasonBytesMax));
  }
  if (message.length > messageBytesMax) errors.push(tooLong(at.child('message'), messageBytesMax));
}
