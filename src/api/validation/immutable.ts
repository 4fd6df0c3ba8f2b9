/** What may not change once it is set. */
import type { FieldError } from '../errors.ts';
import { semanticEqual } from './equality.ts';
import { immutableMessage, invalidValue, type FieldPath } from './field-path.ts';

export function immutable(errors: FieldError[], at: FieldPath, value: unknown, old: unknown): void {
  if (!semanticEqual(value, old)) errors.push(invalidValue(at, value, immutableMessage));
}
