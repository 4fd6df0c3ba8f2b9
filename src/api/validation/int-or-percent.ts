/** `25%` or a count: how many pods of a workload may be missing or surplus. */
import type { FieldError } from '../errors.ts';
import { invalidEach, invalidValue, negativeMessage, type FieldPath } from './field-path.ts';
import { percent } from './names.ts';

export type IntOrPercent = number | string;

export function validateIntOrPercent(
  errors: FieldError[],
  at: FieldPath,
  value: IntOrPercent | undefined,
): void {
  if (typeof value === 'string') invalidEach(errors, at, value, percent(value));
  else if (value !== undefined && value < 0) errors.push(invalidValue(at, value, negativeMessage));
}

export function validateAtMost100Percent(
  errors: FieldError[],
  at: FieldPath,
  value: IntOrPercent | undefined,
): void {
  if (typeof value !== 'string' || percent(value).length > 0) return;
  if (Number.parseInt(value, 10) > 100) errors.push(invalidValue(at, value, 'must not be greater than 100%'));
}

/** The number in it, whatever it counts; what is not a number counts as zero. */
export function amountIn(value: IntOrPercent | undefined): number {
  if (typeof value === 'number') return value;
  const amount = Number.parseInt(value ?? '', 10);
  return Number.isNaN(amount) ? 0 : amount;
}
