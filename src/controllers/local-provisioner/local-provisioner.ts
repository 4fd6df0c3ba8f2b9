/**
 * Makes volumes that are directories of the node that the scheduler has chosen,
 * and deletes them once they are released. It is a provisioner like any other:
 * the binder names it in an annotation of the claim, and binds what it makes. The
 * directory is made and removed by the node's kubelet, which knows where, through
 * the node's proxy.
 */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import { localVolumesPath, localProvisioner } from '../../api/local-volumes.ts';
import { grownSize, storageClassOf } from '../../api/volume-matching.ts';
import { isAlreadyExists, isNotFound } from '../../client/failure.ts';
import { keyOf } from '../../client/resource.ts';
import { nodes, persistentVolumeClaims, persistentVolumes, storageClasses } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import { provisionedBy, selectedNode, storageProvisioner } from '../runtime/storage-annotations.ts';

const hostnameLabel = 'kubernetes.io/hostname';

/** The claim waits for a volume of ours. */
export function isOurs({ metadata, spec }: PersistentVolumeClaim): boolean {
  return metadata.annotations?.[storageProvisioner] === localProvisioner && !spec?.volumeName && !metadata.deletionTimestamp;
}

/** Nobody has it any more, and its policy says that it goes. */
export function isDiscarded({ metadata, spec, status }: PersistentVolume): boolean {
  return metadata.annotations?.[provisionedBy] === localProvisioner && spec?.persistentVolumeReclaimPolicy === 'Delete' && (status?.phase === 'Released' || status?.phase === 'Failed');
}

/** The hostname of the node that a volume of ours lies on. */
export function hostnameOf({ spec }: PersistentVolume): string | undefined {
  return spec?.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.find(({ key }) => key === hostnameLabel)?.values?.[0];
}

export function volumeFor(claim: PersistentVolumeClaim, storageClass: StorageClass, hostname: string, path: string): PersistentVolume {
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  return {
    metadata: { name: volumeName(claim), annotations: { [provisionedBy]: localProvisioner } },
    spec: {
      capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
      accessModes: claim.spec?.accessModes,
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata.name,
      mountOptions: storageClass.mountOptions,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion },
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: hostnameLabel, operator: 'In', values: [hostname] }] }],
        },
      },
    },
  };
}

function volumeName({ metadata }: PersistentVolumeClaim): string {
  return `pvc-${metadata.uid}`;
}

export const localProvisionerController: ControllerFactory = (context) => {
  const { client, informers } = context;
  const claims = informers.get(persistentVolumeClaims);
  const volumes = informers.get(persistentVolumes);
  const classes = informers.get(storageClasses);
  const allNodes = informers.get(nodes);
  const recorder = context.recorder(localProvisioner);
  const loop = reconciler(context, {
    name: 'local-provisioner',
    reconcile: (key, signal) => (key.includes('/') ? reconcileClaim(key, signal) : discard(key, signal)),
  });
  enqueueChanges(claims, loop.queue);
  enqueueChanges(volumes, loop.queue);
  return loop;

  async function reconcileClaim(key: string, signal: AbortSignal): Promise<void> {
    const claim = claims.get(key);
    const volume = volumes.get(claim?.spec?.volumeName ?? '');
    if (claim && isOurs(claim)) await provision(claim, signal);
    else if (claim && volume?.metadata.annotations?.[provisionedBy] === localProvisioner) await grow(claim, volume, signal);
  }

  /** A directory has no size: it is enough to say that it has grown. */
  async function grow(claim: PersistentVolumeClaim, volume: PersistentVolume, signal: AbortSignal): Promise<void> {
    const size = grownSize(claim, volume);
    if (size === undefined) return;
    await client.patch(persistentVolumes, volume.metadata, { spec: { capacity: { storage: size } } }, { type: 'merge', signal });
    await client.patch(persistentVolumeClaims, claim.metadata, { status: { capacity: { storage: size } } }, { type: 'merge', subresource: 'status', signal });
    recorder.event(claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
  }

  async function provision(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
    if (volumes.get(volumeName(claim))) return;
    const storageClass = classes.get(storageClassOf(claim));
    const nodeName = claim.metadata.annotations?.[selectedNode];
    if (!storageClass) return;
    if (nodeName === undefined) {
      recorder.event(claim, 'Warning', 'ProvisioningFailed', `failed to provision volume with StorageClass "${storageClass.metadata.name}": no node is selected: its volumeBindingMode must be WaitForFirstConsumer`);
      return;
    }
    const node = allNodes.get(nodeName);
    try {
      if (claim.spec?.volumeMode === 'Block') throw new Error('block volumes are not supported');
      if (!node) throw new Error(`node "${nodeName}" not found`);
      const { path } = await client.json<{ path: string }>('POST', localVolumesPath(nodeName, volumeName(claim)), undefined, { signal });
      const volume = volumeFor(claim, storageClass, node.metadata.labels?.[hostnameLabel] ?? nodeName, path);
      await client.create(persistentVolumes, volume, { signal }).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
    } catch (error) {
      const { message } = error as Error;
      recorder.event(claim, 'Warning', 'ProvisioningFailed', `failed to provision volume with StorageClass "${storageClass.metadata.name}": ${message}`);
      // The scheduler may choose another node.
      if (!node) await client.patch(persistentVolumeClaims, claim.metadata, { metadata: { annotations: { [selectedNode]: null } } }, { type: 'merge', signal });
      throw error;
    }
    recorder.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volumeName(claim)}`);
  }

  async function discard(key: string, signal: AbortSignal): Promise<void> {
    const volume = volumes.get(key);
    if (!volume || !isDiscarded(volume) || volume.metadata.deletionTimestamp) return;
    const hostname = hostnameOf(volume);
    const node = [...allNodes.values()].find(({ metadata }) => metadata.labels?.[hostnameLabel] === hostname);
    // With a node that has left the cluster its directories have, too.
    if (node) {
      try {
        await client.send('DELETE', localVolumesPath(node.metadata.name ?? '', key), undefined, { signal });
      } catch (error) {
        recorder.event(volume, 'Warning', 'VolumeFailedDelete', (error as Error).message);
        throw error;
      }
    }
    await client.delete(persistentVolumes, volume.metadata, { signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    context.logger.debug('local volume deleted', { volume: keyOf(volume) });
  }
};
