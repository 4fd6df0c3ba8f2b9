/** What may not change once it is set. */
import type { FieldError } from '../errors.ts';
import { immutableMessage, invalidValue, type FieldPath } from './field-path.ts';

export function immutable(errors: FieldError[], at: FieldPath, value: unknown, old: unknown): void {
  if (!sameValue(value, old)) errors.push(invalidValue(at, value, immutableMessage));
}

/** Equal as the API means it: an empty list or map is the same as none, and the order of keys says nothing. */
export function sameValue(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (isEmpty(left) && isEmpty(right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const a = left as Readonly<Record<string, unknown>>;
  const b = right as Readonly<Record<string, unknown>>;
  for (const key in a) if (!sameValue(a[key], b[key])) return false;
  for (const key in b) if (!(key in a) && !isEmptyOrUnset(b[key])) return false;
  return true;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

function isEmptyOrUnset(value: unknown): boolean {
  return isEmpty(value) || (typeof value === 'object' && Object.keys(value as object).length === 0);
}
