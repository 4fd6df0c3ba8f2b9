/** Rules that several kinds of workload share. */
import type { FieldError } from '../errors.ts';
import type { PodTemplateSpec } from '../types/core-v1.ts';
import type { LabelSelector } from '../types/meta-v1.ts';
import {
  forbiddenField,
  invalidValue,
  nonNegative,
  notSupported,
  path,
  required,
  type FieldPath,
} from './field-path.ts';
import { isEmptySelector, selectorMatches, validateLabelSelector } from './selectors.ts';

const statusPath = path('status');
/** Maps are printed in the order of their keys. */
export function sortedLabels(
  labels: Readonly<Record<string, string>> | undefined,
): Record<string, string> | undefined {
  return (
    labels && Object.fromEntries(Object.entries(labels).sort(([left], [right]) => (left < right ? -1 : 1)))
  );
}

export const selectorMismatch = '`selector` does not match template `labels`';

/** Counts that may not be negative, by the name of their field. */
export function nonNegativeFields<T extends object>(
  errors: FieldError[],
  object: T,
  names: readonly (keyof T & string)[],
  at: FieldPath,
): void {
  for (const name of names) nonNegative(errors, at.child(name), object[name] as number | undefined);
}

/** Pods of these kinds run until they are deleted. */
export function validateAlwaysRestarts(
  errors: FieldError[],
  template: PodTemplateSpec | undefined,
  kind: string,
  at: FieldPath,
): void {
  const spec = template?.spec;
  if (spec?.restartPolicy !== 'Always')
    errors.push(notSupported(at.child('spec').child('restartPolicy'), spec?.restartPolicy ?? '', ['Always']));
  if (spec?.activeDeadlineSeconds !== undefined)
    errors.push(
      forbiddenField(
        at.child('spec').child('activeDeadlineSeconds'),
        `activeDeadlineSeconds in ${kind} is not Supported`,
      ),
    );
}

/** A selector that is there, well formed and not empty. True: it can be matched with. */
export function validateRequiredSelector(
  errors: FieldError[],
  selector: LabelSelector | undefined,
  kind: string,
  at: FieldPath,
): boolean {
  if (!selector) {
    errors.push(required(at));
    return true;
  }
  const before = errors.length;
  validateLabelSelector(errors, selector, at);
  const wellFormed = errors.length === before;
  if (isEmptySelector(selector))
    errors.push(invalidValue(at, selector, `empty selector is invalid for ${kind}`));
  return wellFormed;
}

export function validateSelectorMatches(
  errors: FieldError[],
  selector: LabelSelector | undefined,
  template: PodTemplateSpec,
  at: FieldPath,
): void {
  const labels = template.metadata?.labels;
  // No selector selects nothing; an empty one is refused elsewhere.
  const matches = selector !== undefined && (isEmptySelector(selector) || selectorMatches(selector, labels));
  if (!matches)
    errors.push(invalidValue(at.child('metadata').child('labels'), sortedLabels(labels), selectorMismatch));
}

interface CountingStatus {
  readonly replicas?: number | undefined;
  readonly readyReplicas?: number | undefined;
  readonly availableReplicas?: number | undefined;
  readonly collisionCount?: number | undefined;
}

/** Of the pods that there are, no more than all can be this or that. */
export function validateParts<T extends CountingStatus>(
  errors: FieldError[],
  status: T,
  names: readonly (keyof T & string)[],
  readyName = 'readyReplicas',
): void {
  const all = status.replicas ?? 0;
  for (const name of names) {
    const part = (status[name] as number | undefined) ?? 0;
    if (part > all)
      errors.push(invalidValue(statusPath.child(name), part, 'cannot be greater than status.replicas'));
  }
  const available = status.availableReplicas ?? 0;
  if (available > (status.readyReplicas ?? 0))
    errors.push(
      invalidValue(statusPath.child('availableReplicas'), available, `cannot be greater than ${readyName}`),
    );
}

export function validateNotDecremented(
  errors: FieldError[],
  now: number | undefined,
  before: number | undefined,
): void {
  if (before !== undefined && (now === undefined || now < before))
    errors.push(invalidValue(statusPath.child('collisionCount'), now ?? 0, 'cannot be decremented'));
}
