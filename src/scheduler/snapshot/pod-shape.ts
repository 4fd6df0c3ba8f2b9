/**
 * What of a pod decides where it can go. Pods of one controller are alike in
 * all of it, so a shape is made once and shared: its sums, parsed selectors and
 * ports, and whatever the scheduler has worked out for it.
 */
import { labelSelectorOf, LabelSelector } from '../../api/selectors/label-selector.ts';
import type { Labels } from '../../api/selectors/label-selector.ts';
import { podRequests } from '../../api/pod-resources.ts';
import type { Container, NodeAffinity, Pod, PodAffinityTerm, Toleration, TopologySpreadConstraint, Volume } from '../../api/types/core-v1.ts';
import type { NodeInfo } from './node-info.ts';
import { cpu, memory } from './resources.ts';
import type { ResourceSlots } from './resources.ts';

export interface PodShape {
  /** Unique as long as the shape is in use. */
  readonly key: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly priority: number;
  readonly preemptionPolicy: string;
  /** By resource slot; trailing ones may be missing. */
  readonly requests: readonly number[];
  /** For scoring: containers that ask for nothing count as if they asked for a little. */
  readonly nonZeroCpu: number;
  readonly nonZeroMemory: number;
  readonly hostPorts: readonly HostPort[];
  readonly images: readonly string[];
  readonly containerCount: number;
  readonly nodeSelector: Readonly<Record<string, string>> | undefined;
  readonly nodeAffinity: NodeAffinity | undefined;
  readonly tolerations: readonly Toleration[];
  readonly spread: readonly TopologySpreadConstraint[];
  readonly affinity: readonly AffinityTerm[];
  readonly antiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly AffinityTerm[];
  readonly preferredAntiAffinity: readonly AffinityTerm[];
  readonly hasAffinity: boolean;
  readonly controller: { readonly kind: string; readonly name: string } | undefined;
  readonly volumes: readonly Volume[];
  /** Names of claims in the pod's namespace. */
  readonly claims: readonly string[];
  /** By how many pods known to the scheduler. */
  users: number;
  /** How many of them each node has, without those that are terminating. */
  readonly placed: Map<NodeInfo, number>;
}

export interface HostPort {
  readonly protocol: string;
  readonly ip: string;
  readonly port: number;
}

export interface AffinityTerm {
  readonly selector: LabelSelector;
  readonly namespaces: ReadonlySet<string>;
  readonly namespaceSelector: LabelSelector | undefined;
  readonly topologyKey: string;
  readonly weight: number;
}

const defaultMilliCpu = '100m';
const defaultMemory = String(200 * 1024 * 1024);

/** Two pods with the same key can take each other's place. */
export function shapeKey(pod: Pod): string {
  const { metadata, spec } = pod;
  const containers = (list: readonly Container[] | undefined) => list?.map(({ resources, ports, image, restartPolicy }) => [resources?.requests, ports, image, restartPolicy]);
  const controller = metadata.ownerReferences?.find((owner) => owner.controller);
  return JSON.stringify([
    metadata.namespace,
    metadata.labels,
    controller?.kind,
    controller?.name,
    spec.priority,
    spec.preemptionPolicy,
    containers(spec.containers),
    containers(spec.initContainers),
    spec.resources,
    spec.overhead,
    spec.hostNetwork,
    spec.nodeSelector,
    spec.affinity,
    spec.tolerations,
    spec.topologySpreadConstraints,
    spec.volumes?.filter(isScheduled).map((volume) => (volume.ephemeral ? [metadata.name, volume.name] : volume)),
    resizing(pod),
  ]);
}

/** What containers have been given, where it differs from what they ask for. */
function resizing({ spec, status }: Pod): unknown {
  const differing = status?.containerStatuses?.filter(({ name, allocatedResources }) => {
    const requests = spec.containers.find((container) => container.name === name)?.resources?.requests;
    return allocatedResources && requests && JSON.stringify(allocatedResources) !== JSON.stringify(requests);
  });
  return differing?.length ? differing.map(({ allocatedResources, resources }) => [allocatedResources, resources]) : undefined;
}

/** Volumes that restrict where a pod can go. */
function isScheduled(volume: Volume): boolean {
  return Boolean(volume.persistentVolumeClaim ?? volume.ephemeral ?? volume.gcePersistentDisk ?? volume.awsElasticBlockStore ?? volume.rbd ?? volume.iscsi);
}

export function makeShape(key: string, pod: Pod, slots: ResourceSlots): PodShape {
  const { metadata, spec } = pod;
  const namespace = metadata.namespace ?? '';
  const labels = metadata.labels ?? {};
  const { podAffinity, podAntiAffinity, nodeAffinity } = spec.affinity ?? {};
  const nonZero = podRequests(withDefaults(pod));
  const terms = (list: readonly PodAffinityTerm[] | undefined) => (list ?? []).map((term) => affinityTerm(term, namespace, labels, 0));
  const preferred = (list: readonly { weight: number; podAffinityTerm: PodAffinityTerm }[] | undefined) =>
    (list ?? []).map(({ weight, podAffinityTerm }) => affinityTerm(podAffinityTerm, namespace, labels, weight));
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const volumes = spec.volumes?.filter(isScheduled) ?? [];
  const controller = metadata.ownerReferences?.find((owner) => owner.controller);
  return {
    key,
    namespace,
    labels,
    priority: spec.priority ?? 0,
    preemptionPolicy: spec.preemptionPolicy ?? 'PreemptLowerPriority',
    requests: requestsBySlot(podRequests(pod), slots),
    nonZeroCpu: nonZero.get('cpu') ?? 0,
    nonZeroMemory: nonZero.get('memory') ?? 0,
    hostPorts: hostPorts(pod),
    images: [...containers.map(({ image }) => imageWithTag(image ?? '')), ...(spec.volumes ?? []).flatMap(({ image }) => (image?.reference ? [imageWithTag(image.reference)] : []))],
    containerCount: containers.length,
    nodeSelector: spec.nodeSelector,
    nodeAffinity,
    tolerations: spec.tolerations ?? [],
    spread: spec.topologySpreadConstraints ?? [],
    affinity: terms(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    antiAffinity: terms(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: preferred(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: preferred(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    hasAffinity: Boolean(podAffinity ?? podAntiAffinity),
    controller: controller && { kind: controller.kind, name: controller.name },
    volumes,
    claims: volumes.flatMap((volume) => (volume.persistentVolumeClaim ? [volume.persistentVolumeClaim.claimName] : volume.ephemeral ? [`${metadata.name}-${volume.name}`] : [])),
    users: 0,
    placed: new Map(),
  };
}

function requestsBySlot(requests: ReadonlyMap<string, number>, slots: ResourceSlots): number[] {
  const bySlot: number[] = [0, 0, 0];
  for (const [name, amount] of requests) {
    const slot = slots.slot(name);
    while (bySlot.length <= slot) bySlot.push(0);
    bySlot[slot] = amount;
  }
  return bySlot;
}

function withDefaults(pod: Pod): Pod {
  const fill = (container: Container): Container => ({
    ...container,
    resources: { ...container.resources, requests: { cpu: defaultMilliCpu, memory: defaultMemory, ...container.resources?.requests } },
  });
  const { initContainers } = pod.spec;
  return { ...pod, spec: { ...pod.spec, containers: pod.spec.containers.map(fill), initContainers: initContainers?.map(fill) } };
}

function hostPorts({ spec }: Pod): HostPort[] {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const ports: HostPort[] = [];
  for (const container of [...spec.containers, ...sidecars]) {
    for (const { hostPort, hostIP, protocol } of container.ports ?? []) {
      if (hostPort) ports.push({ port: hostPort, ip: hostIP || '0.0.0.0', protocol: protocol || 'TCP' });
    }
  }
  return ports;
}

export function imageWithTag(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image;
}

function affinityTerm(term: PodAffinityTerm, namespace: string, labels: Labels, weight: number): AffinityTerm {
  const { namespaces = [], namespaceSelector, topologyKey, labelSelector } = term;
  let selector = labelSelectorOf(labelSelector);
  const own = (keys: readonly string[] | undefined, operator: 'in' | 'notin') =>
    (keys ?? []).flatMap((key) => (labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }]));
  const more = labelSelector ? [...own(term.matchLabelKeys, 'in'), ...own(term.mismatchLabelKeys, 'notin')] : [];
  if (more.length > 0) selector = new LabelSelector([...selector.requirements, ...more]);
  const names = new Set(namespaces.length === 0 && !namespaceSelector ? [namespace] : namespaces);
  return { selector, namespaces: names, namespaceSelector: namespaceSelector && labelSelectorOf(namespaceSelector), topologyKey, weight };
}

/** Whether the pods of a shape are among those a term is about. */
export function matchesTermOf(term: AffinityTerm, shape: PodShape, namespaceLabels: (name: string) => Labels): boolean {
  const inNamespace = term.namespaces.has(shape.namespace) || (term.namespaceSelector?.matches(namespaceLabels(shape.namespace)) ?? false);
  return inNamespace && term.selector.matches(shape.labels);
}

/** Whether the shape asks nothing of cpu and memory. */
export function isBestEffort({ requests }: PodShape): boolean {
  return requests[cpu] === 0 && requests[memory] === 0;
}
