/** Who goes first when a node runs short, what it is told, and who goes for using more than its own limits. Rules and wording: upstream's pkg/kubelet/eviction. Pure. */
import { podLimitQuantities, podRequests } from '../../../api/pod-resources.ts';
import { formatQuantity, quantityOf, valueOf } from '../../../api/quantity.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { containerDiskBytes, diskBytes, diskInodes, memoryBytes } from './pod-figures.ts';
import type { ContainerFigures, PodFigures } from './pod-figures.ts';
import { limitOf } from './thresholds.ts';
import type { Observations, Signal, Threshold } from './thresholds.ts';

/** As messages name what is short. */
export const resourceOf: Readonly<Record<Signal, 'memory' | 'ephemeral-storage' | 'inodes' | 'pids'>> = {
  'memory.available': 'memory',
  'nodefs.available': 'ephemeral-storage',
  'nodefs.inodesFree': 'inodes',
  'imagefs.available': 'ephemeral-storage',
  'imagefs.inodesFree': 'inodes',
  'pid.available': 'pids',
};

/** The first to be evicted first: those above their requests, then the less important, then the hungriest. */
export function rankForEviction(pods: readonly Pod[], figures: ReadonlyMap<string, PodFigures>, signal: Signal): readonly Pod[] {
  const usageOf = usages[resourceOf[signal]];
  const ranked = pods.map((pod) => {
    const used = figures.get(pod.metadata.uid ?? '');
    const requested = podRequests(pod).get(resourceOf[signal] === 'memory' ? 'memory' : 'ephemeral-storage') ?? 0;
    const above = used && usageOf ? usageOf(used) - requested : undefined;
    // Nobody can tell what a pod without figures uses: it counts as above everything.
    return { pod, above: above ?? Infinity, exceeds: usageOf ? (above ?? Infinity) > 0 : true };
  });
  return ranked
    .toSorted((a, b) => Number(b.exceeds) - Number(a.exceeds) || (a.pod.spec.priority ?? 0) - (b.pod.spec.priority ?? 0) || (b.above === a.above ? 0 : b.above - a.above))
    .map(({ pod }) => pod);
}

/** Processes are not counted by pod: there, priority alone decides. */
const usages: Readonly<Record<'memory' | 'ephemeral-storage' | 'inodes' | 'pids', ((figures: PodFigures) => number) | undefined>> = {
  memory: memoryBytes,
  'ephemeral-storage': diskBytes,
  inodes: diskInodes,
  pids: undefined,
};

const binary = (bytes: number) => formatQuantity(quantityOf(bytes, 'BinarySI'));

export function evictionMessage(threshold: Threshold, observations: Observations, pod: Pod, figures: PodFigures | undefined): string {
  const resource = resourceOf[threshold.signal];
  const { available, capacity } = observations[threshold.signal];
  const limit = threshold.limit.endsWith('%') ? binary(limitOf(threshold, capacity)) : threshold.limit;
  const offenders = (figures?.containers ?? []).flatMap((container) => {
    const used = resource === 'memory' ? container.memoryBytes : resource === 'ephemeral-storage' ? containerDiskBytes(container) : undefined;
    const request = requestOf(pod, container, resource);
    if (used === undefined || used <= valueOf(request)) return [];
    return [`Container ${container.name} was using ${binary(used)}, request is ${request}, has larger consumption of ${resource}. `];
  });
  return [`The node was low on resource: ${resource}. `, `Threshold quantity: ${limit}, available: ${binary(available)}. `, ...offenders].join('');
}

function requestOf({ spec }: Pod, { name }: ContainerFigures, resource: string): string {
  return [...spec.containers, ...(spec.initContainers ?? [])].find((container) => container.name === name)?.resources?.requests?.[resource] ?? '0';
}

/** What the pod uses of the node's disk beyond its own limits, as its status says it; undefined where all is well. */
export function localStorageExcess({ pod, containers, volumes }: PodFigures): string | undefined {
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    const limit = emptyDir?.sizeLimit;
    const used = volumes.find(({ volume }) => volume === name)?.bytes;
    if (limit !== undefined && used !== undefined && valueOf(limit) > 0 && used > valueOf(limit)) return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
  }
  const podLimit = podLimitQuantities(pod).get('ephemeral-storage');
  if (podLimit && diskBytes({ pod, containers, volumes }) > valueOf(formatQuantity(podLimit))) return `Pod ephemeral local storage usage exceeds the total limit of containers ${formatQuantity(podLimit)}. `;
  for (const container of containers) {
    const limit = pod.spec.containers.find(({ name }) => name === container.name)?.resources?.limits?.['ephemeral-storage'];
    if (limit !== undefined && valueOf(limit) > 0 && containerDiskBytes(container) > valueOf(limit)) return `Container ${container.name} exceeded its local ephemeral storage limit "${limit}". `;
  }
  return undefined;
}

/** Whether a node under this pressure may take the pod; the message where not. */
export function refusedUnderPressure(pressure: { readonly memory: boolean; readonly disk: boolean; readonly pid: boolean }, pod: Pod, isBestEffort: boolean): string | undefined {
  const conditions = [...(pressure.memory ? ['MemoryPressure'] : []), ...(pressure.disk ? ['DiskPressure'] : []), ...(pressure.pid ? ['PIDPressure'] : [])];
  if (conditions.length === 0) return undefined;
  const onlyMemory = pressure.memory && conditions.length === 1;
  if (onlyMemory && (!isBestEffort || toleratesMemoryPressure(pod))) return undefined;
  return `The node had condition: [${conditions.join(' ')}]. `;
}

function toleratesMemoryPressure({ spec }: Pod): boolean {
  return (spec.tolerations ?? []).some(({ key, operator, value, effect }) => {
    if (effect && effect !== 'NoSchedule') return false;
    if (!key) return operator === 'Exists';
    return key === 'node.kubernetes.io/memory-pressure' && (operator === 'Exists' || !value);
  });
}
