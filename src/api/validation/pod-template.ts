/** The template that controllers make pods from. */
import type { FieldError } from '../errors.ts';
import type { PodSpec, PodTemplateSpec } from '../types/core-v1.ts';
import type { FieldPath } from './field-path.ts';
import { forbiddenField, invalidValue } from './field-path.ts';
import { validateAnnotations, validateLabels } from './object-meta.ts';
import { validateAnnotationsMatchFields } from './pod-security.ts';
import { validatePodAnnotations, validatePodSpec } from './pod-spec.ts';

export function validatePodTemplate(errors: FieldError[], template: PodTemplateSpec, at: FieldPath): void {
  const { labels, annotations = {} } = template.metadata ?? {};
  const spec = template.spec ?? ({} as PodSpec);
  if (labels) validateLabels(errors, labels, at.child('labels'));
  validateAnnotations(errors, annotations, at.child('annotations'));
  validatePodAnnotations(errors, annotations, spec, at.child('annotations'));
  validatePodSpec(errors, spec, undefined, at.child('spec'));
  validateAnnotationsMatchFields(errors, annotations, spec, at.child('spec'));
  if (spec.ephemeralContainers?.length) {
    errors.push(forbiddenField(at.child('spec').child('ephemeralContainers'), 'ephemeral containers not allowed in pod template'));
  }
}

/** That a controller's selector picks the pods of its own template. */
export function validateSelectorMatchesTemplate(
  errors: FieldError[],
  selector: Readonly<Record<string, string>>,
  template: PodTemplateSpec,
  at: FieldPath,
): void {
  const labels = template.metadata?.labels ?? {};
  for (const key in selector) {
    if (labels[key] === selector[key]) continue;
    errors.push(invalidValue(at.child('metadata').child('labels'), template.metadata?.labels, '`selector` does not match template `labels`'));
    return;
  }
}
