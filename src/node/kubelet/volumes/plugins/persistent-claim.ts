/** The volume that a claim is bound to: a directory of this node, or a CSI driver's. */
import { lstat, mkdir, realpath } from 'node:fs/promises';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../../../api/types/core-v1.ts';
import { compareQuantity, parseQuantity, valueOf } from '../../../../api/quantity.ts';
import { modeOf } from '../../../../api/volume-matching.ts';
import { isNotFound } from '../../../../client/failure.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../../../client/resources.ts';
import type { CsiMounter } from '../csi/csi-mounter.ts';
import { persistentVolume } from '../csi/csi-volume.ts';
import { formatIfBlank } from '../file-systems.ts';
import { mount, mountedAt } from '../mounts.ts';
import { own, ownershipOf } from '../ownership.ts';
import type { MountedVolume, VolumeHost, VolumePlugin } from '../volume-plugin.ts';
import { checkHostPath } from './host-path.ts';

/** How often it is looked whether a volume that is in use has grown. */
const lookEveryMs = 60_000;
const localPluginName = 'kubernetes.io/local-volume';

export function persistentClaimPlugin(host: VolumeHost, csi: CsiMounter): VolumePlugin {
  return {
    name: localPluginName,
    async mount({ pod, volume, asDevice }) {
      const claim = await claimOf(host, pod, volume);
      const bound = await volumeOf(host, claim);
      if (asDevice !== (modeOf(bound) === 'Block')) {
        throw new Error(asDevice ? `volume ${volume.name} has volumeMode ${modeOf(bound)}, but is specified in volumeDevices` : `volume ${volume.name} has volumeMode Block, but is specified in volumeMounts`);
      }
      const readOnly = volume.persistentVolumeClaim?.readOnly ?? false;
      if (bound.spec?.csi) return mountCsi(host, csi, pod, claim, bound, readOnly);
      if (bound.spec?.hostPath) {
        await checkHostPath(bound.spec.hostPath);
        return { path: bound.spec.hostPath.path, readOnly, onDisk: false, isDevice: asDevice };
      }
      if (bound.spec?.local) return mountLocal(host, pod, bound, readOnly, asDevice);
      throw new Error('no volume plugin matched');
    },
  };
}

/** Of an ephemeral volume: the one made for this very pod. */
async function claimOf({ client, signal }: VolumeHost, { metadata }: Pod, { name: volume, persistentVolumeClaim, ephemeral }: Volume): Promise<PersistentVolumeClaim> {
  const { namespace } = metadata;
  const name = persistentVolumeClaim?.claimName ?? `${metadata.name}-${volume}`;
  const claim = await client.get(persistentVolumeClaims, { namespace, name }, { signal }).catch((error: unknown) => {
    throw isNotFound(error) ? new Error(`persistentvolumeclaim "${name}" not found`) : error;
  });
  if (ephemeral && !claim.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === metadata.uid)) throw new Error(`PVC ${namespace}/${name} was not created for pod ${namespace}/${metadata.name} (pod is not owner)`);
  // Its guard is a finalizer; without it nobody waits for this pod.
  if (claim.metadata.deletionTimestamp) throw new Error(`can't start pod because PVC ${namespace}/${name} is being deleted`);
  if (claim.status?.phase !== 'Bound' || !claim.spec?.volumeName) throw new Error(`PVC ${namespace}/${name} is not bound`);
  return claim;
}

async function volumeOf({ client, signal }: VolumeHost, { metadata, spec }: PersistentVolumeClaim): Promise<PersistentVolume> {
  const name = spec?.volumeName ?? '';
  const volume = await client.get(persistentVolumes, { name }, { signal });
  if (volume.spec?.claimRef?.uid !== metadata.uid) throw new Error(`PersistentVolume "${name}" is not bound to PVC ${metadata.namespace}/${metadata.name}`);
  return volume;
}

/** The directory is bound to the pod's own place, so that what is released there never reaches it. */
async function mountLocal(host: VolumeHost, pod: Pod, volume: PersistentVolume, readOnly: boolean, isDevice: boolean): Promise<MountedVolume> {
  const source = await realpath(volume.spec?.local?.path ?? '').catch((error: unknown) => {
    throw new Error(`path "${volume.spec?.local?.path}" does not exist`, { cause: error });
  });
  const info = await lstat(source);
  if (isDevice) {
    if (!info.isBlockDevice()) throw new Error(`${source} is not a block device`);
    return { path: source, readOnly, onDisk: false, isDevice };
  }
  const path = host.directories.volume(pod.metadata.uid ?? '', localPluginName, volume.metadata.name ?? '');
  if (!(await mountedAt(path))) {
    await mkdir(path, { recursive: true, mode: 0o750 });
    const options = volume.spec?.mountOptions ?? [];
    if (info.isBlockDevice()) {
      const type = volume.spec?.local?.fsType ?? 'ext4';
      await formatIfBlank(source, type);
      await mount({ source, target: path, type, options });
    } else await mount({ source, target: path, options: ['bind', ...options] });
  }
  if (!readOnly) await own(path, ownershipOf(pod, readOnly));
  return { path, readOnly, onDisk: false };
}

async function mountCsi(host: VolumeHost, csi: CsiMounter, pod: Pod, claim: PersistentVolumeClaim, volume: PersistentVolume, readOnly: boolean): Promise<MountedVolume> {
  const mounted = await csi.mount(pod, persistentVolume(volume, readOnly));
  await finishExpansion(host, csi, pod, claim, volume, readOnly);
  const { clock, client, signal } = host;
  let dueAt = clock.now() + lookEveryMs;
  return {
    ...mounted,
    refreshDueAt: () => Math.min(dueAt, mounted.refreshDueAt?.() ?? Infinity),
    async refresh(current) {
      if (clock.now() >= (mounted.refreshDueAt?.() ?? Infinity)) await mounted.refresh?.(current);
      if (clock.now() < dueAt) return;
      dueAt = clock.now() + lookEveryMs;
      const latest = await client.get(persistentVolumeClaims, claim.metadata, { signal });
      if (isResizing(latest)) await finishExpansion(host, csi, current, latest, await volumeOf(host, latest), readOnly);
    },
  };
}

function isResizing({ status }: PersistentVolumeClaim): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'FileSystemResizePending' && is === 'True') ?? false;
}

/** The volume has grown; what is in it grows here, and then the claim has what it asked for. */
async function finishExpansion({ client, signal }: VolumeHost, csi: CsiMounter, pod: Pod, claim: PersistentVolumeClaim, volume: PersistentVolume, readOnly: boolean): Promise<void> {
  const size = volume.spec?.capacity?.['storage'] ?? '0';
  const has = claim.status?.capacity?.['storage'] ?? '0';
  if (!isResizing(claim) || compareQuantity(parseQuantity(size), parseQuantity(has)) <= 0) return;
  if (!(await csi.expand(pod, persistentVolume(volume, readOnly), valueOf(size)))) return;
  const conditions = claim.status?.conditions?.filter(({ type }) => type !== 'FileSystemResizePending' && type !== 'Resizing') ?? [];
  const { allocatedResourceStatuses: _, ...status } = claim.status ?? {};
  await client.updateStatus(persistentVolumeClaims, { ...claim, status: { ...status, capacity: { ...status.capacity, storage: size }, conditions } }, { signal });
}
