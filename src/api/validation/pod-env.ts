/** Environment variables of a container: literal, from the pod itself, from config maps, secrets and files. */
import type { FieldError } from '../errors.ts';
import type { ConfigMapKeySelector, EnvFromSource, EnvVar, EnvVarSource, FileKeySelector } from '../types/core-v1.ts';
import { envFields, validateFieldRef, validateResourceFieldRef } from './downward-api.ts';
import type { FieldPath } from './field-path.ts';
import { invalidEach, invalidValue, required } from './field-path.ts';
import { noBacksteps } from './file-paths.ts';
import { configKey, dnsLabel, dnsSubdomain, envVarName, nameIsDnsSubdomain } from './names.ts';

export function validateEnv(errors: FieldError[], variables: readonly EnvVar[], at: FieldPath): void {
  for (let i = 0; i < variables.length; i++) {
    const variable = variables[i]!;
    if (!variable.name) errors.push(required(at.index(i).child('name')));
    else if (envVarName(variable.name).length > 0) {
      invalidEach(errors, at.index(i).child('name'), variable.name, envVarName(variable.name));
    }
    if (variable.valueFrom) validateSource(errors, variable.valueFrom, variable.value ?? '', at.index(i).child('valueFrom'));
  }
}

function validateSource(errors: FieldError[], source: EnvVarSource, value: string, at: FieldPath): void {
  let count = 0;
  if (source.fieldRef) {
    count++;
    validateFieldRef(errors, source.fieldRef, envFields, at.child('fieldRef'));
  }
  if (source.resourceFieldRef) {
    count++;
    validateResourceFieldRef(errors, source.resourceFieldRef, at.child('resourceFieldRef'), false);
  }
  for (const name of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const selector = source[name];
    if (!selector) continue;
    count++;
    validateKeySelector(errors, selector, at.child(name));
  }
  if (source.fileKeyRef) {
    count++;
    validateFileKey(errors, source.fileKeyRef, at.child('fileKeyRef'));
  }
  if (count === 0) {
    errors.push(invalidValue(at, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'));
  } else if (value !== '') {
    errors.push(invalidValue(at, '', 'may not be specified when `value` is not empty'));
  } else if (count > 1) {
    errors.push(invalidValue(at, '', 'may not have more than one field specified at a time'));
  }
}

function validateKeySelector(errors: FieldError[], selector: ConfigMapKeySelector, at: FieldPath): void {
  const name = selector.name ?? '';
  invalidEach(errors, at.child('name'), name, dnsSubdomain(name));
  if (!selector.key) errors.push(required(at.child('key')));
  else invalidEach(errors, at.child('key'), selector.key, configKey(selector.key));
}

function validateFileKey(errors: FieldError[], selector: FileKeySelector, at: FieldPath): void {
  if (!selector.key) errors.push(required(at.child('key')));
  else invalidEach(errors, at.child('key'), selector.key, envVarName(selector.key));
  if (!selector.volumeName) errors.push(required(at.child('volumeName')));
  else invalidEach(errors, at.child('volumeName'), selector.volumeName, dnsLabel(selector.volumeName));
  if (!selector.path) errors.push(required(at.child('path')));
  else noBacksteps(errors, selector.path, at.child('path'));
}

export function validateEnvFrom(errors: FieldError[], sources: readonly EnvFromSource[], at: FieldPath): void {
  sources.forEach((source, i) => {
    if (source.prefix) invalidEach(errors, at.index(i).child('prefix'), source.prefix, envVarName(source.prefix));
    let count = 0;
    for (const field of ['configMapRef', 'secretRef'] as const) {
      const reference = source[field];
      if (!reference) continue;
      count++;
      const here = at.index(i).child(field).child('name');
      if (!reference.name) errors.push(required(here));
      else invalidEach(errors, here, reference.name, nameIsDnsSubdomain(reference.name, true));
    }
    // Upstream names the list here, not the element.
    if (count === 0) errors.push(invalidValue(at, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (count > 1) errors.push(invalidValue(at, '', 'may not have more than one field specified at a time'));
  });
}
