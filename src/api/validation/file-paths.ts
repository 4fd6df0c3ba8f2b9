/** Paths of files and folders inside pods and on nodes. */
import type { FieldError } from '../errors.ts';
import type { FieldPath } from './field-path.ts';
import { invalidValue } from './field-path.ts';

export function noBacksteps(errors: FieldError[], target: string, at: FieldPath): void {
  if (hasBackstep(target)) errors.push(invalidValue(at, target, "must not contain '..'"));
}

export function hasBackstep(target: string): boolean {
  return target.includes('..') && target.split('/').includes('..');
}

/** Relative, and never upwards. */
export function descendingPath(errors: FieldError[], target: string, at: FieldPath): void {
  if (target.startsWith('/')) errors.push(invalidValue(at, target, 'must be a relative path'));
  noBacksteps(errors, target, at);
}

/** The same without the names that atomic writers keep for themselves. */
export function nonReservedPath(errors: FieldError[], target: string, at: FieldPath): void {
  descendingPath(errors, target, at);
  if (target.startsWith('..') && !target.startsWith('../')) errors.push(invalidValue(at, target, "must not start with '..'"));
}

export function fileMode(errors: FieldError[], mode: number | undefined, at: FieldPath): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) {
    errors.push(invalidValue(at, mode, 'must be a number between 0 and 0777 (octal), both inclusive'));
  }
}
