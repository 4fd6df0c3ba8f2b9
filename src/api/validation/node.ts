/** node.k8s.io/v1 RuntimeClass. */
import type { FieldError } from '../errors.ts';
import type { RuntimeClass } from '../types/node-v1.ts';
import { duplicate, invalidEach, path, required } from './field-path.ts';
import { immutable } from './immutable.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dnsLabel } from './names.ts';
import { validateLabels } from './object-meta.ts';
import { validateTolerations } from './pod-scheduling.ts';
import { validateContainerResources } from './resources.ts';

function validateRuntimeClass({ handler, overhead, scheduling }: RuntimeClass): FieldError[] {
  const errors: FieldError[] = [];
  if (!handler) errors.push(required(path('handler')));
  else invalidEach(errors, path('handler'), handler, dnsLabel(handler));
  if (overhead)
    validateContainerResources(errors, { limits: overhead.podFixed }, new Set(), path('overhead'));
  if (!scheduling) return errors;
  const at = path('scheduling');
  if (scheduling.nodeSelector) validateLabels(errors, scheduling.nodeSelector, at.child('nodeSelector'));
  const tolerations = scheduling.tolerations ?? [];
  validateTolerations(errors, tolerations, at.child('tolerations'));
  const seen = new Set<string>();
  tolerations.forEach((toleration, i) => {
    const { key = '', operator = '', value = '', effect = '' } = toleration;
    const identity = JSON.stringify([key, operator, value, effect]);
    // As upstream's own structure prints: all fields, beginning with capitals.
    const printed = {
      Key: key,
      Operator: operator,
      Value: value,
      Effect: effect,
      TolerationSeconds: toleration.tolerationSeconds ?? null,
    };
    if (seen.has(identity)) errors.push(duplicate(at.child('tolerations').index(i), printed));
    seen.add(identity);
  });
  return errors;
}

export const validators: KindValidators = {
  'node.k8s.io/RuntimeClass': kindValidator<RuntimeClass>({
    create: validateRuntimeClass,
    update(runtimeClass, old) {
      const errors = validateRuntimeClass(runtimeClass);
      immutable(errors, path('handler'), runtimeClass.handler, old.handler);
      return errors;
    },
  }),
};
