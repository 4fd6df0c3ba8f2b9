/** Volumes of a pod spec, and the sources that persistent volumes share with them. */
import type { AzureDiskVolumeSource, DownwardAPIVolumeFile, HostPathVolumeSource, ISCSIVolumeSource, RBDVolumeSource, ScaleIOVolumeSource, Volume, VolumeProjection } from '../types/core-v1.ts';
import { defaultClaimSpec, defaultFieldRef, defaultResourceFieldRef, pullPolicyOf } from './core-parts.ts';

/** 0644, what secrets, config maps, downward API and projected files get. */
const fileMode = 420;

export function defaultVolume(volume: Volume): void {
  if (isSourceless(volume)) volume.emptyDir = {};
  if (volume.image) volume.image.pullPolicy ||= pullPolicyOf(volume.image.reference ?? '');
  if (volume.hostPath) defaultHostPath(volume.hostPath);
  if (volume.secret) volume.secret.defaultMode ??= fileMode;
  if (volume.configMap) volume.configMap.defaultMode ??= fileMode;
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= fileMode;
    for (const item of volume.downwardAPI.items ?? []) defaultFile(item);
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= fileMode;
    for (const source of volume.projected.sources ?? []) defaultProjection(source);
  }
  if (volume.iscsi) defaultIscsi(volume.iscsi);
  if (volume.rbd) defaultRbd(volume.rbd);
  if (volume.azureDisk) defaultAzureDisk(volume.azureDisk);
  if (volume.scaleIO) defaultScaleIo(volume.scaleIO);
  const template = volume.ephemeral?.volumeClaimTemplate;
  if (!template) return;
  template.metadata ??= {};
  defaultClaimSpec((template.spec ??= {}));
}

function isSourceless(volume: Volume): boolean {
  for (const field in volume) if (field !== 'name' && volume[field as keyof Volume] !== undefined) return false;
  return true;
}

function defaultFile(file: DownwardAPIVolumeFile): void {
  defaultFieldRef(file.fieldRef);
  defaultResourceFieldRef(file.resourceFieldRef);
}

function defaultProjection(source: VolumeProjection): void {
  for (const item of source.downwardAPI?.items ?? []) defaultFile(item);
  if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
}

export function defaultHostPath(source: HostPathVolumeSource): void {
  source.type ??= '';
}

export function defaultIscsi(source: Pick<ISCSIVolumeSource, 'iscsiInterface'>): void {
  source.iscsiInterface ||= 'default';
}

export function defaultRbd(source: Pick<RBDVolumeSource, 'pool' | 'user' | 'keyring'>): void {
  source.pool ||= 'rbd';
  source.user ||= 'admin';
  source.keyring ||= '/etc/ceph/keyring';
}

export function defaultAzureDisk(source: AzureDiskVolumeSource): void {
  source.cachingMode ??= 'ReadWrite';
  source.fsType ??= 'ext4';
  source.readOnly ??= false;
  source.kind ??= 'Shared';
}

export function defaultScaleIo(source: Pick<ScaleIOVolumeSource, 'storageMode' | 'fsType'>): void {
  source.storageMode ||= 'ThinProvisioned';
  source.fsType ||= 'xfs';
}
