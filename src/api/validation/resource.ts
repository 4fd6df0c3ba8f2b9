/**
 * resource.k8s.io/v1: that what is asked for has a name and a class, and that a
 * claim never changes. The rules of selectors, constraints, capacities and
 * counters are not here yet; the features behind them are not either.
 */
import type { FieldError } from '../errors.ts';
import type {
  DeviceClaim,
  DeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from '../types/resource-v1.ts';
import {
  duplicate,
  invalidEach,
  invalidValue,
  notSupported,
  path,
  required,
  tooMany,
  type FieldPath,
} from './field-path.ts';
import { immutable } from './immutable.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dnsLabel, dnsSubdomain } from './names.ts';
import { validateDriverName } from './volume-sources.ts';

const requestsMax = 32;
const devicesMax = 128;
const modes = ['All', 'ExactCount'];

type ExactRequest = NonNullable<DeviceRequest['exactly']>;

function validateName(errors: FieldError[], name = '', at: FieldPath): void {
  invalidEach(errors, at, name, dnsLabel(name));
}

function validateExactly(
  errors: FieldError[],
  request: Pick<ExactRequest, 'deviceClassName' | 'allocationMode' | 'count'>,
  at: FieldPath,
): void {
  const { deviceClassName, allocationMode = '', count = 0 } = request;
  if (!deviceClassName) errors.push(required(at.child('deviceClassName')));
  else invalidEach(errors, at.child('deviceClassName'), deviceClassName, dnsSubdomain(deviceClassName));
  if (!modes.includes(allocationMode))
    errors.push(notSupported(at.child('allocationMode'), allocationMode, modes));
  else if (allocationMode === 'All' && count !== 0)
    errors.push(invalidValue(at.child('count'), count, "must not be specified when allocationMode is 'All'"));
  else if (allocationMode === 'ExactCount' && count <= 0)
    errors.push(invalidValue(at.child('count'), count, 'must be greater than zero'));
}

function validateRequest(
  errors: FieldError[],
  { name, exactly, firstAvailable = [] }: DeviceRequest,
  at: FieldPath,
): void {
  validateName(errors, name, at.child('name'));
  if (!exactly && firstAvailable.length === 0)
    errors.push(required(at, 'exactly one of `exactly` or `firstAvailable` is required'));
  else if (exactly && firstAvailable.length > 0)
    errors.push(
      invalidValue(
        at,
        null,
        'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set',
      ),
    );
  if (exactly) validateExactly(errors, exactly, at.child('exactly'));
  firstAvailable.forEach((request, i) => {
    const requestPath = at.child('firstAvailable').index(i);
    validateName(errors, request.name, requestPath.child('name'));
    validateExactly(errors, request, requestPath);
  });
}

function validateDevices(devices: DeviceClaim | undefined, at: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const requests = devices?.requests ?? [];
  const requestsPath = at.child('requests');
  if (requests.length > requestsMax) errors.push(tooMany(requestsPath, requests.length, requestsMax));
  requests.forEach((request, i) => {
    validateRequest(errors, request, requestsPath.index(i));
    if (requests.findIndex(({ name }) => name === request.name) < i)
      errors.push(duplicate(requestsPath.index(i), request.name));
  });
  return errors;
}

function validateSlice({ spec }: ResourceSlice): FieldError[] {
  const errors: FieldError[] = [];
  const at = path('spec');
  validateDriverName(errors, spec?.driver, at.child('driver'));
  if (!spec?.pool?.name) errors.push(required(at.child('pool').child('name')));
  const devices = spec?.devices ?? [];
  const devicesPath = at.child('devices');
  if (devices.length > devicesMax) errors.push(tooMany(devicesPath, devices.length, devicesMax));
  devices.forEach(({ name }, i) => {
    validateName(errors, name, devicesPath.index(i).child('name'));
    if (devices.findIndex((device) => device.name === name) < i)
      errors.push(duplicate(devicesPath.index(i), name));
  });
  return errors;
}

export const validators: KindValidators = {
  'resource.k8s.io/ResourceClaim': kindValidator<ResourceClaim>({
    create: ({ spec }) => validateDevices(spec?.devices, path('spec', 'devices')),
    update(claim, old, subresource) {
      const errors: FieldError[] = [];
      if (subresource === '') immutable(errors, path('spec'), claim.spec, old.spec);
      return errors;
    },
  }),
  'resource.k8s.io/ResourceClaimTemplate': kindValidator<ResourceClaimTemplate>({
    create: ({ spec }) => validateDevices(spec?.spec?.devices, path('spec', 'spec').child('devices')),
    update(template, old) {
      const errors: FieldError[] = [];
      immutable(errors, path('spec'), template.spec, old.spec);
      return errors;
    },
  }),
  'resource.k8s.io/ResourceSlice': kindValidator<ResourceSlice>({ create: validateSlice }),
};
