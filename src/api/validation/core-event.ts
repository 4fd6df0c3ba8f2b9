/** Events of core/v1: few rules, for clients of every age send them. */
import type { FieldError } from '../errors.ts';
import type { Event } from '../types/core-v1.ts';
import { invalidEach, invalidValue, path, required } from './field-path.ts';
import type { KindValidators } from './kind-validator.ts';
import { kindValidator } from './kind-validator.ts';
import { dnsSubdomain, pathSegmentName, qualifiedName } from './names.ts';

const lengthLimits = { reportingInstance: 128, action: 128, reason: 128, message: 1024 } as const;

function validateEvent(event: Event): FieldError[] {
  const errors: FieldError[] = [];
  const namespace = event.metadata?.namespace ?? '';
  const about = event.involvedObject?.namespace ?? '';
  const isNew = event.eventTime !== undefined;
  // Of things without a namespace events go to the default one, or with the newer form to the system's.
  const homes = isNew ? ['default', 'kube-system'] : ['', 'default'];
  const fits = about === '' ? homes.includes(namespace) : isNew || about === namespace;
  if (!fits) errors.push(invalidValue(path('involvedObject', 'namespace'), about, 'does not match event.namespace'));
  if (isNew) validateNewEvent(errors, event);
  invalidEach(errors, path('namespace'), namespace, dnsSubdomain(namespace));
  return errors;
}

/** The rules of events that carry an eventTime. */
function validateNewEvent(errors: FieldError[], event: Event): void {
  const reporter = event.reportingComponent ?? '';
  if (reporter === '') errors.push(required(path('reportingComponent')));
  invalidEach(errors, path('reportingComponent'), reporter, qualifiedName(reporter));
  for (const field of ['reportingInstance', 'action', 'reason', 'message'] as const) {
    const text = event[field] ?? '';
    const max = lengthLimits[field];
    if (text === '' && field !== 'message') errors.push(required(path(field)));
    if (text.length > max) errors.push(invalidValue(path(field), '', `can have at most ${max} characters`));
  }
}

export const validators: KindValidators = {
  '/Event': kindValidator<Event>({ create: validateEvent, validateName: pathSegmentName }),
};
