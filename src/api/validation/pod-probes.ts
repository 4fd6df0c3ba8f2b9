/** Probes and lifecycle hooks of a container. */
import type { FieldError } from '../errors.ts';
import type { HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from '../types/core-v1.ts';
import type { FieldPath } from './field-path.ts';
import { forbiddenField, invalidEach, invalidValue, nonNegative, oneOf, required } from './field-path.ts';
import { httpHeaderName, portName, portNumber } from './names.ts';

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>;

export type ProbeKind = 'livenessProbe' | 'readinessProbe' | 'startupProbe';

export function validateProbe(errors: FieldError[], kind: ProbeKind, probe: Probe, grace: number | undefined, at: FieldPath): void {
  validateHandler(errors, probe, grace, at);
  for (const field of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const) {
    if ((probe[field] ?? 0) < 0) nonNegative(errors, at.child(field), probe[field]);
  }
  const period = probe.terminationGracePeriodSeconds;
  if (period !== undefined && period <= 0) {
    errors.push(invalidValue(at.child('terminationGracePeriodSeconds'), period, 'must be greater than 0'));
  }
  if (kind === 'readinessProbe') {
    if (period !== undefined) {
      errors.push(invalidValue(at.child('terminationGracePeriodSeconds'), period, 'must not be set for readinessProbes'));
    }
  } else if (probe.successThreshold !== 1) {
    errors.push(invalidValue(at.child('successThreshold'), probe.successThreshold ?? 0, 'must be 1'));
  }
}

function validateHandler(errors: FieldError[], handler: Handler, grace: number | undefined, at: FieldPath): void {
  let known = false;
  for (const type of ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const) {
    if (!handler[type]) continue;
    if (known) errors.push(forbiddenField(at.child(type), 'may not specify more than 1 handler type'));
    else validateAction(errors, type, handler, grace, at.child(type));
    known = true;
  }
  if (!known) errors.push(required(at, 'must specify a handler type'));
}

function validateAction(errors: FieldError[], type: keyof Handler, handler: Handler, grace: number | undefined, at: FieldPath): void {
  if (type === 'exec') {
    if (!handler.exec!.command?.length) errors.push(required(at.child('command')));
  } else if (type === 'httpGet') validateHttpGet(errors, handler.httpGet!, at);
  else if (type === 'tcpSocket') validatePort(errors, handler.tcpSocket!.port, at.child('port'));
  else if (type === 'grpc') validatePort(errors, handler.grpc!.port, at.child('port'));
  else {
    const { seconds = 0 } = handler.sleep!;
    if (grace !== undefined && (seconds < 0 || seconds > grace)) {
      errors.push(invalidValue(at, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`));
    }
  }
}

function validateHttpGet(errors: FieldError[], action: HTTPGetAction, at: FieldPath): void {
  if (!action.path) errors.push(required(at.child('path')));
  validatePort(errors, action.port, at.child('port'));
  oneOf(errors, at.child('scheme'), action.scheme, ['HTTP', 'HTTPS']);
  for (const { name = '' } of action.httpHeaders ?? []) invalidEach(errors, at.child('httpHeaders'), name, httpHeaderName(name));
}

/** A port by number or by name. */
export function validatePort(errors: FieldError[], port: number | string | undefined, at: FieldPath): void {
  const given = port ?? 0;
  const messages = typeof given === 'number' ? portNumber(given) : portName(given);
  if (messages.length > 0) invalidEach(errors, at, given, messages);
}

export function validateLifecycle(errors: FieldError[], lifecycle: Lifecycle, grace: number | undefined, at: FieldPath): void {
  if (lifecycle.postStart) validateHandler(errors, lifecycle.postStart, grace, at.child('postStart'));
  if (lifecycle.preStop) validateHandler(errors, lifecycle.preStop, grace, at.child('preStop'));
}
