/**
 * From the bytes of a request to an object in its storage version: parse by
 * Content-Type, check that it is what the path says, conform it to the schema
 * (unknown fields refused, warned of or dropped, as asked), default, convert.
 */
import type { ResourceInfo } from '../../api/catalogue.ts';
import { convert } from '../../api/conversion/convert.ts';
import { applyDefaults } from '../../api/defaulting/defaulters.ts';
import * as errors from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import type { GroupVersionKind } from '../../api/schema.ts';
import { decodeUtf8 } from '../../base/bytes.ts';
import { conform } from '../../codec/conform.ts';
import { findDuplicateFields, parseJson } from '../../codec/json.ts';
import { bodyMediaType, type MediaType } from '../../codec/negotiation.ts';
import { decodeProtobuf } from '../../codec/protobuf.ts';
import { cannotBeHandled, identify, unrecognized } from './body-kind.ts';
import type { Call } from './call.ts';
import type { FieldValidation } from './request-options.ts';

/** A parsed body, not yet looked at; `duplicates` are fields that JSON or YAML gave twice. */
interface RawBody {
  readonly value: unknown;
  readonly duplicates: readonly string[];
}

async function parseBody(call: Call, bytes: Uint8Array, expected: GroupVersionKind, fieldValidation: FieldValidation): Promise<RawBody> {
  const type = bodyMediaType(call.request.headers['content-type']);
  try {
    // Our own clients, within the process, write no field twice.
    return await parseAs(type, bytes, call.request.identity === undefined ? fieldValidation : 'Ignore');
  } catch (error) {
    if (!(error instanceof errors.ApiError)) throw error;
    throw unrecognized(expected, type === 'application/json' ? `couldn't get version/kind; json parse error: ${error.message}` : error.message, bytes);
  }
}

async function parseAs(type: MediaType, bytes: Uint8Array, fieldValidation: FieldValidation): Promise<RawBody> {
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
  const { value, duplicates } = await parseBody(call, bytes, expected, fieldValidation);
  const object = identify(value, expected, bytes);
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

/** The object's name and namespace must be what the path says; where they are missing they are filled in. */
export function matchPath(object: KubeObject, namespace: string, name: string): void {
  const { metadata } = object;
  if (namespace === '') delete metadata.namespace;
  else if (metadata.namespace && metadata.namespace !== namespace)
    throw errors.badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (name !== '') {
    if (!metadata.name) throw errors.badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
    if (metadata.name !== name) throw errors.badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
}
