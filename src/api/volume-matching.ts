/**
 * Which volume a claim can have: one rule for the controller that binds and for
 * the scheduler that foresees it (upstream's component-helpers/storage/volume).
 */
import { compareQuantity, parseQuantity } from './quantity.ts';
import type { Quantity } from './quantity.ts';
import { labelSelectorOf } from './selectors/label-selector.ts';
import type { PersistentVolume, PersistentVolumeClaim } from './types/core-v1.ts';

/** The name of a claim's or a volume's class: the old annotation wins. */
export function storageClassOf({ metadata, spec }: PersistentVolumeClaim | PersistentVolume): string {
  return metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName ?? '';
}

/** The volume names the claim; by whom it was written in may have left out the uid. */
export function isReservedFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const ref = spec?.claimRef;
  return ref?.name === metadata.name && ref?.namespace === metadata.namespace && (!ref?.uid || ref.uid === metadata.uid);
}

export interface MatchOptions {
  /** Whether the volume can be used where it is wanted; left out: anywhere. */
  readonly reaches?: (volume: PersistentVolume) => boolean;
  readonly except?: ReadonlySet<string>;
  /** Only one that is reserved for the claim: the others wait for the pod that will use the claim. */
  readonly onlyReserved?: boolean;
}

/** The volume reserved for the claim, or else the smallest that will do. */
export function findMatchingVolume(claim: PersistentVolumeClaim, volumes: Iterable<PersistentVolume>, options: MatchOptions = {}): PersistentVolume | undefined {
  const selector = claim.spec?.selector ? labelSelectorOf(claim.spec.selector) : undefined;
  let best: PersistentVolume | undefined;
  for (const volume of volumes) {
    const { metadata, spec, status } = volume;
    if (metadata.deletionTimestamp || options.except?.has(metadata.name ?? '')) continue;
    if (spec?.claimRef && !isReservedFor(volume, claim)) continue;
    if (modeOf(volume) !== modeOf(claim) || compareQuantity(sizeOf(volume), requestOf(claim)) < 0 || spec?.volumeAttributesClassName !== claim.spec?.volumeAttributesClassName) continue;
    const reaches = options.reaches?.(volume) ?? true;
    if (spec?.claimRef) return reaches ? volume : undefined;
    if (options.onlyReserved || !reaches || status?.phase !== 'Available') continue;
    if (storageClassOf(volume) !== storageClassOf(claim) || (selector && !selector.matches(metadata.labels)) || !hasAccess(volume, claim)) continue;
    if (!best || compareQuantity(sizeOf(volume), sizeOf(best)) < 0) best = volume;
  }
  return best;
}

/** Why a claim cannot have the volume that it names; undefined where it can. */
export function whyNotSatisfied(claim: PersistentVolumeClaim, volume: PersistentVolume): string | undefined {
  if (compareQuantity(sizeOf(volume), requestOf(claim)) < 0) return 'requested PV is too small';
  if (storageClassOf(volume) !== storageClassOf(claim)) return 'storageClassName does not match';
  if (volume.spec?.volumeAttributesClassName !== claim.spec?.volumeAttributesClassName) return 'volumeAttributesClassName does not match';
  if (modeOf(volume) !== modeOf(claim)) return 'incompatible volumeMode';
  if (!hasAccess(volume, claim)) return 'incompatible accessMode';
  return undefined;
}

/** What the claim asks for, where that is more than it has. */
export function grownSize({ metadata, spec, status }: PersistentVolumeClaim, volume: PersistentVolume): string | undefined {
  const wanted = spec?.resources?.requests?.['storage'];
  const has = status?.capacity?.['storage'];
  if (wanted === undefined || has === undefined || volume.spec?.claimRef?.uid !== metadata.uid) return undefined;
  return compareQuantity(parseQuantity(wanted), parseQuantity(has)) > 0 ? wanted : undefined;
}

export function modeOf({ spec }: PersistentVolume | PersistentVolumeClaim): string {
  return spec?.volumeMode ?? 'Filesystem';
}

function hasAccess(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return claim.spec?.accessModes?.every((mode) => volume.spec?.accessModes?.includes(mode)) ?? true;
}

function sizeOf({ spec }: PersistentVolume): Quantity {
  return parseQuantity(spec?.capacity?.['storage'] ?? '0');
}

function requestOf({ spec }: PersistentVolumeClaim): Quantity {
  return parseQuantity(spec?.resources?.requests?.['storage'] ?? '0');
}
