/**
 * Which objects belong to an owner: those that name it as their controller and
 * match its selector stay, those that no longer match are released, and orphans
 * that match are adopted. Decided here, written by `claim`.
 */
import type { LabelSelector } from '../../api/selectors/label-selector.ts';
import { ApiError } from '../../api/errors.ts';
import type { Client } from '../../client/client.ts';
import { isNotFound } from '../../client/failure.ts';
import type { ApiObject, Resource } from '../../client/resource.ts';
import { controllerOf, controllerReference } from './owner.ts';

export interface Claims<T> {
  readonly owned: T[];
  readonly adopt: T[];
  readonly release: T[];
}

/** `candidates`: what the owner controls and the orphans of its namespace. An owner that is being deleted adopts nothing. */
export function decideClaims<T extends ApiObject>(owner: ApiObject, selector: LabelSelector, candidates: readonly T[]): Claims<T> {
  const claims: Claims<T> = { owned: [], adopt: [], release: [] };
  const leaving = owner.metadata.deletionTimestamp !== undefined;
  for (const object of candidates) {
    const controller = controllerOf(object);
    const matches = selector.matches(object.metadata.labels);
    if (controller) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (matches) claims.owned.push(object);
      else if (!leaving) claims.release.push(object);
    } else if (matches && !leaving && object.metadata.deletionTimestamp === undefined) {
      claims.adopt.push(object);
    }
  }
  return claims;
}

/** Carries the decision out; what the owner has afterwards. What it has bears `finalizer`, where it wants one. */
export async function claim<T extends ApiObject>(
  client: Client,
  ownerResource: Resource,
  resource: Resource<T>,
  owner: ApiObject,
  selector: LabelSelector,
  candidates: readonly T[],
  signal: AbortSignal,
  finalizer?: string,
): Promise<T[]> {
  const { owned, adopt, release } = decideClaims(owner, selector, candidates);
  if (adopt.length === 0 && release.length === 0) return owned;
  await Promise.all(release.map((object) => releaseOne(client, resource, owner, object, signal, finalizer)));
  if (adopt.length > 0 && (await mayAdopt(client, ownerResource, owner, signal))) {
    const adopted = await Promise.all(adopt.map((object) => adoptOne(client, resource, owner, object, signal, finalizer)));
    owned.push(...adopted.filter((object) => object !== undefined));
  }
  return owned;
}

/** The informer may be behind: an owner that is gone, or another by now, must adopt nothing. */
async function mayAdopt(client: Client, ownerResource: Resource, owner: ApiObject, signal: AbortSignal): Promise<boolean> {
  const fresh = await client.get(ownerResource, owner.metadata, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  return fresh?.metadata.uid === owner.metadata.uid && fresh?.metadata.deletionTimestamp === undefined;
}

async function adoptOne<T extends ApiObject>(client: Client, resource: Resource<T>, owner: ApiObject, object: T, signal: AbortSignal, finalizer?: string): Promise<T | undefined> {
  const patch = { metadata: { ownerReferences: [controllerReference(owner)], uid: object.metadata.uid, ...(finalizer ? { finalizers: [finalizer] } : {}) } };
  try {
    return await client.patch(resource, object.metadata, patch, { type: 'strategic', signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function releaseOne<T extends ApiObject>(client: Client, resource: Resource<T>, owner: ApiObject, object: T, signal: AbortSignal, finalizer?: string): Promise<void> {
  const withoutFinalizer = finalizer ? { '$deleteFromPrimitiveList/finalizers': [finalizer] } : {};
  const patch = { metadata: { ownerReferences: [{ $patch: 'delete', uid: owner.metadata.uid }], uid: object.metadata.uid, ...withoutFinalizer } };
  try {
    await client.patch(resource, object.metadata, patch, { type: 'strategic', signal });
  } catch (error) {
    // Gone, or another object, or no longer ours: in every case it is released.
    if (error instanceof ApiError && (error.code === 404 || error.code === 422)) return;
    throw error;
  }
}
