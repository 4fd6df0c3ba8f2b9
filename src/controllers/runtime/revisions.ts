/**
 * The templates that a DaemonSet or StatefulSet has had, as ControllerRevisions:
 * what pods are compared with and what `kubectl rollout undo` goes back to.
 */
import type { ControllerRevision } from '../../api/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { isAlreadyExists, isNotFound } from '../../client/failure.ts';
import type { ApiObject } from '../../client/resource.ts';
import { controllerRevisions } from '../../client/resources.ts';
import { equal } from '../../base/equality.ts';
import { controllerReference } from './owner.ts';
import { canonical, templateHash } from './template-hash.ts';

export const revisionHashLabel = 'controller-revision-hash';
const statefulHashLabel = 'controller.kubernetes.io/hash';
const historyDefault = 10;

interface Revised extends ApiObject {
  spec?: { template: PodTemplateSpec; revisionHistoryLimit?: number | undefined } | undefined;
}

/** What the label of a DaemonSet's pods holds; those of a StatefulSet hold the revision's full name. */
export function revisionHash(revision: ControllerRevision): string {
  return revision.metadata.labels?.[revisionHashLabel] ?? '';
}

export function revisionName(owner: ApiObject, hash: string): string {
  return `${(owner.metadata.name ?? '').slice(0, 223)}-${hash}`;
}

/** The revision of the owner's template; made, or raised to the newest, where it is not. `known` are the owner's revisions. */
export async function currentRevision(client: Client, owner: Revised, known: readonly ControllerRevision[], signal: AbortSignal): Promise<ControllerRevision> {
  const template = owner.spec?.template ?? {};
  // In the order of fields that clients compare it in, byte by byte.
  const data = JSON.parse(canonical({ spec: { template: { ...template, $patch: 'replace' } } })) as object;
  const newest = Math.max(0, ...known.map(({ revision }) => revision));
  const found = known.find((revision) => equal(revision.data, data));
  if (found) {
    if (found.revision === newest) return found;
    return client.update(controllerRevisions, { ...found, revision: newest + 1 }, { signal });
  }
  for (let collisions = 0; ; collisions++) {
    const wanted = newRevision(owner, template, data, newest + 1, templateHash(template, collisions));
    const created = await createUnlessThere(client, wanted, signal);
    if (equal(created.data, data)) return created;
  }
}

function newRevision(owner: Revised, template: PodTemplateSpec, data: object, revision: number, hash: string): ControllerRevision {
  const hashLabel = owner.kind === 'StatefulSet' ? statefulHashLabel : revisionHashLabel;
  const { namespace, annotations } = owner.metadata;
  return {
    metadata: {
      name: revisionName(owner, hash),
      namespace,
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      // Among them the cause of the change, for the history.
      ...(annotations ? { annotations } : {}),
      ownerReferences: [controllerReference(owner)],
    },
    data,
    revision,
  };
}

async function createUnlessThere(client: Client, wanted: ControllerRevision, signal: AbortSignal): Promise<ControllerRevision> {
  try {
    return await client.create(controllerRevisions, wanted, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return client.get(controllerRevisions, wanted.metadata, { signal });
  }
}

/** Deletes the oldest that no pod uses, beyond the owner's history limit. */
export async function pruneRevisions(client: Client, owner: Revised, known: readonly ControllerRevision[], inUse: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  const idle = known.filter((revision) => !inUse.has(revisionHash(revision)) && !inUse.has(revision.metadata.name ?? ''));
  const excess = idle.length - (owner.spec?.revisionHistoryLimit ?? historyDefault);
  for (const { metadata } of idle.toSorted((a, b) => a.revision - b.revision).slice(0, Math.max(0, excess))) {
    await client.delete(controllerRevisions, metadata, { signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
