/** The Node object as its kubelet writes it. Pure: conditions, addresses, capacity and system information from a description. */
import { formatTime } from '../../base/clock.ts';
import type { Node, NodeCondition, NodeStatus } from '../../api/types/core-v1.ts';

export interface NodeDescription {
  readonly name: string;
  /** The first is the one that others use. */
  readonly internalIps: readonly string[];
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
  /** Left out on nodes that pretend. */
  readonly system?: SystemDescription;
  readonly images: readonly { readonly names: readonly string[]; readonly sizeBytes: number }[];
}

export interface SystemDescription {
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly architecture: string;
  readonly features: NodeStatus['features'];
  readonly runtimeHandlers: NonNullable<NodeStatus['runtimeHandlers']>;
}

/** What of a real node changes while it runs. */
export interface NodeObservation {
  readonly pressure: { readonly memory: boolean; readonly disk: boolean; readonly pid: boolean };
  /** Why no pod can be run; empty where all is well. */
  readonly problems: readonly string[];
  readonly images: NodeDescription['images'];
  readonly volumesInUse: readonly string[];
  readonly runtimeVersion: string;
}

const defaultKubeletPort = 10250;
export const kubeletVersion = 'v1.36.0';
const architecture = 'amd64';
const operatingSystem = 'linux';

interface Verdict {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** Reasons and messages are upstream's (pkg/kubelet/nodestatus/setters.go). */
function pressureVerdict(type: string, pressed: boolean, [bad, good]: readonly [string, string], [badText, goodText]: readonly [string, string]): Verdict {
  return pressed ? { type, status: 'True', reason: bad, message: badText } : { type, status: 'False', reason: good, message: goodText };
}

function readyVerdict(problems: readonly string[]): Verdict {
  if (problems.length === 0) return { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' };
  return { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: problems.length === 1 ? `${problems[0]}` : `[${problems.join(', ')}]` };
}

function verdictsOn({ pressure, problems }: Pick<NodeObservation, 'pressure' | 'problems'>): readonly Verdict[] {
  return [
    pressureVerdict('MemoryPressure', pressure.memory, ['KubeletHasInsufficientMemory', 'KubeletHasSufficientMemory'], ['kubelet has insufficient memory available', 'kubelet has sufficient memory available']),
    pressureVerdict('DiskPressure', pressure.disk, ['KubeletHasDiskPressure', 'KubeletHasNoDiskPressure'], ['kubelet has disk pressure', 'kubelet has no disk pressure']),
    pressureVerdict('PIDPressure', pressure.pid, ['KubeletHasInsufficientPID', 'KubeletHasSufficientPID'], ['kubelet has insufficient PID available', 'kubelet has sufficient PID available']),
    readyVerdict(problems),
  ];
}

const healthy = verdictsOn({ pressure: { memory: false, disk: false, pid: false }, problems: [] });

/** A condition keeps its transition time for as long as its status stays. */
export function nodeConditions(nowMs: number, previous: readonly NodeCondition[] = [], observation?: NodeObservation): NodeCondition[] {
  const now = formatTime(nowMs);
  return (observation ? verdictsOn(observation) : healthy).map(({ type, status, reason, message }) => {
    const before = previous.find((condition) => condition.type === type);
    const since = before?.status === status ? before.lastTransitionTime : undefined;
    return { type, status, lastHeartbeatTime: now, lastTransitionTime: since ?? now, reason, message };
  });
}

export function nodeStatus(description: NodeDescription, nowMs: number, previous?: NodeStatus, observation?: NodeObservation): NodeStatus {
  const { system } = description;
  const images = observation?.images ?? description.images;
  return {
    capacity: { ...description.capacity },
    allocatable: { ...description.allocatable },
    conditions: nodeConditions(nowMs, previous?.conditions, observation),
    addresses: [
      ...description.internalIps.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: description.name },
      ...(description.serverAddress === undefined ? [] : [{ type: 'InternalDNS', address: description.serverAddress }]),
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: description.kubeletPort ?? defaultKubeletPort } },
    // Commands may come by WebSocket: without the first, upstream's API server would make SPDY of them.
    declaredFeatures: [...(description.kubeletPort === undefined ? [] : ['ExtendWebSocketsToKubelet']), 'InPlacePodLevelResourcesVerticalScaling', 'InPlacePodVerticalScalingInitContainers', 'RestartAllContainersOnContainerExits'],
    nodeInfo: {
      machineID: description.machineId,
      systemUUID: system?.systemUuid ?? description.machineId,
      bootID: system?.bootId ?? description.machineId,
      kernelVersion: system?.kernelVersion ?? '6.1.0',
      osImage: system?.osImage ?? 'Coxswain hollow node',
      containerRuntimeVersion: observation?.runtimeVersion ?? description.runtimeVersion,
      kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem,
      architecture: system?.architecture ?? architecture,
    },
    ...(images.length > 0 ? { images: images.map(({ names, sizeBytes }) => ({ names: [...names], sizeBytes })) } : {}),
    ...(system?.features ? { features: system.features } : {}),
    ...(system?.runtimeHandlers.length ? { runtimeHandlers: system.runtimeHandlers } : {}),
    ...(observation?.volumesInUse.length ? { volumesInUse: [...observation.volumesInUse] } : {}),
  };
}

export function nodeLabels(description: NodeDescription): Record<string, string> {
  const arch = description.system?.architecture ?? architecture;
  return {
    'beta.kubernetes.io/arch': arch,
    'beta.kubernetes.io/os': operatingSystem,
    'kubernetes.io/arch': arch,
    'kubernetes.io/hostname': description.name,
    'kubernetes.io/os': operatingSystem,
    ...description.labels,
  };
}

/** The object to register with. */
export function newNode(description: NodeDescription, nowMs: number, observation?: NodeObservation): Node {
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
    status: nodeStatus(description, nowMs, undefined, observation),
  };
}
