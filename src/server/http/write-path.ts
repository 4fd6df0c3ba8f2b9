/**
 * The way of one write. By the time a call comes here it is authenticated, let
 * in and authorized (serve.ts). From here on:
 *
 *   decode -> [change the current object] -> mutate -> default -> validate ->
 *   admit -> commit on condition -> respond
 *
 * The steps from mutate to commit are the registry's, because a lost race
 * repeats them. After the commit the write travels through the store's watch
 * into the watch cache, and from there to everyone who watches.
 */
import { convert } from '../../api/conversion/convert.ts';
import * as errors from '../../api/errors.ts';
import { deleteObject, type Deletion } from '../registry/deletion.ts';
import type { Changed, Stored, Written } from '../registry/registry.ts';
import { applyType, serveApply, unconditional } from './apply-path.ts';
import { changeContextOf, type ResourceCall } from './call.ts';
import { decodeObject, matchPath, toStorage } from './decode-body.ts';
import { deleteCollection } from './delete-collection.ts';
import { patchTypeOf, readPatch } from './patch-body.ts';
import { deleteOptionsOfCall } from './delete-options.ts';
import { writeOptionsOf } from './request-options.ts';
import { sendStatus, sendWritten } from './respond.ts';

export async function serveWrite(call: ResourceCall): Promise<void> {
  switch (call.info.verb) {
    case 'create':
      return create(call);
    case 'update':
      return update(call);
    case 'patch':
      return patch(call);
    case 'delete':
      return remove(call);
    default:
      return deleteCollection(call);
  }
}

async function create(call: ResourceCall): Promise<void> {
  const { parts, resource, stored, info } = call;
  const requestedAt = parts.clock.monotonic();
  const options = writeOptionsOf(info.query, 'CreateOptions');
  const object = await decodeObject(call, resource, stored, options.fieldValidation);
  if (object.metadata.namespace === undefined && resource.namespaced) object.metadata.namespace = info.namespace;
  matchPath(object, info.namespace, '');
  if (object.metadata.resourceVersion) throw errors.apiError(500, '', 'resourceVersion should not be set on objects to be created');
  const written = await parts.registry.create(stored, object, changeContextOf(call, { ...options }));
  if (!options.dryRun) parts.startups.created(stored, written.object, requestedAt);
  sendWritten(call, 201, written.bytes);
}

async function update(call: ResourceCall): Promise<void> {
  const { parts, resource, stored, info } = call;
  const options = writeOptionsOf(info.query, 'UpdateOptions');
  const object = await decodeObject(call, resource, stored, options.fieldValidation);
  matchPath(object, info.namespace, info.name);
  const context = changeContextOf(call, { ...options });
  let written: Written;
  try {
    written = await parts.registry.update(stored, info.name, () => ({ object }), context, { isReplacement: true });
  } catch (error) {
    const missing = error instanceof errors.ApiError && error.reason === 'NotFound';
    const mayCreate = parts.registry.parts.strategyFor(stored).allowCreateOnUpdate && info.subresource === '';
    if (!missing || !mayCreate) throw error;
    if (object.metadata.resourceVersion) throw error;
    written = await parts.registry.create(stored, object, context);
  }
  sendWritten(call, written.created ? 201 : 200, written.bytes);
}

async function patch(call: ResourceCall): Promise<void> {
  const { parts, resource, stored, info } = call;
  const applies = patchTypeOf(call) === applyType;
  const options = writeOptionsOf(info.query, 'PatchOptions', applies);
  if (applies) return serveApply(call, options);
  const apply = await readPatch(call, options.fieldValidation);
  const change = ({ object: current, managed }: Stored): Changed => {
    const before = resource === stored ? current : convert(current, stored, resource);
    const patched = apply(before, managed);
    matchPath(patched, info.namespace, info.name);
    const wanted = toStorage(patched, resource, stored);
    return { object: unconditional(wanted, current) };
  };
  const written = await parts.registry.update(stored, info.name, change, changeContextOf(call, { ...options }));
  sendWritten(call, 200, written.bytes);
}

async function remove(call: ResourceCall): Promise<void> {
  const { parts, stored, info } = call;
  const { options, dryRun } = await deleteOptionsOfCall(call);
  const context = changeContextOf(call, { ...options, dryRun });
  const deletion = await deleteObject(parts.registry, stored, info.name, options, context);
  if (deletion.gone && !parts.registry.parts.strategyFor(stored).returnsDeletedObject) sendStatus(call, goneStatus(call, deletion));
  else sendWritten(call, !deletion.gone && options.orphanDependents === false ? 202 : 200, deletion.written.bytes);
}

function goneStatus({ resource, info }: ResourceCall, { written }: Deletion) {
  const details: { name: string; kind: string; group?: string; uid?: string } = { name: info.name, kind: resource.resource };
  if (resource.group !== '') details.group = resource.group;
  if (written.object.metadata.uid) details.uid = written.object.metadata.uid;
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details, code: 200 } as const;
}
