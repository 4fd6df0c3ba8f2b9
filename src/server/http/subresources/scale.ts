import { applyScale, scaleOf } from '../../../api/conversion/scale.ts';
import * as errors from '../../../api/errors.ts';
import type { ResourceInfo } from '../../../api/catalogue.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Scale } from '../../../api/types/autoscaling-v1.ts';
import { encodeUtf8 } from '../../../base/bytes.ts';
import { parentManagers, scaleManagers } from '../../registry/managed-fields/scale-entries.ts';
import { trackChange } from '../../registry/managed-fields/track.ts';
import { subjectOf } from '../../registry/registry.ts';
import { applyType, readConfiguration, type ApplyTo } from '../apply-path.ts';
import { changeContextOf, type ResourceCall } from '../call.ts';
import { decodeAs, matchPath } from '../decode-body.ts';
import { patchTypeOf, readPatch, type ApplyPatch } from '../patch-body.ts';
import { writeOptionsOf, type WriteOptions } from '../request-options.ts';
import { sendObject } from '../respond.ts';

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
export const scaleType = 'io.k8s.api.autoscaling.v1.Scale';

/** GET, PUT and PATCH of .../scale: the replicas of any resource that has them, as autoscaling/v1 Scale. */
export async function serveScale(call: ResourceCall): Promise<void> {
  const { parts, stored, info } = call;
  const { registry } = parts;
  const answer = (object: KubeObject) =>
    sendObject(call, 200, encodeUtf8(JSON.stringify(scaleOf(object))), { ...scaleKind, type: scaleType });
  if (info.verb === 'get') return answer((await registry.mustGet(stored, info.namespace, info.name)).object);

  const applies = info.verb === 'patch' && patchTypeOf(call) === applyType;
  const options = writeOptionsOf(info.query, info.verb === 'patch' ? 'PatchOptions' : 'UpdateOptions', applies);
  const ofScale = { ...call, resource: scaleResource(call) };
  const asked = applies ? await readConfiguration(ofScale, options) : await readScale(ofScale, options);
  const written = await registry.update(
    stored,
    info.name,
    ({ object: current, managed }) => {
      const owners = scaleManagers(managed, call.resource, scaleKind);
      const before = scaleOf(current) as unknown as KubeObject;
      const { object: wanted = before, managed: scaleOwners } = asked(before, owners);
      const scale = wanted as unknown as Scale;
      matchPath(wanted, info.namespace, info.name);
      checkReplicas(scale, info.name);
      const { uid, resourceVersion } = scale.metadata;
      if (uid && uid !== current.metadata.uid)
        throw errors.conflict(subjectOf(stored, info.name), `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid ?? ''}`);
      if (resourceVersion && resourceVersion !== current.metadata.resourceVersion)
        throw errors.conflict(subjectOf(stored, info.name), errors.staleObject);
      const { metadata, ...rest } = applyScale(current, scale);
      const { resourceVersion: _, ...unconditional } = metadata;
      // A scale without a resourceVersion, and a patch, take whatever stands there.
      const object = { ...rest, metadata: !resourceVersion || info.verb === 'patch' ? unconditional : metadata };
      return { object, managed: parentManagers(managed, scaleOwners, call.resource) };
    },
    { ...changeContextOf(call, { ...options }), attributes: { ...call.attributes, subresource: '' } },
  );
  answer(written.object);
}

function scaleResource({ resource }: ResourceCall): ResourceInfo {
  return { ...resource, ...scaleKind, type: scaleType };
}

/** PUT, and patches that are no apply: what they make of a scale, and of who owns it. */
async function readScale(call: ResourceCall, options: WriteOptions): Promise<ApplyTo> {
  const { writer, now } = changeContextOf(call, { ...options });
  const change = await scaleChange(call, options);
  return (current, owners) => {
    const old = current as KubeObject;
    const object = change(old, owners);
    return { object, managed: trackChange(call.parts.catalogue, { stored: call.resource, old, object }, owners, writer, now) };
  };
}

async function scaleChange(call: ResourceCall, { fieldValidation }: WriteOptions): Promise<ApplyPatch> {
  if (call.info.verb === 'patch') return readPatch(call, fieldValidation);
  const scale = await decodeAs(call, scaleKind, scaleType, fieldValidation);
  scale.metadata ??= {};
  return () => scale;
}

function checkReplicas(scale: Scale, name: string): void {
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0)
    throw errors.invalid('autoscaling', 'Scale', name, [
      { reason: 'FieldValueInvalid', field: 'spec.replicas', message: `Invalid value: ${replicas}: must be greater than or equal to 0` },
    ]);
}
