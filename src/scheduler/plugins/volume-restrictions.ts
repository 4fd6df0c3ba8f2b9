/** VolumeRestrictions: volumes that only one pod, or one node, can use at a time. */
import type { Volume } from '../../api/types/core-v1.ts';
import type { FilterPlugin, PreFilterPlugin } from '../framework/plugin.ts';
import { unschedulable } from '../framework/status.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { VolumeListers } from './volume-listers.ts';

const name = 'VolumeRestrictions';
const diskConflict = unschedulable(name, 'node(s) had no available disk');
const claimInUse = unschedulable(name, 'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod');

interface RestrictionState {
  /** Keys of claims that one pod in the cluster may use. */
  readonly exclusive: readonly string[];
  readonly disks: readonly Volume[];
}

export function volumeRestrictions(listers: VolumeListers): PreFilterPlugin<RestrictionState> & FilterPlugin<RestrictionState> {
  return {
    name,
    requeueOn: { podDeleted: true, volumes: true, nodeAdded: true },
    preFilter(shape) {
      const exclusive = shape.claims
        .filter((claim) => listers.claim(shape.namespace, claim)?.spec?.accessModes?.includes('ReadWriteOncePod'))
        .map((claim) => `${shape.namespace}/${claim}`);
      const disks = shape.volumes.filter((volume) => diskOf(volume) !== undefined);
      return exclusive.length === 0 && disks.length === 0 ? { kind: 'skip' } : { kind: 'state', state: { exclusive, disks } };
    },
    filterScope: 'cluster',
    filter({ exclusive, disks }, _shape, node, snapshot: Snapshot) {
      for (const wanted of disks) {
        for (const { shape } of node.pods.values()) if (shape.volumes.some((used) => conflicts(wanted, used))) return diskConflict;
      }
      return exclusive.some((key) => snapshot.claimUsers.has(key)) ? claimInUse : undefined;
    },
  };
}

/** What identifies the disk, and whether all its users must only read for more than one to use it. */
function diskOf(volume: Volume): { readonly id: string; readonly shareable: boolean } | undefined {
  const { gcePersistentDisk: gce, awsElasticBlockStore: aws, iscsi, rbd } = volume;
  if (gce) return { id: `gce/${gce.pdName}`, shareable: gce.readOnly === true };
  if (aws) return { id: `aws/${aws.volumeID}`, shareable: false };
  if (iscsi) return { id: `iscsi/${iscsi.iqn}`, shareable: iscsi.readOnly === true };
  if (rbd) return { id: `rbd/${rbd.monitors.toSorted().join()}/${rbd.pool ?? ''}/${rbd.image}`, shareable: rbd.readOnly === true };
  return undefined;
}

function conflicts(wanted: Volume, used: Volume): boolean {
  const a = diskOf(wanted);
  const b = diskOf(used);
  return a !== undefined && a.id === b?.id && !(a.shareable && b.shareable);
}
