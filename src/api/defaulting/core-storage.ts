/** Persistent volumes and claims. */
import type { PersistentVolume, PersistentVolumeClaim } from '../types/core-v1.ts';
import { defaultClaimSpec, roundAmounts } from './core-parts.ts';
import { defaultAzureDisk, defaultHostPath, defaultIscsi, defaultRbd, defaultScaleIo } from './core-volume.ts';
import type { Defaulters } from './kind-defaulter.ts';
import { defaulter } from './kind-defaulter.ts';

function defaultVolume(volume: PersistentVolume): void {
  volume.status ??= {};
  volume.status.phase ||= 'Pending';
  const spec = (volume.spec ??= {});
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  roundAmounts(spec.capacity);
  if (spec.hostPath) defaultHostPath(spec.hostPath);
  if (spec.rbd) defaultRbd(spec.rbd);
  if (spec.iscsi) defaultIscsi(spec.iscsi);
  if (spec.azureDisk) defaultAzureDisk(spec.azureDisk);
  if (spec.scaleIO) defaultScaleIo(spec.scaleIO);
}

function defaultClaim(claim: PersistentVolumeClaim): void {
  claim.status ??= {};
  claim.status.phase ||= 'Pending';
  defaultClaimSpec((claim.spec ??= {}));
  roundAmounts(claim.status.capacity);
  roundAmounts(claim.status.allocatedResources);
}

export const defaulters: Defaulters = {
  '/v1/PersistentVolume': defaulter<PersistentVolume>(defaultVolume),
  '/v1/PersistentVolumeClaim': defaulter<PersistentVolumeClaim>(defaultClaim),
};
