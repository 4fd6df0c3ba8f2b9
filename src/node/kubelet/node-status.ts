/** The Node object as its kubelet writes it. Pure: conditions, addresses, capacity and system information from a description. */
import { formatTime } from '../../base/clock.ts';
import type { Node, NodeCondition, NodeStatus } from '../../api/types/core-v1.ts';

export interface NodeDescription {
  readonly name: string;
  readonly internalIp: string;
  readonly podCidr: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  /** Where the node's server listens; undefined: it has none. */
  readonly kubeletPort: number | undefined;
  /** A name or address that leads to the server, where the internal address does not. */
  readonly serverAddress: string | undefined;
  readonly runtimeVersion: string;
  /** Stable over restarts of the node. */
  readonly machineId: string;
  readonly images: readonly { readonly names: readonly string[]; readonly sizeBytes: number }[];
}

const defaultKubeletPort = 10250;
export const kubeletVersion = 'v1.36.0';
const architecture = 'amd64';
const operatingSystem = 'linux';

/** Reasons and messages are upstream's (pkg/kubelet/nodestatus/setters.go). */
const healthy: readonly (readonly [type: string, status: string, reason: string, message: string])[] = [
  ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
];

/** A condition keeps its transition time for as long as its status stays. */
export function nodeConditions(nowMs: number, previous: readonly NodeCondition[] = []): NodeCondition[] {
  const now = formatTime(nowMs);
  return healthy.map(([type, status, reason, message]) => {
    const before = previous.find((condition) => condition.type === type);
    const since = before?.status === status ? before.lastTransitionTime : undefined;
    return { type, status, lastHeartbeatTime: now, lastTransitionTime: since ?? now, reason, message };
  });
}

export function nodeStatus(description: NodeDescription, nowMs: number, previous?: NodeStatus): NodeStatus {
  return {
    capacity: { ...description.capacity },
    allocatable: { ...description.allocatable },
    conditions: nodeConditions(nowMs, previous?.conditions),
    addresses: [
      { type: 'InternalIP', address: description.internalIp },
      { type: 'Hostname', address: description.name },
      ...(description.serverAddress === undefined ? [] : [{ type: 'InternalDNS', address: description.serverAddress }]),
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: description.kubeletPort ?? defaultKubeletPort } },
    // Commands may come by WebSocket: without it upstream's API server would make SPDY of them.
    ...(description.kubeletPort === undefined ? {} : { declaredFeatures: ['ExtendWebSocketsToKubelet'] }),
    nodeInfo: {
      machineID: description.machineId,
      systemUUID: description.machineId,
      bootID: description.machineId,
      kernelVersion: '6.1.0',
      osImage: 'Coxswain hollow node',
      containerRuntimeVersion: description.runtimeVersion,
      kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem,
      architecture,
    },
    ...(description.images.length > 0 ? { images: description.images.map(({ names, sizeBytes }) => ({ names: [...names], sizeBytes })) } : {}),
  };
}

export function nodeLabels(description: NodeDescription): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': operatingSystem,
    'kubernetes.io/arch': architecture,
    'kubernetes.io/hostname': description.name,
    'kubernetes.io/os': operatingSystem,
    ...description.labels,
  };
}

/** The object to register with. */
export function newNode(description: NodeDescription, nowMs: number): Node {
  const { podCidr, taints } = description;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: description.name,
      labels: nodeLabels(description),
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: {
      ...(podCidr === undefined ? {} : { podCIDR: podCidr, podCIDRs: [podCidr] }),
      ...(taints.length === 0 ? {} : { taints: taints.map((taint) => ({ ...taint })) }),
    },
    status: nodeStatus(description, nowMs),
  };
}
