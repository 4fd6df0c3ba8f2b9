/** VolumeZone: volumes that are labelled with a zone or region can be reached from there only. */
import type { FilterPlugin, PreFilterPlugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import type { VolumeListers } from './volume-listers.ts';

const name = 'VolumeZone';
const refused = unresolvable(name, 'node(s) had no available volume zone');

const topologyLabels = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
];

/** One label of a volume: the zones it may be reached from. */
interface Place {
  readonly key: string;
  readonly values: ReadonlySet<string>;
}

export function volumeZone(listers: VolumeListers): PreFilterPlugin<readonly Place[]> & FilterPlugin<readonly Place[]> {
  return {
    name,
    requeueOn: { volumes: true, nodeAdded: true, nodeLabels: true },
    preFilter(shape) {
      const places: Place[] = [];
      for (const claimName of shape.claims) {
        const volumeName = listers.claim(shape.namespace, claimName)?.spec?.volumeName;
        const labels = (volumeName ? listers.volume(volumeName)?.metadata.labels : undefined) ?? {};
        for (const key of topologyLabels) if (labels[key] !== undefined) places.push({ key, values: new Set(labels[key].split('__')) });
      }
      return places.length === 0 ? { kind: 'skip' } : { kind: 'state', state: places };
    },
    filterScope: 'cluster',
    filter(places, _shape, { labels }) {
      // Clusters without zones constrain nothing.
      if (!topologyLabels.some((key) => labels[key] !== undefined)) return undefined;
      return places.every(({ key, values }) => values.has(labels[key] ?? '')) ? undefined : refused;
    },
  };
}
