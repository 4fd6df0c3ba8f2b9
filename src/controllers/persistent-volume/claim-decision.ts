/** What to do about a claim, from what is known of it, its class and the volumes. */
import { findMatchingVolume, isReservedFor, storageClassOf, whyNotSatisfied } from '../../api/volume-matching.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import { bindCompleted, selectedNode } from '../runtime/storage-annotations.ts';

export interface ClaimEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export type ClaimDecision =
  | { readonly kind: 'bind'; readonly volume: PersistentVolume }
  | { readonly kind: 'pending'; readonly event: ClaimEvent | undefined }
  /** Somebody has to make a volume. */
  | { readonly kind: 'provision'; readonly storageClass: StorageClass }
  /** The cluster has a default by now, and the claim names no class. */
  | { readonly kind: 'adopt-class'; readonly name: string }
  | { readonly kind: 'lost'; readonly event: ClaimEvent };

export interface ClaimFacts {
  volume(name: string): PersistentVolume | undefined;
  volumes(): Iterable<PersistentVolume>;
  storageClass(name: string): StorageClass | undefined;
  defaultClass(): string | undefined;
  /** The name of a pod that uses the claim and waits for a node. */
  waitingPod(claim: PersistentVolumeClaim): string | undefined;
}

export function decideClaim(claim: PersistentVolumeClaim, facts: ClaimFacts): ClaimDecision {
  if (claim.metadata.annotations?.[bindCompleted] !== undefined) return decideBound(claim, facts);
  return claim.spec?.volumeName ? decideNamed(claim, claim.spec.volumeName, facts) : decideUnbound(claim, facts);
}

function decideBound(claim: PersistentVolumeClaim, facts: ClaimFacts): ClaimDecision {
  const name = claim.spec?.volumeName;
  if (!name) return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  const volume = facts.volume(name);
  if (!volume) return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  const ref = volume.spec?.claimRef;
  if (!ref || ref.uid === claim.metadata.uid) return { kind: 'bind', volume };
  return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

/** The user wants this volume and no other. */
function decideNamed(claim: PersistentVolumeClaim, name: string, facts: ClaimFacts): ClaimDecision {
  const volume = facts.volume(name);
  if (!volume) return { kind: 'pending', event: undefined };
  if (volume.spec?.claimRef) {
    if (isReservedFor(volume, claim)) return { kind: 'bind', volume };
    return pending('Warning', 'FailedBinding', `volume "${name}" already bound to a different claim.`);
  }
  const why = whyNotSatisfied(claim, volume);
  return why === undefined ? { kind: 'bind', volume } : pending('Warning', 'VolumeMismatch', `Cannot bind to requested volume "${name}": ${why}`);
}

function decideUnbound(claim: PersistentVolumeClaim, facts: ClaimFacts): ClaimDecision {
  const className = storageClassOf(claim);
  const storageClass = facts.storageClass(className);
  const delayed = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
  const volume = findMatchingVolume(claim, facts.volumes(), { onlyReserved: delayed });
  if (volume) return { kind: 'bind', volume };
  if (className === '' && claim.spec?.storageClassName === undefined) {
    const name = facts.defaultClass();
    if (name !== undefined) return { kind: 'adopt-class', name };
  }
  if (delayed && claim.metadata.annotations?.[selectedNode] === undefined) {
    const pod = facts.waitingPod(claim);
    return pod === undefined
      ? pending('Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding')
      : pending('Normal', 'WaitForPodScheduled', `waiting for pod ${pod} to be scheduled`);
  }
  if (className === '') return pending('Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set');
  if (!storageClass) return pending('Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io "${className}" not found`);
  // Names of this kind are upstream's own provisioners, which are gone.
  if (storageClass.provisioner.startsWith('kubernetes.io/')) return pending('Warning', 'ProvisioningFailed', `no volume plugin matched name: ${storageClass.provisioner}`);
  return { kind: 'provision', storageClass };
}

function pending(type: ClaimEvent['type'], reason: string, message: string): ClaimDecision {
  return { kind: 'pending', event: { type, reason, message } };
}

function lost(reason: string, message: string): ClaimDecision {
  return { kind: 'lost', event: { type: 'Warning', reason, message } };
}
