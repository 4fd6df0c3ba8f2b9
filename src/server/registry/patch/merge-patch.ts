/** RFC 7386. Inputs are never changed; the result shares what it left alone. */
import { badRequest } from '../../../api/errors.ts';
import { copyFields, field, isFields, jsonKind, refuseTooDeep, setField } from './json-values.ts';

/** Throws ApiError 400 where the patch is no object: objects of the API are always objects. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (patch === null) throw badRequest('Invalid JSON Patch');
  if (!isFields(patch))
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${jsonKind(patch)} into Go value of type map[string]interface {}`,
    );
  refuseTooDeep(patch);
  return merge(document, patch);
}

function merge(document: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const merged = isFields(document) ? copyFields(document) : {};
  for (const name of Object.keys(patch)) {
    const value = patch[name];
    if (value === null) delete merged[name];
    else setField(merged, name, merge(field(merged, name), value));
  }
  return merged;
}
