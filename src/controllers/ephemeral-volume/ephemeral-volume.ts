/** Makes the claims of pods' ephemeral volumes. A claim belongs to its pod, and goes with it by garbage collection. */
import type { PersistentVolumeClaim, PersistentVolumeClaimTemplate, Pod } from '../../api/types/core-v1.ts';
import { isAlreadyExists } from '../../client/failure.ts';
import { keyOf } from '../../client/resource.ts';
import { persistentVolumeClaims, pods } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { indexByClaim, podsWithClaim } from '../runtime/pod-claims.ts';
import { isTerminal } from '../runtime/pod-state.ts';
import { reconciler } from '../runtime/reconciler.ts';

export function claimFor({ metadata }: Pod, volume: string, { metadata: template, spec }: PersistentVolumeClaimTemplate): PersistentVolumeClaim {
  const { name, namespace, uid } = metadata;
  return {
    metadata: {
      name: `${name}-${volume}`,
      namespace,
      annotations: template?.annotations,
      labels: template?.labels,
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: name ?? '', uid: uid ?? '', controller: true, blockOwnerDeletion: true }],
    },
    spec,
  };
}

function hasEphemeralVolumes({ spec }: Pod): boolean {
  return spec.volumes?.some(({ ephemeral }) => ephemeral) ?? false;
}

export const ephemeralVolumeController: ControllerFactory = (context) => {
  const { client, informers } = context;
  const allPods = informers.get(pods);
  const claims = informers.get(persistentVolumeClaims);
  const recorder = context.recorder('ephemeral_volume');
  const loop = reconciler(context, { name: 'ephemeral-volume', reconcile });
  const wake = (pod: Pod) => {
    if (hasEphemeralVolumes(pod) && !pod.metadata.deletionTimestamp && !isTerminal(pod)) loop.queue.add(keyOf(pod));
  };
  indexByClaim(allPods);
  allPods.addHandler({ onAdd: wake });
  claims.addHandler({ onDelete: (claim) => podsWithClaim(allPods, keyOf(claim)).forEach(wake) });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const pod = allPods.get(key);
    if (!pod || pod.metadata.deletionTimestamp) return;
    for (const { name, ephemeral } of pod.spec.volumes ?? []) {
      if (!ephemeral?.volumeClaimTemplate) continue;
      try {
        await ensure(pod, claimFor(pod, name, ephemeral.volumeClaimTemplate), signal);
      } catch (error) {
        recorder.event(pod, 'Warning', 'FailedBinding', `ephemeral volume ${name}: ${(error as Error).message}`);
        throw error;
      }
    }
  }

  async function ensure(pod: Pod, claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
    const known = claims.get(keyOf(claim));
    if (known) {
      if (known.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === pod.metadata.uid)) return;
      throw new Error(`PVC ${keyOf(claim)} was not created for pod ${keyOf(pod)} (pod is not owner)`);
    }
    await client.create(persistentVolumeClaims, claim, { signal }).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw new Error(`create PVC ${claim.metadata.name}: ${(error as Error).message}`, { cause: error });
    });
  }
};
