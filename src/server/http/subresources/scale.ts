import { applyScale, scaleOf } from '../../../api/conversion/scale.ts';
import * as errors from '../../../api/errors.ts';
import type { ResourceInfo } from '../../../api/catalogue.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Scale } from '../../../api/types/autoscaling-v1.ts';
import { encodeUtf8 } from '../../../base/bytes.ts';
import type { ManagedFields } from '../../registry/managed-fields/managed-fields.ts';
import { parentManagers, scaleManagers } from '../../registry/managed-fields/scale-entries.ts';
import { trackChange } from '../../registry/managed-fields/track.ts';
import { subjectOf } from '../../registry/registry.ts';
import { changeContextOf, type ResourceCall } from '../call.ts';
import { decodeAs, matchPath } from '../decode-body.ts';
import { readPatch } from '../patch-body.ts';
import { writeOptionsOf } from '../request-options.ts';
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

  const options = writeOptionsOf(info.query, info.verb === 'patch' ? 'PatchOptions' : 'UpdateOptions');
  const asked = await askedScale(call, options.fieldValidation);
  const context = changeContextOf(call, { ...options });
  const writer = { ...context.writer, resource: scaleResource(call) };
  const written = await registry.update(
    stored,
    info.name,
    ({ object: current, managed }) => {
      const before = scaleOf(current);
      const owners = scaleManagers(managed, call.resource, scaleKind);
      const scale = asked(before, owners);
      matchPath(scale as unknown as KubeObject, info.namespace, info.name);
      checkReplicas(scale, info.name);
      const { uid, resourceVersion } = scale.metadata;
      if (uid && uid !== current.metadata.uid)
        throw errors.conflict(subjectOf(stored, info.name), `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid ?? ''}`);
      if (resourceVersion && resourceVersion !== current.metadata.resourceVersion)
        throw errors.conflict(subjectOf(stored, info.name), errors.staleObject);
      const change = { stored: writer.resource, old: before as unknown as KubeObject, object: scale as unknown as KubeObject };
      const nowOwned = parentManagers(managed, trackChange(parts.catalogue, change, owners, writer, context.now), call.resource);
      const changed = applyScale(current, scale);
      // A scale without a resourceVersion, and a patch, take whatever stands there.
      if (!resourceVersion || info.verb === 'patch') {
        const { resourceVersion: _, ...metadata } = changed.metadata;
        return { object: { ...changed, metadata }, managed: nowOwned };
      }
      return { object: changed, managed: nowOwned };
    },
    { ...context, attributes: { ...call.attributes, subresource: '' } },
  );
  answer(written.object);
}

function scaleResource({ resource }: ResourceCall): ResourceInfo {
  return { ...resource, ...scaleKind, type: scaleType };
}

async function askedScale(call: ResourceCall, fieldValidation: 'Ignore' | 'Warn' | 'Strict'): Promise<(before: Scale, owners: ManagedFields) => Scale> {
  if (call.info.verb === 'patch') {
    const apply = await readPatch({ ...call, resource: scaleResource(call) }, fieldValidation);
    return (before, owners) => apply(before as unknown as KubeObject, owners) as unknown as Scale;
  }
  const scale = (await decodeAs(call, scaleKind, scaleType, fieldValidation)) as unknown as Scale;
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
