/**
 * The part of CRI v1 (runtime.v1, k8s.io/cri-api) that the kubelet uses, and
 * containerd's own service of events. One table says what is on the wire, and
 * the types are derived from it. Times are nanoseconds since the epoch, held as
 * numbers: exact to a quarter of a microsecond.
 */
import { grpcMethods } from '../../base/grpc-table.ts';
import type { Field, Method } from '../../base/grpc-table.ts';

const messages = {
  VersionRequest: { version: ['string', 1] },
  VersionResponse: { version: ['string', 1], runtimeName: ['string', 2], runtimeVersion: ['string', 3], runtimeApiVersion: ['string', 4] },
  StatusRequest: { verbose: ['bool', 1] },
  RuntimeCondition: { type: ['string', 1], status: ['bool', 2], reason: ['string', 3], message: ['string', 4] },
  RuntimeStatus: { conditions: ['RuntimeCondition', 1, 'repeated'] },
  StatusResponse: { status: ['RuntimeStatus', 1], info: ['string', 2, 'map'] },

  Int64Value: { value: ['int64', 1] },
  UInt64Value: { value: ['uint64', 1] },
  KeyValue: { key: ['string', 1], value: ['bytes', 2] },
  DnsConfig: { servers: ['string', 1, 'repeated'], searches: ['string', 2, 'repeated'], options: ['string', 3, 'repeated'] },
  /** protocol: 0 TCP, 1 UDP, 2 SCTP. */
  PortMapping: { protocol: ['int32', 1], containerPort: ['int32', 2], hostPort: ['int32', 3], hostIp: ['string', 4] },
  IdMapping: { hostId: ['uint32', 1], containerId: ['uint32', 2], length: ['uint32', 3] },
  UserNamespace: { mode: ['int32', 1], uids: ['IdMapping', 2, 'repeated'], gids: ['IdMapping', 3, 'repeated'] },
  /** Modes are of `namespaceMode`. */
  NamespaceOption: { network: ['int32', 1], pid: ['int32', 2], ipc: ['int32', 3], targetId: ['string', 4], usernsOptions: ['UserNamespace', 5] },
  SeLinuxOption: { user: ['string', 1], role: ['string', 2], type: ['string', 3], level: ['string', 4] },
  /** profileType: 0 the runtime's default, 1 unconfined, 2 a file or a loaded profile. */
  SecurityProfile: { profileType: ['int32', 1], localhostRef: ['string', 2] },
  HugepageLimit: { pageSize: ['string', 1], limit: ['uint64', 2] },
  LinuxContainerResources: {
    cpuPeriod: ['int64', 1],
    cpuQuota: ['int64', 2],
    cpuShares: ['int64', 3],
    memoryLimitInBytes: ['int64', 4],
    oomScoreAdj: ['int64', 5],
    cpusetCpus: ['string', 6],
    cpusetMems: ['string', 7],
    hugepageLimits: ['HugepageLimit', 8, 'repeated'],
    unified: ['string', 9, 'map'],
    memorySwapLimitInBytes: ['int64', 10],
  },

  LinuxSandboxSecurityContext: {
    namespaceOptions: ['NamespaceOption', 1],
    selinuxOptions: ['SeLinuxOption', 2],
    runAsUser: ['Int64Value', 3],
    readonlyRootfs: ['bool', 4],
    supplementalGroups: ['int64', 5, 'repeated'],
    privileged: ['bool', 6],
    runAsGroup: ['Int64Value', 8],
    seccomp: ['SecurityProfile', 9],
    apparmor: ['SecurityProfile', 10],
    supplementalGroupsPolicy: ['int32', 11],
  },
  LinuxPodSandboxConfig: {
    cgroupParent: ['string', 1],
    securityContext: ['LinuxSandboxSecurityContext', 2],
    sysctls: ['string', 3, 'map'],
    overhead: ['LinuxContainerResources', 4],
    resources: ['LinuxContainerResources', 5],
  },
  PodSandboxMetadata: { name: ['string', 1], uid: ['string', 2], namespace: ['string', 3], attempt: ['uint32', 4] },
  PodSandboxConfig: {
    metadata: ['PodSandboxMetadata', 1],
    hostname: ['string', 2],
    logDirectory: ['string', 3],
    dnsConfig: ['DnsConfig', 4],
    portMappings: ['PortMapping', 5, 'repeated'],
    labels: ['string', 6, 'map'],
    annotations: ['string', 7, 'map'],
    linux: ['LinuxPodSandboxConfig', 8],
  },
  RunPodSandboxRequest: { config: ['PodSandboxConfig', 1], runtimeHandler: ['string', 2] },
  RunPodSandboxResponse: { podSandboxId: ['string', 1] },
  PodSandboxRequest: { podSandboxId: ['string', 1] },
  PodSandboxFilter: { id: ['string', 1], labelSelector: ['string', 3, 'map'] },
  ListPodSandboxRequest: { filter: ['PodSandboxFilter', 1] },
  /** state: 0 ready, 1 not. */
  PodSandbox: {
    id: ['string', 1],
    metadata: ['PodSandboxMetadata', 2],
    state: ['int32', 3],
    createdAt: ['int64', 4],
    annotations: ['string', 6, 'map'],
  },
  ListPodSandboxResponse: { items: ['PodSandbox', 1, 'repeated'] },
  PodIp: { ip: ['string', 1] },
  PodSandboxNetworkStatus: { ip: ['string', 1], additionalIps: ['PodIp', 2, 'repeated'] },
  PodSandboxStatus: { id: ['string', 1], state: ['int32', 3], network: ['PodSandboxNetworkStatus', 5] },
  PodSandboxStatusResponse: { status: ['PodSandboxStatus', 1] },

  ImageSpec: { image: ['string', 1], annotations: ['string', 2, 'map'], userSpecifiedImage: ['string', 18], runtimeHandler: ['string', 19], imageRef: ['string', 20] },
  /** propagation: 0 private, 1 from the host, 2 both ways. */
  Mount: {
    containerPath: ['string', 1],
    hostPath: ['string', 2],
    readonly: ['bool', 3],
    propagation: ['int32', 5],
    uidMappings: ['IdMapping', 6, 'repeated'],
    gidMappings: ['IdMapping', 7, 'repeated'],
    recursiveReadOnly: ['bool', 8],
    image: ['ImageSpec', 9],
    imageSubPath: ['string', 10],
  },
  Device: { containerPath: ['string', 1], hostPath: ['string', 2], permissions: ['string', 3] },
  Capability: { addCapabilities: ['string', 1, 'repeated'], dropCapabilities: ['string', 2, 'repeated'], addAmbientCapabilities: ['string', 3, 'repeated'] },
  LinuxContainerSecurityContext: {
    capabilities: ['Capability', 1],
    privileged: ['bool', 2],
    namespaceOptions: ['NamespaceOption', 3],
    selinuxOptions: ['SeLinuxOption', 4],
    runAsUser: ['Int64Value', 5],
    runAsUsername: ['string', 6],
    readonlyRootfs: ['bool', 7],
    supplementalGroups: ['int64', 8, 'repeated'],
    noNewPrivs: ['bool', 11],
    runAsGroup: ['Int64Value', 12],
    maskedPaths: ['string', 13, 'repeated'],
    readonlyPaths: ['string', 14, 'repeated'],
    seccomp: ['SecurityProfile', 15],
    apparmor: ['SecurityProfile', 16],
    supplementalGroupsPolicy: ['int32', 17],
  },
  LinuxContainerConfig: { resources: ['LinuxContainerResources', 1], securityContext: ['LinuxContainerSecurityContext', 2] },
  ContainerMetadata: { name: ['string', 1], attempt: ['uint32', 2] },
  ContainerConfig: {
    metadata: ['ContainerMetadata', 1],
    image: ['ImageSpec', 2],
    command: ['string', 3, 'repeated'],
    args: ['string', 4, 'repeated'],
    workingDir: ['string', 5],
    envs: ['KeyValue', 6, 'repeated'],
    mounts: ['Mount', 7, 'repeated'],
    devices: ['Device', 8, 'repeated'],
    labels: ['string', 9, 'map'],
    annotations: ['string', 10, 'map'],
    logPath: ['string', 11],
    stdin: ['bool', 12],
    stdinOnce: ['bool', 13],
    tty: ['bool', 14],
    linux: ['LinuxContainerConfig', 15],
    stopSignal: ['int32', 18],
  },
  CreateContainerRequest: { podSandboxId: ['string', 1], config: ['ContainerConfig', 2], sandboxConfig: ['PodSandboxConfig', 3] },
  CreateContainerResponse: { containerId: ['string', 1] },
  ContainerRequest: { containerId: ['string', 1] },
  StopContainerRequest: { containerId: ['string', 1], timeout: ['int64', 2] },
  ContainerFilter: { id: ['string', 1], podSandboxId: ['string', 3], labelSelector: ['string', 4, 'map'] },
  ListContainersRequest: { filter: ['ContainerFilter', 1] },
  /** state: 0 created, 1 running, 2 exited, 3 unknown. Labels and annotations are on the wire too, and not needed. */
  Container: { id: ['string', 1], podSandboxId: ['string', 2], metadata: ['ContainerMetadata', 3], state: ['int32', 6], createdAt: ['int64', 7] },
  ListContainersResponse: { containers: ['Container', 1, 'repeated'] },
  LinuxContainerUser: { uid: ['int64', 1], gid: ['int64', 2], supplementalGroups: ['int64', 3, 'repeated'] },
  ContainerUser: { linux: ['LinuxContainerUser', 1] },
  ContainerStatus: {
    id: ['string', 1],
    metadata: ['ContainerMetadata', 2],
    state: ['int32', 3],
    createdAt: ['int64', 4],
    startedAt: ['int64', 5],
    finishedAt: ['int64', 6],
    exitCode: ['int32', 7],
    image: ['ImageSpec', 8],
    imageRef: ['string', 9],
    reason: ['string', 10],
    message: ['string', 11],
    annotations: ['string', 13, 'map'],
    mounts: ['Mount', 14, 'repeated'],
    logPath: ['string', 15],
    user: ['ContainerUser', 18],
  },
  ContainerStatusResponse: { status: ['ContainerStatus', 1] },
  UpdateContainerResourcesRequest: { containerId: ['string', 1], linux: ['LinuxContainerResources', 2] },

  ExecSyncRequest: { containerId: ['string', 1], cmd: ['string', 2, 'repeated'], timeout: ['int64', 3] },
  ExecSyncResponse: { stdout: ['bytes', 1], stderr: ['bytes', 2], exitCode: ['int32', 3] },
  ExecRequest: { containerId: ['string', 1], cmd: ['string', 2, 'repeated'], tty: ['bool', 3], stdin: ['bool', 4], stdout: ['bool', 5], stderr: ['bool', 6] },
  AttachRequest: { containerId: ['string', 1], stdin: ['bool', 2], tty: ['bool', 3], stdout: ['bool', 4], stderr: ['bool', 5] },
  PortForwardRequest: { podSandboxId: ['string', 1], port: ['int32', 2, 'repeated'] },
  UrlResponse: { url: ['string', 1] },

  AuthConfig: { username: ['string', 1], password: ['string', 2], auth: ['string', 3], serverAddress: ['string', 4], identityToken: ['string', 5], registryToken: ['string', 6] },
  Image: {
    id: ['string', 1],
    repoTags: ['string', 2, 'repeated'],
    repoDigests: ['string', 3, 'repeated'],
    size: ['uint64', 4],
    uid: ['Int64Value', 5],
    username: ['string', 6],
    pinned: ['bool', 8],
  },
  ListImagesResponse: { images: ['Image', 1, 'repeated'] },
  ImageRequest: { image: ['ImageSpec', 1], verbose: ['bool', 2] },
  ImageStatusResponse: { image: ['Image', 1], info: ['string', 2, 'map'] },
  PullImageRequest: { image: ['ImageSpec', 1], auth: ['AuthConfig', 2], sandboxConfig: ['PodSandboxConfig', 3] },
  PullImageResponse: { imageRef: ['string', 1] },

  FilesystemUsage: { timestamp: ['int64', 1], usedBytes: ['UInt64Value', 3], inodesUsed: ['UInt64Value', 4] },
  CpuUsage: { timestamp: ['int64', 1], usageCoreNanoSeconds: ['UInt64Value', 2], usageNanoCores: ['UInt64Value', 3] },
  MemoryUsage: { timestamp: ['int64', 1], workingSetBytes: ['UInt64Value', 2] },
  ContainerAttributes: { id: ['string', 1], metadata: ['ContainerMetadata', 2], labels: ['string', 3, 'map'] },
  ContainerStats: { attributes: ['ContainerAttributes', 1], cpu: ['CpuUsage', 2], memory: ['MemoryUsage', 3], writableLayer: ['FilesystemUsage', 4] },
  ListContainerStatsResponse: { stats: ['ContainerStats', 1, 'repeated'] },

  /** type: 0 created, 1 started, 2 stopped, 3 deleted. */
  ContainerEventResponse: { containerId: ['string', 1], type: ['int32', 2] },
  Empty: {},
} as const satisfies Readonly<Record<string, Readonly<Record<string, Field>>>>;

type Messages = typeof messages;
type Name = keyof Messages;
type Scalar<T> = T extends 'string' ? string : T extends 'bool' ? boolean : T extends 'bytes' ? Uint8Array : number;

/** As it comes: what was not on the wire is empty. */
export type Answer<N extends Name> = { readonly [F in keyof Messages[N]]: AnswerField<Messages[N][F]> };
type AnswerField<F> = F extends readonly [infer T, number, 'repeated']
  ? readonly (T extends Name ? Answer<T> : Scalar<T>)[]
  : F extends readonly [infer T, number, 'map']
    ? Readonly<Record<string, Scalar<T>>>
    : F extends readonly [infer T, number]
      ? T extends Name
        ? Answer<T> | null
        : Scalar<T>
      : never;

/** As it is sent: what is left out is empty. */
export type Message<N extends Name> = { readonly [F in keyof Messages[N]]?: MessageField<Messages[N][F]> | undefined };
type MessageField<F> = F extends readonly [infer T, number, 'repeated']
  ? readonly (T extends Name ? Message<T> : Scalar<T>)[]
  : F extends readonly [infer T, number, 'map']
    ? Readonly<Record<string, Scalar<T>>>
    : F extends readonly [infer T, number]
      ? T extends Name
        ? Message<T>
        : Scalar<T>
      : never;

export const namespaceMode = { pod: 0, container: 1, node: 2, target: 3 } as const;
export const sandboxReady = 0;
export const containerState = { created: 0, running: 1, exited: 2, unknown: 3 } as const;

const services = {
  RuntimeService: {
    Version: ['VersionRequest', 'VersionResponse'],
    Status: ['StatusRequest', 'StatusResponse'],
    RunPodSandbox: ['RunPodSandboxRequest', 'RunPodSandboxResponse'],
    StopPodSandbox: ['PodSandboxRequest', 'Empty'],
    RemovePodSandbox: ['PodSandboxRequest', 'Empty'],
    PodSandboxStatus: ['PodSandboxRequest', 'PodSandboxStatusResponse'],
    ListPodSandbox: ['ListPodSandboxRequest', 'ListPodSandboxResponse'],
    CreateContainer: ['CreateContainerRequest', 'CreateContainerResponse'],
    StartContainer: ['ContainerRequest', 'Empty'],
    StopContainer: ['StopContainerRequest', 'Empty'],
    RemoveContainer: ['ContainerRequest', 'Empty'],
    ListContainers: ['ListContainersRequest', 'ListContainersResponse'],
    ContainerStatus: ['ContainerRequest', 'ContainerStatusResponse'],
    UpdateContainerResources: ['UpdateContainerResourcesRequest', 'Empty'],
    ReopenContainerLog: ['ContainerRequest', 'Empty'],
    ExecSync: ['ExecSyncRequest', 'ExecSyncResponse'],
    Exec: ['ExecRequest', 'UrlResponse'],
    Attach: ['AttachRequest', 'UrlResponse'],
    PortForward: ['PortForwardRequest', 'UrlResponse'],
    ListContainerStats: ['Empty', 'ListContainerStatsResponse'],
    GetContainerEvents: ['Empty', 'ContainerEventResponse', 'response'],
  },
  ImageService: {
    ListImages: ['Empty', 'ListImagesResponse'],
    ImageStatus: ['ImageRequest', 'ImageStatusResponse'],
    PullImage: ['PullImageRequest', 'PullImageResponse'],
    RemoveImage: ['ImageRequest', 'Empty'],
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly [Name, Name, 'response'?]>>>>;

type MethodOf<M> = M extends readonly [infer Q extends Name, infer A extends Name, ...unknown[]] ? Method<Message<Q>, Answer<A>> : never;
type Methods<S> = { readonly [N in keyof S as Uncapitalize<N & string>]: MethodOf<S[N]> };

function methodsOf<S extends keyof typeof services>(service: S): Methods<(typeof services)[S]> {
  const method = grpcMethods({ package: 'runtime.v1', messages, services, longs: Number });
  const named = Object.keys(services[service]).map((name) => [name.charAt(0).toLowerCase() + name.slice(1), method(service, name)]);
  return Object.fromEntries(named) as Methods<(typeof services)[S]>;
}

export const runtimeService = methodsOf('RuntimeService');
export const imageService = methodsOf('ImageService');
