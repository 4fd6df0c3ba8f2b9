/** metav1.LabelSelector as a field of objects (not the query parameter, which src/api/selectors reads). */
import type { FieldError } from '../errors.ts';
import type { LabelSelector } from '../object.ts';
import type { LabelSelectorRequirement } from '../types/meta-v1.ts';
import type { FieldPath } from './field-path.ts';
import { forbiddenField, invalidEach, invalidValue, required } from './field-path.ts';
import { labelValue, qualifiedName } from './names.ts';
import { validateLabels } from './object-meta.ts';

export interface SelectorRules {
  /** For updates of objects that already hold one. */
  readonly allowInvalidLabelValues?: boolean;
}

export function validateLabelSelector(errors: FieldError[], selector: LabelSelector | undefined, at: FieldPath, rules: SelectorRules = {}): void {
  if (!selector) return;
  if (selector.matchLabels) validateLabels(errors, selector.matchLabels, at.child('matchLabels'));
  selector.matchExpressions?.forEach((requirement, i) =>
    validateRequirement(errors, requirement, at.child('matchExpressions').index(i), rules),
  );
}

function validateRequirement(errors: FieldError[], { key, operator, values }: LabelSelectorRequirement, at: FieldPath, rules: SelectorRules): void {
  const count = values?.length ?? 0;
  if (operator === 'In' || operator === 'NotIn') {
    if (count === 0) errors.push(required(at.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (count > 0) errors.push(forbiddenField(at.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else {
    errors.push(invalidValue(at.child('operator'), operator ?? '', 'not a valid selector operator'));
  }
  invalidEach(errors, at.child('key'), key ?? '', qualifiedName(key ?? ''));
  if (rules.allowInvalidLabelValues) return;
  values?.forEach((value, i) => invalidEach(errors, at.child('values').index(i), value, labelValue(value)));
}

/** True when it selects everything: neither labels nor expressions. */
export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  if (!selector) return true;
  for (const _ in selector.matchLabels) return false;
  return (selector.matchExpressions?.length ?? 0) === 0;
}

export function selectorMatches(selector: LabelSelector, labels: Readonly<Record<string, string>> = {}): boolean {
  for (const key in selector.matchLabels) if (labels[key] !== selector.matchLabels[key]) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (operator === 'In') return value !== undefined && (values ?? []).includes(value);
    if (operator === 'NotIn') return value === undefined || !(values ?? []).includes(value);
    if (operator === 'Exists') return value !== undefined;
    return operator === 'DoesNotExist' && value === undefined;
  });
}
