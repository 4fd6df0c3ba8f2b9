/** The node's CSINode object, which tells scheduler and provisioners which drivers are here and what they reach. */
import type { CSINode, CSINodeDriver } from '../../../../api/types/storage-v1.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../../../client/failure.ts';
import { csiNodes, nodes } from '../../../../client/resources.ts';
import type { VolumeHost } from '../volume-plugin.ts';
import type { NodeInfo } from './csi-api.ts';

const nodeIdAnnotation = 'csi.volume.kubernetes.io/nodeid';

export async function addToCsiNode(host: VolumeHost, driver: string, { node_id: nodeID, max_volumes_per_node: count, accessible_topology: topology }: NodeInfo): Promise<void> {
  const segments = topology?.segments ?? {};
  await changeNode(host, segments, (ids) => ({ ...ids, [driver]: nodeID }));
  const entry: CSINodeDriver = { name: driver, nodeID, topologyKeys: Object.keys(segments).sort(), ...(count > 0 ? { allocatable: { count } } : {}) };
  await changeDrivers(host, (drivers) => [...drivers.filter(({ name }) => name !== driver), entry]);
}

export async function removeFromCsiNode(host: VolumeHost, driver: string): Promise<void> {
  await changeDrivers(host, (drivers) => drivers.filter(({ name }) => name !== driver));
  await changeNode(host, {}, ({ [driver]: _, ...others }) => others);
}

/** Labels of the driver's topology, and the driver's name for the node. */
async function changeNode({ client, nodeName, signal }: VolumeHost, labels: Readonly<Record<string, string>>, change: (ids: Readonly<Record<string, string>>) => Readonly<Record<string, string>>): Promise<void> {
  const { metadata } = await client.get(nodes, { name: nodeName }, { signal });
  const before = JSON.parse(metadata.annotations?.[nodeIdAnnotation] ?? '{}') as Record<string, string>;
  const after = change(before);
  const annotations = { [nodeIdAnnotation]: Object.keys(after).length > 0 ? JSON.stringify(after) : null };
  await client.patch(nodes, { name: nodeName }, { metadata: { labels, annotations } }, { type: 'strategic', signal });
}

/** Tried again where another driver was faster. */
async function changeDrivers({ client, nodeName, signal }: VolumeHost, change: (drivers: readonly CSINodeDriver[]) => CSINodeDriver[]): Promise<void> {
  for (;;) {
    const existing = await client.get(csiNodes, { name: nodeName }, { signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    try {
      if (existing) await client.update(csiNodes, { ...existing, spec: { drivers: change(existing.spec.drivers ?? []) } }, { signal });
      else await client.create(csiNodes, await newCsiNode({ client, nodeName, signal }, change([])), { signal });
      return;
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error)) throw error;
    }
  }
}

/** It goes with its node. */
async function newCsiNode({ client, nodeName, signal }: Pick<VolumeHost, 'client' | 'nodeName' | 'signal'>, drivers: CSINodeDriver[]): Promise<CSINode> {
  const { metadata } = await client.get(nodes, { name: nodeName }, { signal });
  return { metadata: { name: nodeName, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: metadata.uid ?? '' }] }, spec: { drivers } };
}
