/** The writes by which a claim and a volume become one. Each is made only where it changes something, and fails where somebody was faster. */
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus } from '../../api/types/core-v1.ts';
import { equal } from '../../base/equality.ts';
import type { Client } from '../../client/client.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../client/resources.ts';
import { bindCompleted, boundByController } from '../runtime/storage-annotations.ts';

const marked = 'yes';

/** In upstream's order: whoever dies between finds a volume that names the claim, and goes on. */
export async function bind(client: Client, volume: PersistentVolume, claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
  const reserved = await reserve(client, volume, claim, signal);
  await setVolumePhase(client, reserved, 'Bound', '', signal);
  const bound = await nameVolume(client, reserved, claim, signal);
  await setClaimStatus(client, bound, boundStatus(bound, reserved), signal);
}

async function reserve(client: Client, volume: PersistentVolume, claim: PersistentVolumeClaim, signal: AbortSignal): Promise<PersistentVolume> {
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  const ref = volume.spec?.claimRef;
  if (ref?.name === name && ref?.namespace === namespace && ref?.uid === uid) return volume;
  const annotations = ref ? {} : { annotations: { [boundByController]: marked } };
  const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion };
  const patch = { metadata: { resourceVersion: volume.metadata.resourceVersion, ...annotations }, spec: { claimRef } };
  return client.patch(persistentVolumes, volume.metadata, patch, { type: 'merge', signal });
}

async function nameVolume(client: Client, volume: PersistentVolume, claim: PersistentVolumeClaim, signal: AbortSignal): Promise<PersistentVolumeClaim> {
  const { metadata, spec } = claim;
  const named = spec?.volumeName === volume.metadata.name;
  if (named && metadata.annotations?.[bindCompleted] !== undefined) return claim;
  const annotations = { [bindCompleted]: marked, ...(named ? {} : { [boundByController]: marked }) };
  const patch = { metadata: { resourceVersion: metadata.resourceVersion, annotations }, spec: { volumeName: volume.metadata.name } };
  return client.patch(persistentVolumeClaims, metadata, patch, { type: 'merge', signal });
}

/** The capacity is taken over once: a file system that grows later is smaller than its volume for a while. */
export function boundStatus({ status }: PersistentVolumeClaim, { metadata, spec }: PersistentVolume): PersistentVolumeClaimStatus {
  const next: PersistentVolumeClaimStatus = { ...status, phase: 'Bound', accessModes: spec?.accessModes };
  if (status?.phase === 'Bound') return next;
  const before = metadata.annotations?.['volume.alpha.kubernetes.io/pre-resize-capacity'];
  next.capacity = before === undefined ? spec?.capacity : { ...spec?.capacity, storage: before };
  if (spec?.volumeAttributesClassName !== undefined) next.currentVolumeAttributesClassName = spec.volumeAttributesClassName;
  return next;
}

/** Of a claim that has no volume. */
export function unboundStatus({ status }: PersistentVolumeClaim, phase: 'Pending' | 'Lost'): PersistentVolumeClaimStatus {
  const { accessModes: _, capacity: __, currentVolumeAttributesClassName: ___, ...rest } = status ?? {};
  return { ...rest, phase };
}

/** Resolves to whether there was something to write. */
export async function setClaimStatus(client: Client, claim: PersistentVolumeClaim, status: PersistentVolumeClaimStatus, signal: AbortSignal): Promise<boolean> {
  if (equal(claim.status ?? {}, status)) return false;
  await client.updateStatus(persistentVolumeClaims, { ...claim, status }, { signal });
  return true;
}

/** Resolves to whether there was something to write. */
export async function setVolumePhase(client: Client, volume: PersistentVolume, phase: string, message: string, signal: AbortSignal): Promise<boolean> {
  const { status } = volume;
  if (status?.phase === phase && (status.message ?? '') === message) return false;
  const next = { ...status, phase, message, reason: undefined };
  await client.updateStatus(persistentVolumes, { ...volume, status: next }, { signal });
  return true;
}
