/** Namespaces, service accounts, config maps and secrets. */
import type { FieldError } from '../errors.ts';
import type { ConfigMap, Namespace, Secret, ServiceAccount } from '../types/core-v1.ts';
import type { KubeObject } from '../object.ts';
import { semanticEqual } from './equality.ts';
import type { FieldPath } from './field-path.ts';
import { forbiddenField, immutableMessage, invalidEach, invalidValue, path, required, tooLong } from './field-path.ts';
import type { KindValidators } from './kind-validator.ts';
import { kindValidator } from './kind-validator.ts';
import { configKey, nameIsDnsLabel, qualifiedName } from './names.ts';

/** Of the values together. */
const dataBytesMax = 1024 * 1024;
const immutableWhenSet = 'field is immutable when `immutable` is set';
const dataPath = path('data');

function validateFinalizer(errors: FieldError[], name: string, at: FieldPath): void {
  invalidEach(errors, at, name, qualifiedName(name));
  if (!name.includes('/') && name !== 'kubernetes' && name !== 'orphan' && name !== 'foregroundDeletion') {
    errors.push(invalidValue(at, name, 'name is neither a standard finalizer name nor is it fully qualified'));
  }
}

function createNamespace(namespace: Namespace): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of namespace.spec?.finalizers ?? []) validateFinalizer(errors, name, path('spec', 'finalizers'));
  return errors;
}

function updateNamespace(namespace: Namespace, _: Namespace, subresource: string): FieldError[] {
  const errors: FieldError[] = [];
  if (subresource === 'finalize') {
    namespace.spec?.finalizers?.forEach((name, i) => validateFinalizer(errors, name, path('spec', 'finalizers').index(i)));
  } else if (subresource === 'status') {
    const phase = namespace.status?.phase ?? '';
    const isDeleted = namespace.metadata?.deletionTimestamp !== undefined;
    if (isDeleted && phase !== 'Terminating') {
      errors.push(invalidValue(path('status', 'Phase'), phase, "may only be 'Terminating' if `deletionTimestamp` is not empty"));
    } else if (!isDeleted && phase !== 'Active') {
      errors.push(invalidValue(path('status', 'Phase'), phase, "may only be 'Active' if `deletionTimestamp` is empty"));
    }
  }
  return errors;
}

/** Base64 without its padding: what the bytes will be. */
function decodedLength(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}

function createConfigMap({ data = {}, binaryData = {} }: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const key in data) {
    invalidEach(errors, dataPath.key(key), key, configKey(key));
    if (Object.hasOwn(binaryData, key)) errors.push(invalidValue(dataPath.key(key), key, 'duplicate of key present in binaryData'));
    bytes += Buffer.byteLength(data[key]!);
  }
  for (const key in binaryData) {
    invalidEach(errors, path('binaryData').key(key), key, configKey(key));
    bytes += decodedLength(binaryData[key]!);
  }
  if (bytes > dataBytesMax) errors.push(tooLong(path(), dataBytesMax));
  return errors;
}

type Freezable = { immutable?: boolean | undefined } & Pick<KubeObject, 'metadata'>;

function validateFrozen<T extends object>(errors: FieldError[], object: T & Partial<Freezable>, old: T & Partial<Freezable>, fields: readonly (keyof T & string)[]): void {
  if (!old.immutable) return;
  if (!object.immutable) errors.push(forbiddenField(path('immutable'), immutableWhenSet));
  for (const field of fields) {
    if (!semanticEqual(object[field], old[field])) errors.push(forbiddenField(path(field), immutableWhenSet));
  }
}

function updateConfigMap(object: ConfigMap, old: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  validateFrozen(errors, object, old, ['data', 'binaryData']);
  return errors.concat(createConfigMap(object));
}

/** The keys that a type of secret cannot be without. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

function createSecret(secret: Secret): FieldError[] {
  const errors: FieldError[] = [];
  const { data = {}, type = '' } = secret;
  let bytes = 0;
  for (const key in data) {
    invalidEach(errors, dataPath.key(key), key, configKey(key));
    bytes += decodedLength(data[key]!);
  }
  if (bytes > dataBytesMax) errors.push(tooLong(dataPath, dataBytesMax));
  for (const key of requiredKeys[type] ?? []) if (data[key] === undefined) errors.push(required(dataPath.key(key)));
  const docker = type.startsWith('kubernetes.io/dockerc') ? requiredKeys[type]?.[0] : undefined;
  if (docker !== undefined && data[docker] !== undefined) validateDockerConfig(errors, data[docker], dataPath.key(docker));
  if (type === 'kubernetes.io/service-account-token') {
    const key = 'kubernetes.io/service-account.name';
    if (!secret.metadata?.annotations?.[key]) errors.push(required(path('metadata', 'annotations').key(key)));
  } else if (type === 'kubernetes.io/basic-auth') {
    if (data['username'] === undefined && data['password'] === undefined) {
      errors.push(required(dataPath.key('username')), required(dataPath.key('password')));
    }
  } else if (type === 'kubernetes.io/ssh-auth' && !data['ssh-privatekey']) {
    errors.push(required(dataPath.key('ssh-privatekey')));
  }
  return errors;
}

function validateDockerConfig(errors: FieldError[], base64: string, at: FieldPath): void {
  const text = Buffer.from(base64, 'base64').toString();
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && !Array.isArray(parsed)) return;
    errors.push(invalidValue(at, '<secret contents redacted>', 'json: cannot unmarshal into Go value of type map[string]interface {}'));
  } catch {
    const why = text === '' ? 'unexpected end of JSON input' : `invalid character '${text[0]}' looking for beginning of value`;
    errors.push(invalidValue(at, '<secret contents redacted>', why));
  }
}

function updateSecret(secret: Secret, old: Secret): FieldError[] {
  const errors: FieldError[] = [];
  if ((secret.type ?? '') !== (old.type ?? '')) errors.push(invalidValue(path('type'), secret.type ?? '', immutableMessage));
  validateFrozen(errors, secret, old, ['data']);
  return errors.concat(createSecret(secret));
}

export const validators: KindValidators = {
  '/Namespace': kindValidator<Namespace>({ create: createNamespace, update: updateNamespace, validateName: nameIsDnsLabel }),
  '/ConfigMap': kindValidator<ConfigMap>({ create: createConfigMap, update: updateConfigMap }),
  '/Secret': kindValidator<Secret>({ create: createSecret, update: updateSecret }),
  '/ServiceAccount': kindValidator<ServiceAccount>({ create: () => [] }),
};
