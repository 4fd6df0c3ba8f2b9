/** Lets a claim go when no pod uses it any more, a volume when no claim is bound to it, and a class of attributes when neither names it. */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { VolumeAttributesClass } from '../../api/types/storage-v1.ts';
import { isNotFound } from '../../client/failure.ts';
import { keyOf } from '../../client/resource.ts';
import type { ApiObject, Resource } from '../../client/resource.ts';
import { persistentVolumeClaims, persistentVolumes, pods, volumeAttributesClasses } from '../../client/resources.ts';
import type { ControllerContext, ControllerFactory } from '../runtime/context.ts';
import { claimsOf, indexByClaim, podsWithClaim } from '../runtime/pod-claims.ts';
import { isTerminal } from '../runtime/pod-state.ts';
import { enqueueChanges, onChange, reconciler } from '../runtime/reconciler.ts';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';
const classFinalizer = 'kubernetes.io/vac-protection';
const classIndex = 'attributes class';

/** Add the finalizer to what lives, take it from what is being deleted and not in use. */
export function wantedFinalizers({ metadata }: ApiObject, finalizer: string, inUse: boolean): string[] | undefined {
  const finalizers = metadata.finalizers ?? [];
  const has = finalizers.includes(finalizer);
  if (!metadata.deletionTimestamp) return has ? undefined : [...finalizers, finalizer];
  return has && !inUse ? finalizers.filter((other) => other !== finalizer) : undefined;
}

export const claimProtectionController: ControllerFactory = (context) => {
  const claims = context.informers.get(persistentVolumeClaims);
  const allPods = context.informers.get(pods);
  const loop = reconciler(context, { name: 'persistentvolumeclaim-protection', reconcile });
  indexByClaim(allPods);
  enqueueChanges(claims, loop.queue);
  const wake = (pod: Pod) => {
    for (const key of claimsOf(pod)) loop.queue.add(key);
  };
  allPods.addHandler({ onDelete: wake, onUpdate: (old, pod) => (isTerminal(pod) && !isTerminal(old) ? wake(pod) : undefined) });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const claim = claims.get(key);
    if (!claim) return;
    const wanted = wantedFinalizers(claim, claimFinalizer, isUsed(podsWithClaim(allPods, key)));
    if (!wanted) return;
    // Before the last guard goes, ask the server: our list of pods may be behind.
    if (claim.metadata.deletionTimestamp) {
      const { items } = await context.client.list(pods, { namespace: claim.metadata.namespace, signal });
      if (isUsed(items.filter((pod) => claimsOf(pod).includes(key)))) return;
    }
    await write(context, persistentVolumeClaims, claim, wanted, signal);
  }
};

/** A pod that is not assigned to a node has mounted nothing. */
function isUsed(using: readonly Pod[]): boolean {
  return using.some((pod) => !isTerminal(pod) && (pod.spec.nodeName || !pod.metadata.deletionTimestamp));
}

export const volumeProtectionController: ControllerFactory = (context) => {
  const volumes = context.informers.get(persistentVolumes);
  const loop = reconciler(context, { name: 'persistentvolume-protection', reconcile });
  enqueueChanges(volumes, loop.queue);
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const volume = volumes.get(key);
    const wanted = volume && wantedFinalizers(volume, volumeFinalizer, volume.status?.phase === 'Bound');
    if (volume && wanted) await write(context, persistentVolumes, volume, wanted, signal);
  }
};

/** The classes that a claim has, wants, or is on the way to. */
function classesOfClaim({ spec, status }: PersistentVolumeClaim): string[] {
  return [spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName].filter((name): name is string => Boolean(name));
}

function classesOfVolume({ spec }: PersistentVolume): string[] {
  return spec?.volumeAttributesClassName ? [spec.volumeAttributesClassName] : [];
}

export const attributesClassProtectionController: ControllerFactory = (context) => {
  const classes = context.informers.get(volumeAttributesClasses);
  const claims = context.informers.get(persistentVolumeClaims);
  const volumes = context.informers.get(persistentVolumes);
  const loop = reconciler(context, { name: 'volumeattributesclass-protection', reconcile });
  claims.addIndex(classIndex, classesOfClaim);
  volumes.addIndex(classIndex, classesOfVolume);
  enqueueChanges(classes, loop.queue);
  const wake = (names: readonly string[]) => names.forEach((name) => loop.queue.add(name));
  claims.addHandler({ ...onChange<PersistentVolumeClaim>((claim) => wake(classesOfClaim(claim))), onUpdate: (old, claim) => wake([...classesOfClaim(old), ...classesOfClaim(claim)]) });
  volumes.addHandler({ ...onChange<PersistentVolume>((volume) => wake(classesOfVolume(volume))), onUpdate: (old, volume) => wake([...classesOfVolume(old), ...classesOfVolume(volume)]) });
  return loop;

  async function reconcile(name: string, signal: AbortSignal): Promise<void> {
    const found = classes.get(name);
    const inUse = claims.byIndex(classIndex, name).length > 0 || volumes.byIndex(classIndex, name).length > 0;
    const wanted = found && wantedFinalizers(found, classFinalizer, inUse);
    if (found && wanted) await write(context, volumeAttributesClasses, found, wanted, signal);
  }
};

async function write<T extends PersistentVolume | PersistentVolumeClaim | VolumeAttributesClass>(context: ControllerContext, resource: Resource<T>, object: T, finalizers: string[], signal: AbortSignal): Promise<void> {
  const { resourceVersion } = object.metadata;
  await context.client.patch(resource, object.metadata, { metadata: { resourceVersion, finalizers } }, { type: 'merge', signal }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
  context.logger.debug('protection changed', { resource: resource.resource, key: keyOf(object) });
}
