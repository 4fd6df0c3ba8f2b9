/**
 * Brings claims and volumes together, and says of each how it stands. It makes no
 * volumes: a claim that needs a new one is marked with the name of who shall make
 * it, and what that one makes is bound like any other; the same holds for deleting.
 *
 * Claims and volumes share one queue and one worker, so that two claims never
 * choose the same volume; a claim's key has a namespace, a volume's has none.
 */
import { defaultStorageClassAnnotations, newestDefault } from '../../api/default-class.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import { isNotFound } from '../../client/failure.ts';
import { formatKey, keyOf } from '../../client/resource.ts';
import { persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { indexByClaim, podsWithClaim } from '../runtime/pod-claims.ts';
import { isTerminal } from '../runtime/pod-state.ts';
import { onChange, reconciler } from '../runtime/reconciler.ts';
import { bind, setClaimStatus, setVolumePhase, unboundStatus } from './binding-writes.ts';
import { decideClaim } from './claim-decision.ts';
import type { ClaimFacts } from './claim-decision.ts';
import { betaStorageProvisioner, boundByController, storageProvisioner } from '../runtime/storage-annotations.ts';
import { decideReclaiming, decideVolume } from './volume-decision.ts';

const volumeIndex = 'volume';
const unboundIndex = 'unbound';
const claimRefIndex = 'claimRef';
const one = 'yes';

export const persistentVolumeBinder: ControllerFactory = (context) => {
  const { client, informers } = context;
  const claims = informers.get(persistentVolumeClaims);
  const volumes = informers.get(persistentVolumes);
  const classes = informers.get(storageClasses);
  const allPods = informers.get(pods);
  const recorder = context.recorder('persistentvolume-controller');
  const loop = reconciler(context, {
    name: 'persistentvolume-binder',
    workers: 1,
    reconcile: (key, signal) => (key.includes('/') ? reconcileClaim(key, signal) : reconcileVolume(key, signal)),
  });

  indexByClaim(allPods);
  claims.addIndex(volumeIndex, ({ spec }) => (spec?.volumeName ? [spec.volumeName] : []));
  claims.addIndex(unboundIndex, ({ spec }) => (spec?.volumeName ? [] : [one]));
  volumes.addIndex(claimRefIndex, ({ spec }) => (spec?.claimRef ? [formatKey(spec.claimRef)] : []));
  const wakeUnbound = () => claims.byIndex(unboundIndex, one).forEach((claim) => loop.queue.add(keyOf(claim)));

  claims.addHandler({
    ...onChange<PersistentVolumeClaim>((claim) => loop.queue.add(keyOf(claim))),
    onDelete: (claim) => volumes.byIndex(claimRefIndex, keyOf(claim)).forEach((volume) => loop.queue.add(keyOf(volume))),
  });
  volumes.addHandler(
    onChange<PersistentVolume>((volume) => {
      loop.queue.add(keyOf(volume));
      for (const claim of claims.byIndex(volumeIndex, keyOf(volume))) loop.queue.add(keyOf(claim));
      if (volume.spec?.claimRef) loop.queue.add(formatKey(volume.spec.claimRef));
      else if (volume.status?.phase === 'Available') wakeUnbound();
    }),
  );
  classes.addHandler(onChange<StorageClass>(wakeUnbound));

  const facts: ClaimFacts = {
    volume: (name) => volumes.get(name),
    volumes: () => volumes.values(),
    storageClass: (name) => classes.get(name),
    defaultClass: () => newestDefault(classes.values(), defaultStorageClassAnnotations),
    waitingPod: (claim) => podsWithClaim(allPods, keyOf(claim)).find((pod) => isWaiting(pod))?.metadata.name,
  };
  return loop;

  async function reconcileClaim(key: string, signal: AbortSignal): Promise<void> {
    const claim = claims.get(key);
    if (!claim) return;
    const decision = decideClaim(claim, facts);
    switch (decision.kind) {
      case 'bind':
        await bind(client, decision.volume, claim, signal);
        return;
      case 'adopt-class':
        await patchClaim(claim, { spec: { storageClassName: decision.name } }, signal);
        return;
      case 'provision':
        await askForVolume(claim, decision.storageClass, signal);
        return;
      case 'pending':
        await setClaimStatus(client, claim, unboundStatus(claim, 'Pending'), signal);
        if (decision.event) recorder.event(claim, decision.event.type, decision.event.reason, decision.event.message);
        return;
      case 'lost':
        if (await setClaimStatus(client, claim, unboundStatus(claim, 'Lost'), signal)) recorder.event(claim, decision.event.type, decision.event.reason, decision.event.message);
    }
  }

  async function askForVolume(claim: PersistentVolumeClaim, { provisioner }: StorageClass, signal: AbortSignal): Promise<void> {
    if (claim.metadata.annotations?.[storageProvisioner] !== provisioner)
      await patchClaim(claim, { metadata: { annotations: { [storageProvisioner]: provisioner, [betaStorageProvisioner]: provisioner } } }, signal);
    recorder.event(
      claim,
      'Normal',
      'ExternalProvisioning',
      `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
    );
  }

  async function patchClaim(claim: PersistentVolumeClaim, patch: { metadata?: object; spec?: object }, signal: AbortSignal): Promise<void> {
    const { resourceVersion } = claim.metadata;
    await client.patch(persistentVolumeClaims, claim.metadata, { ...patch, metadata: { ...patch.metadata, resourceVersion } }, { type: 'merge', signal });
  }

  async function reconcileVolume(key: string, signal: AbortSignal): Promise<void> {
    const volume = volumes.get(key);
    if (!volume) return;
    const claim = await claimOf(volume, signal);
    const decision = decideVolume(volume, claim);
    switch (decision.kind) {
      case 'phase':
        await setVolumePhase(client, volume, decision.phase, '', signal);
        return;
      case 'reclaim':
        await reclaim(volume, signal);
        return;
      case 'wake-claim':
        if (claim) loop.queue.add(keyOf(claim));
        return;
      case 'mode-mismatch':
        recorder.event(volume, 'Warning', 'VolumeMismatch', `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${claim?.metadata.name}" due to incompatible volumeMode.`);
        if (claim) recorder.event(claim, 'Warning', 'VolumeMismatch', `Cannot bind PersistentVolume "${key}" to requested PersistentVolumeClaim due to incompatible volumeMode.`);
        return;
      case 'unbind':
        await patchVolume(volume, { metadata: { annotations: { [boundByController]: null } }, spec: { claimRef: null } }, signal);
        return;
      case 'forget-uid':
        await patchVolume(volume, { spec: { claimRef: { uid: null } } }, signal);
    }
  }

  async function patchVolume(volume: PersistentVolume, patch: { metadata?: object; spec?: object }, signal: AbortSignal): Promise<void> {
    const { resourceVersion } = volume.metadata;
    await client.patch(persistentVolumes, volume.metadata, { ...patch, metadata: { ...patch.metadata, resourceVersion } }, { type: 'merge', signal });
  }

  /** The claim that the volume names, by uid. Before data is given up the server is asked: our claims may be behind. */
  async function claimOf({ spec, status }: PersistentVolume, signal: AbortSignal): Promise<PersistentVolumeClaim | undefined> {
    const ref = spec?.claimRef;
    if (!ref?.uid) return undefined;
    const known = claims.find(ref);
    if (known?.metadata.uid === ref.uid) return known;
    if (!known && (status?.phase === 'Released' || status?.phase === 'Failed')) return undefined;
    const current = await client.get(persistentVolumeClaims, ref, { signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    return current?.metadata.uid === ref.uid ? current : undefined;
  }

  async function reclaim(volume: PersistentVolume, signal: AbortSignal): Promise<void> {
    const reclaiming = decideReclaiming(volume);
    if (reclaiming.kind === 'fail') {
      if (await setVolumePhase(client, volume, 'Failed', reclaiming.message, signal)) recorder.event(volume, 'Warning', reclaiming.reason, reclaiming.message);
      return;
    }
    if (volume.status?.phase !== 'Failed') await setVolumePhase(client, volume, 'Released', '', signal);
  }
};

function isWaiting(pod: Pod): boolean {
  return !pod.spec.nodeName && !isTerminal(pod);
}
