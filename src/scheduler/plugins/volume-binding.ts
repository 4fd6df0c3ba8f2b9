/**
 * VolumeBinding: a pod's claims must be bound to volumes the node can reach, or
 * be such that they can be bound once a node is chosen. For those it tells, by
 * the claim's `selected-node` annotation, where the volume is wanted, and waits
 * until it is there.
 */
import type { Clock } from '../../base/clock.ts';
import type { PersistentVolume, PersistentVolumeClaim, TopologySelectorTerm } from '../../api/types/core-v1.ts';
import { compareQuantity, parseQuantity } from '../../api/quantity.ts';
import { labelSelectorOf } from '../../api/selectors/label-selector.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import { findMatchingVolume, storageClassOf } from '../../api/volume-matching.ts';
import type { Client } from '../../client/client.ts';
import { nodes, persistentVolumeClaims, persistentVolumes } from '../../client/resources.ts';
import type { FilterPlugin, PreBindPlugin, PreFilterPlugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import type { Status } from '../framework/status.ts';
import { matchesSelector, type NodeLike } from '../../api/node-selection.ts';
import type { VolumeListers } from './volume-listers.ts';
import { isBound } from './volume-listers.ts';

const name = 'VolumeBinding';
const unboundImmediate = unresolvable(name, 'pod has unbound immediate PersistentVolumeClaims');
const wrongNode = unresolvable(name, "node(s) didn't match PersistentVolume's node affinity");
const noMatch = unresolvable(name, "node(s) didn't find available persistent volumes to bind");
const noRoom = unresolvable(name, 'node(s) did not have enough free storage');
const missingVolume = unresolvable(name, 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)');

const noProvisioner = 'kubernetes.io/no-provisioner';
const selectedNode = 'volume.kubernetes.io/selected-node';
const boundByController = 'pv.kubernetes.io/bound-by-controller';
const bindTimeoutMs = 600_000;
const pollMs = 100;

interface ClaimsState {
  readonly bound: readonly PersistentVolumeClaim[];
  readonly delayed: readonly PersistentVolumeClaim[];
}

export interface VolumeBindingOptions {
  readonly listers: VolumeListers;
  readonly clock: Clock;
  /** Left out where nothing is ever bound, as in tests of the core. */
  readonly client?: Client;
}

export function volumeBinding(options: VolumeBindingOptions): PreFilterPlugin<ClaimsState> & FilterPlugin<ClaimsState> & PreBindPlugin {
  const { listers } = options;
  return {
    name,
    requeueOn: { volumes: true, nodeAdded: true, nodeLabels: true },
    preFilter(shape) {
      if (shape.claims.length === 0) return { kind: 'skip' };
      const found = findClaims(listers, shape.namespace, shape.claims);
      if ('code' in found) return { kind: 'rejected', status: found };
      return { kind: 'state', state: found };
    },
    filterScope: 'cluster',
    filter({ bound, delayed }, _shape, node) {
      for (const claim of bound) {
        const volume = listers.volume(claim.spec?.volumeName ?? '');
        if (!volume) return missingVolume;
        if (!reaches(volume, node)) return wrongNode;
      }
      const taken = new Set<string>();
      for (const claim of delayed) {
        if (findVolume(listers, claim, node, taken)) continue;
        const storageClass = provisioningClass(listers, claim, node);
        if (!storageClass) return noMatch;
        if (!hasRoom(listers, claim, storageClass, node)) return noRoom;
      }
      return undefined;
    },
    preBind({ shape }, nodeName) {
      if (shape.claims.length === 0 || !options.client) return undefined;
      const found = findClaims(listers, shape.namespace, shape.claims);
      if ('code' in found || found.delayed.length === 0) return undefined;
      return bindClaims(options, options.client, found.delayed, nodeName);
    },
  };
}

function findClaims(listers: VolumeListers, namespace: string, names: readonly string[]): ClaimsState | Status {
  const bound: PersistentVolumeClaim[] = [];
  const delayed: PersistentVolumeClaim[] = [];
  let immediate = false;
  for (const claimName of names) {
    const claim = listers.claim(namespace, claimName);
    if (!claim) return unresolvable(name, `persistentvolumeclaim "${claimName}" not found`);
    if (claim.status?.phase === 'Lost') {
      return unresolvable(name, `persistentvolumeclaim "${claimName}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`);
    }
    if (claim.metadata.deletionTimestamp) return unresolvable(name, `persistentvolumeclaim "${claimName}" is being deleted`);
    if (isBound(claim)) bound.push(claim);
    else if (listers.storageClass(storageClassOf(claim))?.volumeBindingMode === 'WaitForFirstConsumer' && !claim.spec?.volumeName) delayed.push(claim);
    else immediate = true;
  }
  return immediate ? unboundImmediate : { bound, delayed };
}

function reaches({ spec }: PersistentVolume, node: NodeLike): boolean {
  const required = spec?.nodeAffinity?.required;
  return !required || matchesSelector(required, node);
}

/** It is added to `taken`, so that no other claim of the pod gets it. */
function findVolume(listers: VolumeListers, claim: PersistentVolumeClaim, node: NodeLike, taken: Set<string>): PersistentVolume | undefined {
  const found = findMatchingVolume(claim, listers.volumes(), { reaches: (volume) => reaches(volume, node), except: taken });
  if (found) taken.add(found.metadata.name ?? '');
  return found;
}

/** The claim's class, if its provisioner can make a volume for the node. */
function provisioningClass(listers: VolumeListers, claim: PersistentVolumeClaim, node: NodeLike): StorageClass | undefined {
  const storageClass = listers.storageClass(storageClassOf(claim));
  if (!storageClass || storageClass.provisioner === '' || storageClass.provisioner === noProvisioner) return undefined;
  const terms = storageClass.allowedTopologies ?? [];
  return terms.length === 0 || terms.some((term) => matchesTopology(term, node)) ? storageClass : undefined;
}

/** Drivers may publish how much they can still give, and where; what the others can is found out by trying. */
function hasRoom(listers: VolumeListers, claim: PersistentVolumeClaim, { metadata, provisioner }: StorageClass, { labels }: NodeLike): boolean {
  if (!listers.csiDriver(provisioner)?.spec.storageCapacity) return true;
  const wanted = parseQuantity(claim.spec?.resources?.requests?.['storage'] ?? '0');
  for (const { storageClassName, nodeTopology, capacity, maximumVolumeSize } of listers.storageCapacities()) {
    if (storageClassName !== metadata.name || !nodeTopology || !labelSelectorOf(nodeTopology).matches(labels)) continue;
    const room = maximumVolumeSize ?? capacity;
    if (room !== undefined && compareQuantity(parseQuantity(room), wanted) >= 0) return true;
  }
  return false;
}

function matchesTopology({ matchLabelExpressions = [] }: TopologySelectorTerm, { labels }: NodeLike): boolean {
  return matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''));
}

/** Reserves volumes that exist, asks for those that do not, and waits for all. */
async function bindClaims({ listers, clock }: VolumeBindingOptions, client: Client, claims: readonly PersistentVolumeClaim[], nodeName: string): Promise<void> {
  const { metadata: { labels = {} } } = await client.get(nodes, { name: nodeName });
  const node: NodeLike = { name: nodeName, labels };
  const taken = new Set<string>();
  for (const claim of claims) {
    const volume = findVolume(listers, claim, node, taken);
    const { namespace, name: claimName, uid } = claim.metadata;
    if (volume) {
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: claimName, uid };
      await client.patch(persistentVolumes, volume.metadata, { metadata: { annotations: { [boundByController]: 'yes' } }, spec: { claimRef } }, { type: 'merge' });
    } else {
      await client.patch(persistentVolumeClaims, claim.metadata, { metadata: { annotations: { [selectedNode]: nodeName } } }, { type: 'merge' });
    }
  }
  const deadline = clock.monotonic() + bindTimeoutMs;
  const asked = new Set<string>();
  const isDone = ({ metadata: { namespace = '', name: claimName = '' } }: PersistentVolumeClaim) => {
    const current = listers.claim(namespace, claimName);
    if (!current) throw new Error(`persistentvolumeclaim "${claimName}" not found`);
    if (isBound(current)) return true;
    // Whoever takes the annotation away says that it cannot be done there.
    if (current.metadata.annotations?.[selectedNode] !== undefined) asked.add(claimName);
    else if (asked.has(claimName)) throw new Error(`provisioning failed for PVC "${claimName}"`);
    return false;
  };
  while (!claims.every(isDone)) {
    if (clock.monotonic() > deadline) throw new Error('binding volumes: context deadline exceeded');
    await clock.sleep(pollMs);
  }
}
