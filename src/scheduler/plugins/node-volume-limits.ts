/** NodeVolumeLimits: a CSI driver can attach only so many volumes to a node, as the node's CSINode says. */
import { storageClassOf } from '../../api/volume-matching.ts';
import type { FilterPlugin, PreFilterPlugin } from '../framework/plugin.ts';
import { unschedulable } from '../framework/status.ts';
import type { VolumeListers } from './volume-listers.ts';

const name = 'NodeVolumeLimits';
const exceeded = unschedulable(name, 'node(s) exceed max volume count');

/** Drivers by what identifies the volume: two pods with one volume take one place. */
type Volumes = ReadonlyMap<string, string>;

interface Claiming {
  readonly namespace: string;
  readonly claims: readonly string[];
}

export function nodeVolumeLimits(listers: VolumeListers): PreFilterPlugin<Volumes> & FilterPlugin<Volumes> {
  return {
    name,
    requeueOn: { podDeleted: true, volumes: true, nodeAdded: true },
    preFilter(shape) {
      const wanted = volumesOf(listers, shape);
      return wanted.size === 0 ? { kind: 'skip' } : { kind: 'state', state: wanted };
    },
    filterScope: 'cluster',
    filter(wanted, _shape, node) {
      const limits = new Map(listers.csiNode(node.name)?.spec.drivers.flatMap(({ name: driver, allocatable }) => (allocatable?.count === undefined ? [] : [[driver, allocatable.count] as const])));
      if (limits.size === 0) return undefined;
      const used = new Map<string, string>();
      for (const { shape } of node.pods.values()) for (const [volume, driver] of volumesOf(listers, shape)) used.set(volume, driver);
      for (const [driver, limit] of limits) {
        const more = count(wanted, driver, (volume) => !used.has(volume));
        if (more > 0 && count(used, driver) + more > limit) return exceeded;
      }
      return undefined;
    },
  };
}

function count(volumes: Volumes, driver: string, counts: (volume: string) => boolean = () => true): number {
  let found = 0;
  for (const [volume, of] of volumes) if (of === driver && counts(volume)) found++;
  return found;
}

/** The CSI volumes of the pod; for a claim that has none yet the one that its class will make. */
function volumesOf(listers: VolumeListers, { namespace, claims }: Claiming): Volumes {
  const found = new Map<string, string>();
  for (const claimName of claims) {
    const claim = listers.claim(namespace, claimName);
    if (!claim) continue;
    const csi = listers.volume(claim.spec?.volumeName ?? '')?.spec?.csi;
    if (csi) found.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
    else if (!claim.spec?.volumeName) {
      const driver = listers.storageClass(storageClassOf(claim))?.provisioner;
      if (driver !== undefined) found.set(`${driver}/${namespace}/${claimName}`, driver);
    }
  }
  return found;
}
