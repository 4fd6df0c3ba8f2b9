/**
 * From the bytes of a request to an object in its storage version: parse by
 * Content-Type, check that it is what the path says, conform it to the schema
 * (unknown fields refused, warned of or dropped, as asked), default, convert.
 */
import type { ResourceInfo } from '../../api/catalogue.ts';
import { convert } from '../../api/conversion/convert.ts';
import { applyDefaults } from '../../api/defaulting/defaulters.ts';
import * as errors from '../../api/errors.ts';
import { formatGroupVersion, parseGroupVersion, type KubeObject } from '../../api/object.ts';
import type { GroupVersionKind } from '../../api/schema.ts';
import { decodeUtf8 } from '../../base/bytes.ts';
import { conform } from '../../codec/conform.ts';
import { findDuplicateFields, parseJson } from '../../codec/json.ts';
import { bodyMediaType } from '../../codec/negotiation.ts';
import { decodeProtobuf } from '../../codec/protobuf.ts';
import type { Call } from './call.ts';
import type { FieldValidation } from './request-options.ts';

/** A parsed body, not yet looked at; `duplicates` are fields that JSON or YAML gave twice. */
interface RawBody {
  readonly value: unknown;
  readonly duplicates: readonly string[];
}

async function parseBody(call: Call, bytes: Uint8Array, fieldValidation: FieldValidation): Promise<RawBody> {
  const type = bodyMediaType(call.request.headers['content-type']);
  switch (type) {
    case 'application/json':
      return { value: parseJson(bytes), duplicates: fieldValidation === 'Ignore' ? [] : findDuplicateFields(decodeUtf8(bytes)) };
    case 'application/vnd.kubernetes.protobuf':
      return { value: decodeProtobuf(bytes), duplicates: [] };
    case 'application/yaml': {
      const { parseYaml } = await import('../../codec/yaml.ts');
      return { value: parseYaml(decodeUtf8(bytes)), duplicates: [] };
    }
  }
}

/** Reads and decodes the body as `expected`; for the types of subresources and options, which are not stored. */
export async function decodeAs(call: Call, expected: GroupVersionKind, typeName: string, fieldValidation: FieldValidation): Promise<KubeObject> {
  const bytes = await call.request.body();
  const { value, duplicates } = await parseBody(call, bytes, fieldValidation);
  const object = identify(value, expected);
  conformBody(call, object, expected, typeName, fieldValidation, duplicates);
  return object;
}

/** Reads and decodes the body as an object of the resource; returns it in the storage version, defaulted. */
export async function decodeObject(
  call: Call,
  resource: ResourceInfo,
  stored: ResourceInfo,
  fieldValidation: FieldValidation,
): Promise<KubeObject> {
  const object = await decodeAs(call, resource, resource.type, fieldValidation);
  return toStorage(object, resource, stored);
}

/** Defaults the object in the version it came in, and converts it to the one that is stored. */
export function toStorage(object: KubeObject, resource: ResourceInfo, stored: ResourceInfo): KubeObject {
  object.metadata ??= {};
  applyDefaults(resource.group, resource.version, resource.kind, object);
  return resource === stored ? object : convert(object, resource, stored);
}

export function conformBody(
  call: Call,
  object: KubeObject,
  expected: GroupVersionKind,
  typeName: string,
  fieldValidation: FieldValidation,
  duplicates: readonly string[],
): void {
  const { unknown } = conform(object, typeName, { kind: expected.kind, version: expected.version });
  if (fieldValidation === 'Ignore' || (unknown.length === 0 && duplicates.length === 0)) return;
  const complaints = [...unknown.map((path) => `unknown field "${path}"`), ...duplicates.map((path) => `duplicate field "${path}"`)];
  if (fieldValidation === 'Strict') throw cannotBeHandled(expected, expected, `strict decoding error: ${complaints.join(', ')}`);
  for (const complaint of complaints) call.warnings.add(complaint);
}

/** Fills a missing kind and version from the path, and refuses ones that do not fit it. */
function identify(value: unknown, expected: GroupVersionKind): KubeObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw cannotBeHandled(expected, expected, `json: cannot unmarshal ${jsonTypeOf(value)} into Go value of type ${expected.version}.${expected.kind}`);
  const object = value as KubeObject;
  const apiVersion = formatGroupVersion(expected);
  if (object.apiVersion === undefined || object.apiVersion === '') object.apiVersion = apiVersion;
  if (object.kind === undefined || object.kind === '') object.kind = expected.kind;
  if (typeof object.apiVersion !== 'string') throw cannotBeHandled(expected, expected, 'json: cannot unmarshal into Go struct field .apiVersion of type string');
  if (typeof object.kind !== 'string') throw cannotBeHandled(expected, expected, 'json: cannot unmarshal into Go struct field .kind of type string');
  if (object.apiVersion !== apiVersion) {
    throw errors.badRequest(
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersion})`,
    );
  }
  if (object.kind !== expected.kind) {
    const { version } = parseGroupVersion(object.apiVersion);
    throw cannotBeHandled({ ...expected, kind: object.kind }, expected, `converting (${version}.${object.kind}) to (${expected.version}.${expected.kind}): unknown conversion`);
  }
  return object;
}

function cannotBeHandled(found: GroupVersionKind, expected: GroupVersionKind, why: string): errors.ApiError {
  return errors.badRequest(`${found.kind} in version "${found.version}" cannot be handled as a ${expected.kind}: ${why}`);
}

function jsonTypeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** The object's name and namespace must be what the path says; where they are missing they are filled in. */
export function matchPath(object: KubeObject, namespace: string, name: string): void {
  const { metadata } = object;
  if (metadata.namespace && metadata.namespace !== namespace)
    throw errors.badRequest(
      namespace === ''
        ? 'namespace must not be set on cluster-scoped objects'
        : `the namespace of the provided object does not match the namespace sent on the request`,
    );
  if (name !== '') {
    if (!metadata.name) throw errors.badRequest('name must be provided');
    if (metadata.name !== name) throw errors.badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
}
