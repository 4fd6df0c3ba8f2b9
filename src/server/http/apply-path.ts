/**
 * PATCH application/apply-patch+yaml: server-side apply. It creates what is not
 * there yet; a lost race starts again, whichever of the two it was to be.
 */
import { convert } from '../../api/conversion/convert.ts';
import * as errors from '../../api/errors.ts';
import { formatGroupVersion, type KubeObject } from '../../api/object.ts';
import { decodeUtf8 } from '../../base/bytes.ts';
import { cannotBeHandled, conform } from '../../codec/conform.ts';
import { findDuplicateFields } from '../../codec/json.ts';
import { applyConfiguration, titleOf, type Application, type Applied } from '../registry/managed-fields/apply.ts';
import { ManagedFields } from '../registry/managed-fields/managed-fields.ts';
import { serverFailure } from '../registry/managed-fields/server-failure.ts';
import { subjectOf, tooManyRaces, type Changed, type Written } from '../registry/registry.ts';
import { jsonTypeOf } from './body-kind.ts';
import { changeContextOf, type ResourceCall } from './call.ts';
import { matchPath, toStorage } from './decode-body.ts';
import type { WriteOptions } from './request-options.ts';
import { sendWritten } from './respond.ts';

export const applyType = 'application/apply-patch+yaml';

const attemptsMax = 64;

/** What a configuration makes of an object in the version of the request; without one, a new object. */
export type ApplyTo = (current: KubeObject | undefined, managed: ManagedFields) => Applied;

export async function serveApply(call: ResourceCall, options: WriteOptions): Promise<void> {
  const { parts, resource, stored, info } = call;
  const { registry } = parts;
  const context = changeContextOf(call, { ...options });
  const applyTo = await readConfiguration(call, options);
  const inStorage = (current: KubeObject | undefined, managed: ManagedFields): Changed => {
    const before = current && resource !== stored ? convert(current, stored, resource) : current;
    const applied = applyTo(before, managed);
    const object = applied.object && toStorage(applied.object, resource, stored);
    if (object) matchPath(object, info.namespace, info.name);
    return { object: unconditional(object ?? (current as KubeObject), current), managed: applied.managed };
  };
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    let written: Written;
    try {
      written = await registry.update(stored, info.name, ({ object, managed }) => inStorage(object, managed), context);
    } catch (error) {
      if (!isReason(error, 'NotFound') || info.subresource !== '') throw error;
      try {
        written = await create(call, inStorage(undefined, ManagedFields.none), context);
      } catch (failure) {
        if (isReason(failure, 'AlreadyExists')) continue;
        throw failure;
      }
    }
    return sendWritten(call, written.created ? 201 : 200, written.bytes);
  }
  throw tooManyRaces(stored, info.name);
}

function isReason(error: unknown, reason: string): boolean {
  return error instanceof errors.ApiError && error.reason === reason;
}

async function create(call: ResourceCall, { object, managed }: Changed, context: ReturnType<typeof changeContextOf>): Promise<Written> {
  const { parts, stored, info } = call;
  const { uid } = object.metadata;
  if (uid) throw errors.conflict(subjectOf(stored, info.name), `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
  return parts.registry.create(stored, object, context, managed);
}

/** Reads the body; what it makes of an object is decoded, but not defaulted. */
export async function readConfiguration(call: ResourceCall, options: WriteOptions): Promise<ApplyTo> {
  const text = decodeUtf8(await call.request.body());
  const { configuration, duplicates } = await parseConfiguration(text);
  const { resource, warnings } = call;
  const { writer, now } = changeContextOf(call, { ...options });
  const application: Application = { catalogue: call.parts.catalogue, configuration, writer, force: options.force ?? false, now };
  return (current, managed) => {
    const applied = applyConfiguration(current, managed, application);
    if (options.fieldValidation === 'Strict' && duplicates.length > 0) throw errors.badRequest(`error strict decoding YAML: ${repeatedKeys(duplicates)}`);
    if (options.fieldValidation === 'Warn') for (const line of duplicates) warnings.add(line);
    if (!applied.object) return applied;
    // What is merged shares parts with the current object, which must not change.
    const object = JSON.parse(JSON.stringify(applied.object)) as KubeObject;
    decode(object, resource, configuration);
    return { object, managed: applied.managed };
  };
}

function decode(object: KubeObject, resource: ResourceCall['resource'], configuration: KubeObject): void {
  try {
    conform(object, resource.type, resource);
  } catch (error) {
    if (!(error instanceof errors.ApiError)) throw error;
    const why = error.message
      .replace(cannotBeHandled(resource.kind, resource.version, resource.kind, '').message, '')
      .replace(/^json: cannot unmarshal number .* of type (\w+)$/, 'cannot convert float64 to $1');
    const form = `${formatGroupVersion(resource)}, Kind=${resource.kind}`;
    throw serverFailure(`failed to convert new object (${titleOf(configuration)}) to proper version: unable to convert unstructured object to ${form}: ${why}`);
  }
  object.metadata ??= {};
}

/** Only what says a resourceVersion of its own is conditional on it: if it says this very one, the next attempt finds out. */
export function unconditional(object: KubeObject, current: KubeObject | undefined): KubeObject {
  if (!current || object.metadata.resourceVersion !== current.metadata.resourceVersion) return object;
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

interface Configuration {
  readonly configuration: KubeObject;
  /** A line for each key that is there twice. */
  readonly duplicates: readonly string[];
}

function repeatedKeys(lines: readonly string[]): string {
  return ['error converting YAML to JSON: yaml: unmarshal errors:', ...lines.map((line) => `  ${line}`)].join('\n');
}

async function parseConfiguration(text: string): Promise<Configuration> {
  const { value, duplicates } = (text.startsWith('{') && parseAsJson(text)) || (await parseAsYaml(text));
  if (value !== null && jsonTypeOf(value) !== 'object')
    throw errors.badRequest(`error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonTypeOf(value)} into Go value of type map[string]interface {}`);
  return { configuration: (value ?? {}) as KubeObject, duplicates };
}

/** JSON is YAML, and faster to read. Undefined where it is not JSON, or not without more ado. */
function parseAsJson(text: string): { readonly value: unknown; readonly duplicates: readonly string[] } | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return findDuplicateFields(text).length === 0 ? { value, duplicates: [] } : undefined;
  } catch {
    return undefined;
  }
}

async function parseAsYaml(text: string): Promise<{ readonly value: unknown; readonly duplicates: readonly string[] }> {
  const { parseYamlLoosely } = await import('../../codec/yaml.ts');
  try {
    return parseYamlLoosely(text);
  } catch (error) {
    throw error instanceof errors.ApiError ? errors.badRequest(`error decoding YAML: ${error.message}`) : error;
  }
}
