/**
 * Events written through events.k8s.io/v1: on top of the rules of all events,
 * they must be complete, and once written only their series moves on. Accepts
 * either form of an event; fields are named as in the core form, as upstream does.
 */
import { coreEventOf } from '../conversion/event.ts';
import type { FieldError } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import type { Event } from '../types/core-v1.ts';
import { validators as coreValidators } from './core-event.ts';
import { semanticEqual } from './equality.ts';
import { invalidValue, path, required } from './field-path.ts';
import { immutable } from './immutable.ts';
import type { KindValidators } from './kind-validator.ts';

/** Left from the older form; events of the newer one do without. */
const mustBeUnset = ['firstTimestamp', 'lastTimestamp', 'count'] as const;

const mayNotChange = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
] as const;

/** The rules of all events, with the reporter named as this API names it. */
function validateAny(event: Event): FieldError[] {
  const errors = coreValidators['/Event']?.create(event as unknown as KubeObject) ?? [];
  return errors.map((error) =>
    error.field === 'reportingComponent' ? { ...error, field: 'reportingController' } : error,
  );
}

function validateSeries(errors: FieldError[], { series }: Event): void {
  if (!series) return;
  if ((series.count ?? 0) < 2) errors.push(invalidValue(path('series.count'), '', 'should be at least 2'));
  if (!series.lastObservedTime) errors.push(required(path('series.lastObservedTime')));
}

function validateNew(object: KubeObject): FieldError[] {
  const event = coreEventOf(object) as unknown as Event;
  const errors = validateAny(event);
  validateSeries(errors, event);
  if (!event.eventTime) errors.push(required(path('eventTime')));
  if (event.type !== 'Normal' && event.type !== 'Warning')
    errors.push(invalidValue(path('type'), '', `has invalid value: ${event.type ?? ''}`));
  for (const field of mustBeUnset)
    if (event[field]) errors.push(invalidValue(path(field), '', 'needs to be unset'));
  if (event.source?.component || event.source?.host)
    errors.push(invalidValue(path('source'), '', 'needs to be unset'));
  return errors;
}

function validateChanged(object: KubeObject, before: KubeObject): FieldError[] {
  const event = coreEventOf(object) as unknown as Event;
  const old = coreEventOf(before) as unknown as Event;
  const errors = validateAny(event);
  if (!semanticEqual(event.series, old.series)) validateSeries(errors, event);
  for (const field of mayNotChange) immutable(errors, path(field), event[field], old[field]);
  immutable(errors, path('reportingController'), event.reportingComponent, old.reportingComponent);
  immutable(errors, path('reportingInstance'), event.reportingInstance, old.reportingInstance);
  return errors;
}

export const validators: KindValidators = {
  'events.k8s.io/Event': { create: validateNew, update: validateChanged },
};
