/** Reads the body of a PATCH that is not an apply, and returns what it does to an object in the version of the request. */
import * as errors from '../../api/errors.ts';
import { formatGroupVersion, parseGroupVersion, type KubeObject } from '../../api/object.ts';
import { goQuote } from '../../api/validation/go-format.ts';
import { copyJson, parseJson } from '../../codec/json.ts';
import { ManagedFields } from '../registry/managed-fields/managed-fields.ts';
import { applyJsonPatch } from '../registry/patch/json-patch.ts';
import { applyMergePatch } from '../registry/patch/merge-patch.ts';
import { applyStrategicMerge } from '../registry/patch/strategic-merge.ts';
import { applyType } from './apply-path.ts';
import { jsonTypeOf, mismatch, typeMetaProblem } from './body-kind.ts';
import type { ResourceCall } from './call.ts';
import { conformBody } from './decode-body.ts';
import type { FieldValidation } from './request-options.ts';

type PatchType = (typeof accepted)[number];

const accepted = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', applyType] as const;

const strategic: PatchType = 'application/strategic-merge-patch+json';

/** Throws 415 for one that is not known. */
export function patchTypeOf(call: ResourceCall): PatchType {
  const type = (call.request.headers['content-type'] ?? '').split(';')[0]?.trim();
  const found = accepted.find((known) => known === type);
  if (found === undefined) throw errors.unsupportedRequestType();
  return found;
}

/** What a patch makes of an object in the version of the request. */
export type ApplyPatch = (current: KubeObject, managed: ManagedFields) => KubeObject;

export async function readPatch(call: ResourceCall, fieldValidation: FieldValidation): Promise<ApplyPatch> {
  const { resource } = call;
  const type = patchTypeOf(call);
  const patch = readJson(await call.request.body(), type);
  const conformed = (patched: unknown): KubeObject => {
    const shown = () => (type === strategic ? goValue(patch) : JSON.stringify(patched));
    const wrong = typeMetaProblem(patched);
    if (wrong !== undefined) throw refusedPatch(shown(), wrong);
    // Patches share what they leave alone with the current object, which must not change: a copy for the steps to come.
    const object = copyJson(patched) as KubeObject;
    const found = { ...parseGroupVersion(object.apiVersion ?? ''), kind: object.kind ?? '' };
    const why = formatGroupVersion(found) === formatGroupVersion(resource) && found.kind === resource.kind ? undefined : mismatch(found, resource);
    if (why !== undefined) throw refusedPatch(shown(), why);
    object.apiVersion = formatGroupVersion(resource);
    try {
      conformBody(call, object, resource, resource.type, fieldValidation, []);
    } catch (error) {
      if (!(error instanceof errors.ApiError)) throw error;
      // The object is not what the client sent: what it comes to is shown along with what is wrong.
      throw refusedPatch(shown(), error.message.replace(/^.*? cannot be handled as a \w+: /, ''));
    }
    return object;
  };
  switch (type) {
    case 'application/json-patch+json':
      return (current, managed) => conformed(applyJsonPatch(withManagedFields(current, managed), patch));
    case 'application/merge-patch+json':
      return (current, managed) => conformed(applyMergePatch(mentionsManagers(patch) ? withManagedFields(current, managed) : current, patch));
    default:
      return (current, managed) => conformed(applyStrategicMerge(mentionsManagers(patch) ? withManagedFields(current, managed) : current, patch, resource.type));
  }
}

function mentionsManagers(patch: unknown): boolean {
  return (patch as { metadata?: { managedFields?: unknown } | null } | null)?.metadata?.managedFields !== undefined;
}

function withManagedFields(current: KubeObject, managed: ManagedFields): KubeObject {
  return managed === ManagedFields.none ? current : { ...current, metadata: { ...current.metadata, managedFields: managed.toList() } };
}

/** Parsed, and of the form that its type has. */
function readJson(bytes: Uint8Array, type: PatchType): unknown {
  if (type === strategic) return parseJson(bytes);
  let patch: unknown;
  try {
    patch = parseJson(bytes);
  } catch (error) {
    throw error instanceof errors.ApiError ? errors.badRequest(`error decoding patch: ${error.message}`) : error;
  }
  const wrong = type === 'application/merge-patch+json' ? mergeProblem(patch) : operationsProblem(patch);
  if (wrong !== undefined) throw errors.badRequest(wrong);
  return patch;
}

function mergeProblem(patch: unknown): string | undefined {
  if (patch === null) return 'Invalid JSON Patch';
  const type = jsonTypeOf(patch);
  return type === 'object' ? undefined : `error decoding patch: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
}

function operationsProblem(patch: unknown): string | undefined {
  const refused = (value: unknown, goType: string) => `error decoding patch: json: cannot unmarshal ${jsonTypeOf(value)} into Go value of type ${goType}`;
  if (!Array.isArray(patch)) return refused(patch, '[]handlers.jsonPatchOp');
  const stray = patch.find((operation) => jsonTypeOf(operation) !== 'object') as unknown;
  return stray === undefined ? undefined : refused(stray, 'handlers.jsonPatchOp');
}

function refusedPatch(shown: string, why: string): errors.ApiError {
  return errors.invalid('', '', '', [{ reason: 'FieldValueInvalid', field: 'patch', message: `Invalid value: ${goQuote(shown)}: ${why}` }]);
}

/** A parsed value as Go's %v prints it: `map[data:x]`. */
function goValue(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${fields.map(([name, field]) => `${name}:${goValue(field)}`).join(' ')}]`;
}
