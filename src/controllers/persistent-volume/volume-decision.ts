/** What to do about a volume, from what is known of it and of the claim that it names. */
import { modeOf } from '../../api/volume-matching.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import { boundByController, provisionedBy } from '../runtime/storage-annotations.ts';

export type VolumeDecision =
  | { readonly kind: 'phase'; readonly phase: 'Available' | 'Bound' }
  /** The claim has gone, or has another volume: what becomes of the volume is up to its policy. */
  | { readonly kind: 'reclaim' }
  /** The claim does not say yet that it is bound: let its turn come. */
  | { readonly kind: 'wake-claim' }
  | { readonly kind: 'mode-mismatch' }
  /** The claim is bound elsewhere: this one is free again. */
  | { readonly kind: 'unbind' }
  /** A user had reserved it: it stays reserved by name. */
  | { readonly kind: 'forget-uid' }
  | { readonly kind: 'nothing' };

/** `claim` is the one that the volume names, if there is such a claim with that uid. */
export function decideVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeDecision {
  const { metadata, spec } = volume;
  if (!spec?.claimRef?.uid) return { kind: 'phase', phase: 'Available' };
  if (!claim) return { kind: 'reclaim' };
  if (claim.spec?.volumeName === metadata.name) return { kind: 'phase', phase: 'Bound' };
  if (!claim.spec?.volumeName) return modeOf(volume) === modeOf(claim) ? { kind: 'wake-claim' } : { kind: 'mode-mismatch' };
  if (metadata.annotations?.[provisionedBy] !== undefined && spec.persistentVolumeReclaimPolicy === 'Delete') return { kind: 'reclaim' };
  return metadata.annotations?.[boundByController] === undefined ? { kind: 'forget-uid' } : { kind: 'unbind' };
}

export type Reclaiming =
  /** It stays as it is, for an administrator, or until whoever made it deletes it. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'fail'; readonly reason: string; readonly message: string };

/** What to do about a volume that is released. Those who provision volumes delete them, too. */
export function decideReclaiming({ metadata, spec }: PersistentVolume): Reclaiming {
  switch (spec?.persistentVolumeReclaimPolicy) {
    case 'Recycle':
      return { kind: 'fail', reason: 'VolumeFailedRecycle', message: 'No recycler plugin found for the volume!' };
    case 'Delete':
      if (metadata.annotations?.[provisionedBy] !== undefined || spec.csi) return { kind: 'wait' };
      return { kind: 'fail', reason: 'VolumeFailedDelete', message: `error getting deleter volume plugin for volume "${metadata.name}": no deletable volume plugin matched` };
    default:
      return { kind: 'wait' };
  }
}
