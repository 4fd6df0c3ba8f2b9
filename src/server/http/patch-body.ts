/** Reads a PATCH body and returns what it does to an object in the version of the request. */
import * as errors from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import { parseJson } from '../../codec/json.ts';
import { applyJsonPatch } from '../registry/patch/json-patch.ts';
import { applyMergePatch } from '../registry/patch/merge-patch.ts';
import { applyStrategicMerge } from '../registry/patch/strategic-merge.ts';
import type { ResourceCall } from './call.ts';
import { conformBody } from './decode-body.ts';
import type { FieldValidation } from './request-options.ts';

const accepted = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json'] as const;

export async function readPatch(call: ResourceCall, fieldValidation: FieldValidation): Promise<(current: KubeObject) => KubeObject> {
  const { resource } = call;
  const type = (call.request.headers['content-type'] ?? '').split(';')[0]?.trim();
  if (!accepted.some((known) => known === type)) throw errors.unsupportedMediaType(accepted);
  const patch = parseJson(await call.request.body());
  const conformed = (object: KubeObject): KubeObject => {
    conformBody(call, object, resource, resource.type, fieldValidation, []);
    return object;
  };
  switch (type) {
    case 'application/json-patch+json':
      return (current) => conformed(ownTop(applyJsonPatch(current, patch)));
    case 'application/merge-patch+json':
      return (current) => conformed(ownTop(applyMergePatch(current, patch)));
    default:
      return (current) => conformed(ownTop(applyStrategicMerge(current, patch, resource.type)));
  }
}

/** Patches share what they leave alone with the current object, which must not change: a copy for the steps to come. */
function ownTop(patched: unknown): KubeObject {
  if (typeof patched !== 'object' || patched === null || Array.isArray(patched)) throw errors.badRequest('the patched object is not a JSON object');
  return JSON.parse(JSON.stringify(patched)) as KubeObject;
}
