/**
 * What the kubelet asks of a container runtime: the part of CRI it uses, in its
 * terms (sandbox, container, attempt). The pretending runtime and a CRI client
 * both stand behind it.
 *
 * A call that changes something resolves when the runtime has accepted it. What
 * came of it is told by events only: each carries the whole state of one pod, so
 * that a lost event is repaired by the next, or by `list` (the relist).
 */
import type { Duplex } from 'node:stream';
import type { Container, Pod } from '../../api/types/core-v1.ts';

export interface Runtime {
  /** As in a node's `containerRuntimeVersion`: `containerd://2.2.1`. */
  readonly version: string;
  /** The image that sandboxes are made of, which nobody seems to use. Undefined: there is none, or the runtime keeps it by itself. */
  readonly sandboxImage?: string | undefined;
  /** Tells of every change; returns how to stop listening. */
  subscribe(listener: (pod: RuntimePod) => void): () => void;
  list(): Promise<readonly RuntimePod[]>;
  /** `settings`: what the machine has made for the pod; left out on nodes that pretend. */
  runSandbox(pod: Pod, settings?: SandboxSettings): Promise<void>;
  /** Also stops whatever still runs inside. */
  stopSandbox(podUid: string): Promise<void>;
  /** Frees everything the pod holds, its containers included. */
  removeSandbox(podUid: string): Promise<void>;
  /** Whether the image is on the node already. Rejects with StartError('InvalidImageName' or 'ImageInspectError', ...). */
  hasImage(image: string, pod: Pod): Promise<boolean>;
  /**
   * Resolves to the image's size in bytes. Without credentials the registry is
   * asked as anybody. May reject with a StartError that says more than
   * ErrImagePull: 'RegistryUnavailable', 'InvalidImageName', ...
   */
  pullImage(image: string, pod: Pod, credentials?: RegistryCredentials): Promise<number>;
  createContainer(request: ContainerRequest): Promise<string>;
  startContainer(containerId: string): Promise<void>;
  /** Asks politely, and forcibly once the grace period is over. May resolve before it has ended; an event tells the end. What has ended already is no error. */
  stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void>;
  removeContainer(containerId: string): Promise<void>;
  /** For runtimes that pretend: the outcome of a probe. Left out where the kubelet probes by itself. */
  probe?(containerId: string, kind: ProbeKind): Promise<ProbeResult>;
  /** Runs a command in the container to its end, for probes and hooks. Rejects where it could not be run. */
  execSync?(containerId: string, command: readonly string[], timeoutMs: number): Promise<ExecSyncResult>;
  logs(request: LogRequest): AsyncIterable<LogLine>;
  /** Runs a command in the container; resolves to its exit code, and rejects where it could not be run. */
  exec(request: ExecRequest, streams: ContainerStreams): Promise<number>;
  /** Joins the container's own streams; resolves when it has ended or the signal aborts. */
  attach(request: ContainerRef, streams: ContainerStreams): Promise<void>;
  /** Joins a connection to a port inside the pod's network; resolves when either side has ended. */
  portForward?(request: PortForwardRequest): Promise<void>;
  /** Changes the limits of a running container. */
  updateContainer?(containerId: string, pod: Pod, container: Container): Promise<void>;
  /** All images on the node, whoever brought them. */
  images?(): Promise<readonly RuntimeImage[]>;
  removeImage?(imageId: string): Promise<void>;
  /** Whether the runtime answers, and its network is ready; never rejects. Left out: always. */
  status?(): Promise<RuntimeStatus>;
  /** Of all running containers. */
  usage(): Promise<readonly PodUsage[]>;
  /** For runtimes that forget when the process ends: take what the API says of the pod as its state. */
  adopt?(pod: Pod): RuntimePod | undefined;
  /** For runtimes that act on what the API says: the pod with its status of the moment, whenever that may have changed; nothing once it is gone. */
  observe?(podUid: string, pod: Pod | undefined): void;
}

/** Why a container could not be made or started, as its waiting state says it. */
export class StartError extends Error {
  /** `ErrImagePull`, `CreateContainerError`, ... */
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The machine's part of a sandbox, worked out by the kubelet (see pod-setup.ts). */
export interface SandboxSettings {
  /** Empty on the host's network. */
  readonly hostname: string;
  /** Undefined: the host's own. */
  readonly dns: { readonly servers: readonly string[]; readonly searches: readonly string[]; readonly options: readonly string[] } | undefined;
  /** As the runtime's cgroup driver writes it; empty: the runtime's own. */
  readonly cgroupParent: string;
  /** On the host; each container's log lies in it, at `<container>/<attempt>.log`. */
  readonly logDirectory: string;
  /** RuntimeClass handler; empty: the runtime's default. */
  readonly runtimeHandler: string;
}

/** The machine's part of a container: everything is resolved and expanded, nothing is left for the runtime to look up. */
export interface ContainerSettings {
  /** Undefined: the image's. */
  readonly command: readonly string[] | undefined;
  readonly args: readonly string[] | undefined;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly devices: readonly Device[];
  /** Beside the container's own: the pod's, and the fsGroup. */
  readonly supplementalGroups: readonly number[];
  /** For the container's cgroup; 2..1000, as `oom_score_adj`. */
  readonly oomScoreAdj: number;
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readOnly: boolean;
  readonly propagation: 'private' | 'hostToContainer' | 'bidirectional';
  /** A volume that is an image: its reference, in place of `hostPath`. */
  readonly image?: string;
  readonly imageSubPath?: string;
}

/** A block device of the node that the container sees. */
export interface Device {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readOnly: boolean;
}

/** As a registry's login stores them; empty where not given. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  readonly identityToken: string;
  readonly registryToken: string;
  readonly serverAddress: string;
}

export interface ExecSyncResult {
  /** Undefined: it did not end in time, and was killed. */
  readonly exitCode: number | undefined;
  /** stdout and stderr, at most 10 KiB. */
  readonly output: string;
}

export interface RuntimeStatus {
  readonly ready: boolean;
  readonly networkReady: boolean;
  /** What is wrong, as the node's Ready condition says it: `container runtime network not ready: ...`; empty where nothing is. */
  readonly message: string;
}

export interface PortForwardRequest {
  readonly pod: Pod;
  readonly port: number;
  readonly connection: Duplex;
  readonly signal: AbortSignal;
}

export interface RuntimeImage {
  readonly id: string;
  /** Tags and digests. */
  readonly names: readonly string[];
  readonly sizeBytes: number;
  /** Of the image's configuration; undefined: it says none, so root. */
  readonly user: { readonly uid: number | undefined; readonly name: string } | undefined;
  readonly pinned: boolean;
}

export interface ContainerRef {
  readonly pod: Pod;
  readonly containerId: string;
  readonly signal: AbortSignal;
}

export interface LogRequest extends ContainerRef {
  /** Epoch milliseconds; older lines are left out. */
  readonly sinceMs: number | undefined;
  /** Only so many of the lines that are there. */
  readonly tailLines: number | undefined;
  /** Then also those to come, until the container ends. */
  readonly follow: boolean;
}

export interface LogLine {
  /** RFC 3339, up to nanoseconds. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** With its end of line. */
  readonly text: string;
}

export interface ExecRequest extends ContainerRef {
  readonly command: readonly string[];
  readonly tty: boolean;
}

/** A command's or a container's, from where it is watched. */
export interface ContainerStreams {
  /** Undefined: nothing will come. */
  readonly stdin: AsyncIterable<Uint8Array> | undefined;
  /** Of the terminal, each time it changes. */
  readonly sizes: AsyncIterable<{ readonly width: number; readonly height: number }>;
  /** Resolves when more may be written. */
  write(stream: 'stdout' | 'stderr', chunk: Uint8Array): Promise<void>;
}

export interface PodUsage {
  readonly podUid: string;
  readonly containers: readonly ContainerUsage[];
}

export interface ContainerUsage {
  readonly name: string;
  readonly startedAtMs: number;
  /** Cores, now. */
  readonly cpu: number;
  /** Since its start. */
  readonly cpuSeconds: number;
  /** The working set. */
  readonly memoryBytes: number;
  /** Written into its root filesystem; left out where that is not known. */
  readonly rootfsBytes?: number;
  readonly rootfsInodes?: number;
}

export interface ProbeResult {
  readonly healthy: boolean;
  /** What it said, for the event of a failure. */
  readonly output: string;
  /** `error`: it could not be asked, which says nothing of the container. `warning`: healthy, but worth an event. */
  readonly kind?: 'error' | 'warning';
}

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

export interface ContainerRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly kind: ContainerKind;
  /** 0 at first, one more at each restart. */
  readonly attempt: number;
  /** Left out on nodes that pretend. */
  readonly settings?: ContainerSettings;
}

/** `init` runs to its end before the next begins; `sidecar` is a restartable init container; `ephemeral` came later, and is never restarted. */
export type ContainerKind = 'init' | 'sidecar' | 'main' | 'ephemeral';

/** All the runtime knows of a pod. Must not be changed by those who read it; later events may carry the same object. */
export interface RuntimePod {
  readonly uid: string;
  readonly sandbox: Sandbox | undefined;
  /** The latest attempt of each container last. Earlier attempts may be kept. */
  readonly containers: readonly RuntimeContainer[];
}

export interface Sandbox {
  readonly id: string;
  readonly ready: boolean;
  /** Empty for pods on the host's network. */
  readonly ips: readonly string[];
}

export interface RuntimeContainer {
  /** With the runtime's name: `containerd://<id>`. */
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  /** Left out: of the pod's sandbox. One of a sandbox before that has ended with it. */
  readonly sandboxId?: string;
  readonly image: string;
  readonly imageId: string;
  readonly state: 'created' | 'running' | 'exited' | 'unknown';
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] } | undefined;
}

/** The latest attempt of the container, where there is one. */
export function latestContainer(pod: RuntimePod | undefined, name: string): RuntimeContainer | undefined {
  return pod?.containers.findLast((container) => container.name === name);
}

export function kindOfInit(container: Container): ContainerKind {
  return container.restartPolicy === 'Always' ? 'sidecar' : 'init';
}
