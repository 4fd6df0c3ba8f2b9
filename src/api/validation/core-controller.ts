/** Replication controllers and pod templates. */
import type { FieldError } from '../errors.ts';
import type { PodTemplate, ReplicationController, ReplicationControllerSpec, ReplicationControllerStatus } from '../types/core-v1.ts';
import { forbiddenField, invalidValue, nonNegative, notSupported, path, required } from './field-path.ts';
import type { KindValidators } from './kind-validator.ts';
import { kindValidator } from './kind-validator.ts';
import { validatePodTemplate, validateSelectorMatchesTemplate } from './pod-template.ts';

const specPath = path('spec');
const statusPath = path('status');

function validateController(controller: ReplicationController): FieldError[] {
  const errors: FieldError[] = [];
  const spec: ReplicationControllerSpec = controller.spec ?? {};
  const selector = spec.selector ?? {};
  nonNegative(errors, specPath.child('minReadySeconds'), spec.minReadySeconds);
  if (Object.keys(selector).length === 0) errors.push(required(specPath.child('selector')));
  if (spec.replicas === undefined) errors.push(required(specPath.child('replicas')));
  else nonNegative(errors, specPath.child('replicas'), spec.replicas);
  const at = specPath.child('template');
  const { template } = spec;
  if (!template) {
    errors.push(required(at));
    return errors;
  }
  validateSelectorMatchesTemplate(errors, selector, template, at);
  validatePodTemplate(errors, template, at);
  const restartPolicy = template.spec?.restartPolicy ?? '';
  if (restartPolicy !== 'Always') errors.push(notSupported(at.child('spec').child('restartPolicy'), restartPolicy, ['Always']));
  if (template.spec?.activeDeadlineSeconds !== undefined) {
    const why = 'activeDeadlineSeconds in ReplicationController is not Supported';
    errors.push(forbiddenField(at.child('spec').child('activeDeadlineSeconds'), why));
  }
  return errors;
}

function validateStatus(status: ReplicationControllerStatus): FieldError[] {
  const errors: FieldError[] = [];
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  for (const field of ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'] as const) {
    nonNegative(errors, statusPath.child(field), status[field]);
  }
  for (const field of ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const) {
    const count = status[field] ?? 0;
    if (count > replicas) errors.push(invalidValue(statusPath.child(field), count, 'cannot be greater than status.replicas'));
  }
  if (availableReplicas > readyReplicas) {
    errors.push(invalidValue(statusPath.child('availableReplicas'), availableReplicas, 'cannot be greater than readyReplicas'));
  }
  return errors;
}

function createPodTemplate(object: PodTemplate): FieldError[] {
  const errors: FieldError[] = [];
  validatePodTemplate(errors, object.template ?? {}, path('template'));
  return errors;
}

export const validators: KindValidators = {
  '/ReplicationController': kindValidator<ReplicationController>({
    create: validateController,
    update: (controller, _, subresource) =>
      subresource === 'status' ? validateStatus(controller.status ?? { replicas: 0 }) : validateController(controller),
  }),
  '/PodTemplate': kindValidator<PodTemplate>({ create: createPodTemplate }),
};
