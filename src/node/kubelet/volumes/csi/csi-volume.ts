/** What of a volume's description a driver is told: of a pod's own inline volume, or of a persistent one. */
import { createHash } from 'node:crypto';
import type { PersistentVolume, Pod, SecretReference, Volume } from '../../../../api/types/core-v1.ts';
import type { CSIDriver } from '../../../../api/types/storage-v1.ts';
import type { DriverAbilities } from './csi-driver.ts';
import type { VolumeCapability } from './csi-api.ts';

export interface CsiVolume {
  readonly driver: string;
  readonly handle: string;
  /** Of its directory: the volume's own name in the pod, or the persistent volume's. */
  readonly name: string;
  readonly lifecycle: 'Persistent' | 'Ephemeral';
  readonly fsType: string;
  readonly readOnly: boolean;
  readonly accessModes: readonly string[];
  readonly mountOptions: readonly string[];
  readonly context: Readonly<Record<string, string>>;
  readonly publishSecret: SecretReference | undefined;
  readonly stageSecret: SecretReference | undefined;
  /** Nobody has formatted it, and nobody mounts it. */
  readonly isBlock: boolean;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function inlineVolume({ metadata }: Pod, { name, csi }: Volume): CsiVolume {
  const { driver = '', fsType = '', readOnly = false, volumeAttributes = {}, nodePublishSecretRef } = csi ?? {};
  return {
    driver,
    handle: `csi-${hash(`${metadata.uid}${name}`)}`,
    name,
    lifecycle: 'Ephemeral',
    fsType,
    readOnly,
    accessModes: ['ReadWriteOnce'],
    mountOptions: [],
    context: volumeAttributes,
    publishSecret: nodePublishSecretRef && { namespace: metadata.namespace, name: nodePublishSecretRef.name },
    stageSecret: undefined,
    isBlock: false,
  };
}

export function persistentVolume({ metadata, spec }: PersistentVolume, readOnly: boolean): CsiVolume {
  const { driver = '', volumeHandle = '', fsType = '', readOnly: always = false, volumeAttributes = {}, nodePublishSecretRef, nodeStageSecretRef } = spec?.csi ?? {};
  return {
    driver,
    handle: volumeHandle,
    name: metadata.name ?? '',
    lifecycle: 'Persistent',
    fsType,
    readOnly: readOnly || always,
    accessModes: spec?.accessModes ?? [],
    mountOptions: spec?.mountOptions ?? [],
    context: volumeAttributes,
    publishSecret: nodePublishSecretRef,
    stageSecret: nodeStageSecretRef,
    isBlock: spec?.volumeMode === 'Block',
  };
}

/** Below the plugin's directory: the same for all pods of the node. */
export function stagingDirectoryName(handle: string): string {
  return hash(handle);
}

/** csi.v1.VolumeCapability.AccessMode.Mode. A driver that can tell them apart is told who else may write. */
export function accessMode(mode: string | undefined, { singleNodeMultiWriter }: Pick<DriverAbilities, 'singleNodeMultiWriter'>): number {
  switch (mode) {
    case 'ReadOnlyMany':
      return 3;
    case 'ReadWriteMany':
      return 5;
    case 'ReadWriteOncePod':
      return singleNodeMultiWriter ? 6 : 1;
    default:
      return singleNodeMultiWriter ? 7 : 1;
  }
}

export function capabilityOf(volume: CsiVolume, abilities: DriverAbilities, fsGroup: number | undefined): VolumeCapability {
  const access_mode = { mode: accessMode(volume.accessModes[0], abilities) };
  if (volume.isBlock) return { block: {}, access_mode };
  const group = abilities.mountGroup && fsGroup !== undefined ? String(fsGroup) : '';
  return { mount: { fs_type: volume.fsType, mount_flags: volume.mountOptions, volume_mount_group: group }, access_mode };
}

/** For drivers that ask for it. */
export function podContext({ metadata, spec }: Pod, { lifecycle }: CsiVolume): Record<string, string> {
  const prefix = 'csi.storage.k8s.io';
  return {
    [`${prefix}/pod.name`]: metadata.name ?? '',
    [`${prefix}/pod.namespace`]: metadata.namespace ?? '',
    [`${prefix}/pod.uid`]: metadata.uid ?? '',
    [`${prefix}/serviceAccount.name`]: spec.serviceAccountName ?? '',
    [`${prefix}/ephemeral`]: String(lifecycle === 'Ephemeral'),
  };
}

/** Whether the kubelet gives the volume to the pod's group. */
export function ownsByGroup(volume: CsiVolume, description: CSIDriver | undefined, abilities: DriverAbilities): boolean {
  const policy = description?.spec.fsGroupPolicy ?? 'ReadWriteOnceWithFSType';
  if (policy === 'None' || volume.readOnly || volume.isBlock || abilities.mountGroup) return false;
  return policy === 'File' || (volume.fsType !== '' && volume.accessModes.includes('ReadWriteOnce'));
}

/** Whether the driver can be used in that way; says why not. */
export function checkLifecycle({ lifecycle, driver }: CsiVolume, description: CSIDriver | undefined): void {
  const modes = description?.spec.volumeLifecycleModes ?? ['Persistent'];
  if (lifecycle === 'Ephemeral' && !description) throw new Error(`volume mode "Ephemeral" not supported by driver ${driver} (no CSIDriver object)`);
  if (!modes.includes(lifecycle)) throw new Error(`volume mode "${lifecycle}" not supported by driver ${driver} (only supports [${modes.map((mode) => `"${mode}"`).join(' ')}])`);
}
