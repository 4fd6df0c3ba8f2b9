/**
 * The runtime behind CRI: containerd, CRI-O, or whatever else speaks it on a
 * unix socket. What the kubelet asks is put into CRI's words here, and what
 * exists is told by the PLEG alone: after each call by which something begins or
 * ends, it looks at that pod before the call resolves, so nobody acts on what was
 * before.
 *
 * Nothing is remembered that the runtime does not say itself, so that a kubelet
 * which begins anew knows as much as the one before it.
 */
import { mkdir } from 'node:fs/promises';
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Container, EphemeralContainer, Pod } from '../../api/types/core-v1.ts';
import type {
  ContainerRef,
  ContainerRequest,
  ContainerStreams,
  ExecRequest,
  ExecSyncResult,
  LogLine,
  LogRequest,
  Mount,
  PodUsage,
  PortForwardRequest,
  RegistryCredentials,
  Runtime,
  RuntimeImage,
  RuntimePod,
  RuntimeStatus,
  SandboxSettings,
} from '../kubelet/runtime.ts';
import { latestContainer, StartError } from '../kubelet/runtime.ts';
import { containerState, runtimeService, sandboxReady } from './api.ts';
import type { Message } from './api.ts';
import { CriConnection, CriError, isDeadlineExceeded, isNotFound } from './connection.ts';
import { containerConfig } from './container-config.ts';
import { makeTerminationFile, removeContainerFiles } from './container-files.ts';
import { ImageMounts } from './image-mounts.ts';
import { Images } from './images.ts';
import { readLog } from './log-reader.ts';
import { LogRotation } from './log-rotation.ts';
import { Pleg } from './pleg.ts';
import { containerResources } from './resources.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { allContainers } from './security-context.ts';
import { streamCommand, streamPort } from './streaming.ts';
import { RuntimeUsage } from './usage.ts';

export interface CriRuntimeOptions {
  /** Path of the runtime's unix socket. */
  readonly socket: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where seccomp profiles of type Localhost lie. */
  readonly seccompDirectory: string;
  /** Where volumes that are images are mounted, for runtimes that do not do so themselves. */
  readonly imageVolumesDirectory: string;
  /** Default 1000. */
  readonly relistMs?: number;
  /** A running container's log is rotated beyond this size. Default 10 MiB. */
  readonly logBytesMax?: number;
  /** Of one container, with the one that is being written. Default 5. */
  readonly logFilesMax?: number;
  /** Whether the runtime is listened to, beside being asked. Default true. */
  readonly events?: boolean;
}

/** Beyond the grace period, a runtime gets this long to end a container. */
const stopTimeoutMs = 120_000;
const execOutputBytesMax = 10 << 10;
const statusTimeoutMs = 10_000;
/** Without a look at the pods for so long the node is not fit for work (upstream's relistThreshold). */
const plegThresholdMs = 180_000;

export class CriRuntime implements Runtime {
  readonly version: string;
  readonly sandboxImage: string | undefined;
  readonly #options: CriRuntimeOptions;
  readonly #connection: CriConnection;
  readonly #pleg: Pleg;
  readonly #images: Images;
  readonly #usage: RuntimeUsage;
  readonly #logRotation: LogRotation;
  readonly #sandboxesInTheMaking = new Set<Promise<void>>();
  /** Undefined: the runtime mounts images itself. */
  readonly #imageMounts: ImageMounts | undefined;

  /** Resolves once it is known what exists; rejects where nothing answers on the socket. */
  static async connect(options: CriRuntimeOptions): Promise<CriRuntime> {
    const { clock, logger, relistMs, events } = options;
    const connection = new CriConnection(options.socket, clock);
    try {
      const { runtimeName, runtimeVersion } = await connection.call(runtimeService.version, {}, statusTimeoutMs);
      const pleg = new Pleg({ connection, clock, logger, runtimeName, ...(relistMs === undefined ? {} : { relistMs }), ...(events === undefined ? {} : { events }) });
      await pleg.start();
      const { info } = await connection.call(runtimeService.status, { verbose: true }, statusTimeoutMs);
      const runtime = new CriRuntime(options, connection, pleg, `${runtimeName}://${runtimeVersion}`, sandboxImageOf(info));
      await runtime.#releaseImageMounts().catch((error: unknown) => logger.warn('images of pods that are gone stay mounted', { error }));
      return runtime;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private constructor(options: CriRuntimeOptions, connection: CriConnection, pleg: Pleg, version: string, sandboxImage: string | undefined) {
    this.#options = options;
    this.#connection = connection;
    this.#pleg = pleg;
    this.version = version;
    this.sandboxImage = sandboxImage;
    this.#images = new Images(connection);
    this.#usage = new RuntimeUsage(connection);
    this.#imageMounts = mountsImages(version) ? undefined : new ImageMounts(connection, options.imageVolumesDirectory);
    const { clock, logger, logBytesMax, logFilesMax } = options;
    this.#logRotation = new LogRotation({
      clock,
      logger,
      ...(logBytesMax === undefined ? {} : { bytesMax: logBytesMax }),
      ...(logFilesMax === undefined ? {} : { filesMax: logFilesMax }),
      running: () => [...pleg.pods].flatMap(({ containers }) => containers.filter(({ state }) => state === containerState.running)),
      reopen: async (containerId) => void (await connection.call(runtimeService.reopenContainerLog, { containerId })),
    });
  }

  /** Resolves when the sandboxes that are being made now have been made, or not: until then the runtime does not list them. */
  async sandboxesMade(): Promise<void> {
    await Promise.allSettled(this.#sandboxesInTheMaking);
  }

  /** Leaves everything that runs as it is. */
  close(): void {
    this.#logRotation.close();
    this.#pleg.close();
    this.#connection.close();
  }

  subscribe(listener: (pod: RuntimePod) => void): () => void {
    return this.#pleg.subscribe(listener);
  }

  async list(): Promise<readonly RuntimePod[]> {
    await this.#pleg.refresh();
    return [...this.#pleg.pods].map(({ view }) => view);
  }

  async status(): Promise<RuntimeStatus> {
    try {
      const { status } = await this.#connection.call(runtimeService.status, {}, statusTimeoutMs);
      const condition = (type: string) => status?.conditions.find((one) => one.type === type);
      const wrong = (type: string, name: string) => {
        const found = condition(type);
        return found?.status ? [] : [`container runtime ${name}not ready: ${type}=false reason:${found?.reason ?? ''} message:${found?.message ?? ''}`];
      };
      const stuck = this.#pleg.sinceRelistMs > plegThresholdMs ? [`PLEG is not healthy: pleg was last seen active ${Math.round(this.#pleg.sinceRelistMs / 1000)}s ago; threshold is 3m0s`] : [];
      return {
        ready: (condition('RuntimeReady')?.status ?? false) && stuck.length === 0,
        networkReady: condition('NetworkReady')?.status ?? false,
        message: [...wrong('RuntimeReady', ''), ...wrong('NetworkReady', 'network '), ...stuck].join(', '),
      };
    } catch (error) {
      return { ready: false, networkReady: false, message: `container runtime is down: ${(error as Error).message}` };
    }
  }

  async runSandbox(pod: Pod, settings?: SandboxSettings): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    const known = this.#pleg.pod(uid)?.sandboxes ?? [];
    if (known.at(-1)?.state === sandboxReady) {
      await this.#pleg.refresh(uid);
      return;
    }
    assert(settings, 'a real runtime is told what the machine has made for the pod');
    refuseOwnUsers(pod, settings.runtimeHandler);
    await mkdir(settings.logDirectory, { recursive: true });
    const attempt = known.reduce((most, one) => Math.max(most, one.attempt + 1), 0);
    const making = this.#changing(uid, async () => {
      await this.#connection.call(runtimeService.runPodSandbox, { config: sandboxConfig(pod, settings, attempt), runtimeHandler: settings.runtimeHandler }, 2 * stopTimeoutMs).catch((error: unknown) => {
        throw error instanceof CriError ? new Error(error.framed) : error;
      });
    });
    this.#sandboxesInTheMaking.add(making);
    await making.finally(() => this.#sandboxesInTheMaking.delete(making));
  }

  async stopSandbox(podUid: string): Promise<void> {
    await this.#changing(podUid, async () => {
      for (const { id } of this.#pleg.pod(podUid)?.sandboxes ?? []) await this.#connection.call(runtimeService.stopPodSandbox, { podSandboxId: id }).catch(unlessGone);
    });
  }

  async removeSandbox(podUid: string): Promise<void> {
    await this.stopSandbox(podUid);
    await this.#changing(podUid, async () => {
      for (const { id } of this.#pleg.pod(podUid)?.sandboxes ?? []) await this.#connection.call(runtimeService.removePodSandbox, { podSandboxId: id }).catch(unlessGone);
    });
    await this.#imageMounts?.release(podUid);
  }

  async hasImage(image: string): Promise<boolean> {
    return (await this.#images.find(image)) !== undefined;
  }

  pullImage(image: string, pod: Pod, credentials?: RegistryCredentials): Promise<number> {
    return this.#images.pull(image, this.#sandboxConfigOf(pod), credentials);
  }

  images(): Promise<readonly RuntimeImage[]> {
    return this.#images.list();
  }

  removeImage(imageId: string): Promise<void> {
    return this.#images.remove(imageId);
  }

  async createContainer(request: ContainerRequest): Promise<string> {
    const { pod, container, attempt, settings } = request;
    assert(settings, 'a real runtime is told what the machine has made for the container');
    const uid = pod.metadata.uid ?? '';
    const sandbox = this.#pleg.pod(uid)?.sandboxes.at(-1);
    if (!sandbox) throw new StartError('CreateContainerError', 'the pod has no sandbox');
    const image = await this.#images.find(container.image ?? '');
    if (!image) throw new StartError('CreateContainerError', `failed to get image "${container.image}": it is not on the node`);
    const { seccompDirectory } = this.#options;
    const terminationFile = await makeTerminationFile(sandbox.logDirectory, container.name, attempt);
    const mounts = await Promise.all(settings.mounts.map((one) => this.#onNode(uid, one)));
    const config = containerConfig(request, { settings: { ...settings, mounts }, image, targetId: this.#targetOf(uid, container), seccompDirectory, terminationFile });
    const { containerId } = await this.#connection
      .call(runtimeService.createContainer, { podSandboxId: sandbox.id, config, sandboxConfig: this.#sandboxConfigOf(pod) })
      .catch((error: unknown) => {
        throw error instanceof CriError ? new StartError('CreateContainerError', error.message) : error;
      });
    this.#pleg.made(containerId, uid);
    return this.#named(containerId);
  }

  async startContainer(containerId: string): Promise<void> {
    const id = bareId(containerId);
    await this.#changing(this.#pleg.ownerOf(id)?.view.uid, async () => {
      await this.#connection.call(runtimeService.startContainer, { containerId: id }).catch((error: unknown) => {
        throw error instanceof CriError ? new StartError('RunContainerError', error.message) : error;
      });
    });
  }

  async stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void> {
    const id = bareId(containerId);
    await this.#changing(this.#pleg.ownerOf(id)?.view.uid, async () => {
      const timeout = Math.max(0, Math.round(gracePeriodSeconds));
      await this.#connection.call(runtimeService.stopContainer, { containerId: id, timeout }, timeout * 1000 + stopTimeoutMs).catch(unlessGone);
    });
  }

  async removeContainer(containerId: string): Promise<void> {
    const id = bareId(containerId);
    const owner = this.#pleg.ownerOf(id);
    const logPath = owner?.containers.find((one) => one.id === id)?.logPath;
    await this.#changing(owner?.view.uid, async () => {
      await this.#connection.call(runtimeService.removeContainer, { containerId: id }).catch(unlessGone);
      if (logPath) await removeContainerFiles(logPath);
    });
  }

  async updateContainer(containerId: string, pod: Pod, container: Container): Promise<void> {
    const linux = containerResources(pod, container, undefined);
    await this.#connection.call(runtimeService.updateContainerResources, { containerId: bareId(containerId), linux });
  }

  async execSync(containerId: string, command: readonly string[], timeoutMs: number): Promise<ExecSyncResult> {
    const timeout = Math.max(1, Math.ceil(timeoutMs / 1000));
    try {
      const { stdout, stderr, exitCode } = await this.#connection.call(runtimeService.execSync, { containerId: bareId(containerId), cmd: command, timeout }, timeout * 1000 + stopTimeoutMs);
      return { exitCode, output: outputOf(stdout, stderr) };
    } catch (error) {
      if (isDeadlineExceeded(error) || (error instanceof CriError && /timeout.*exceeded/.test(error.message))) return { exitCode: undefined, output: (error as CriError).framed };
      throw error;
    }
  }

  async *logs({ containerId, sinceMs, tailLines, follow, signal }: LogRequest): AsyncGenerator<LogLine> {
    const id = bareId(containerId);
    const find = () => this.#pleg.ownerOf(id)?.containers.find((one) => one.id === id);
    const found = find();
    if (!found) throw new Error(`the container ${id} is gone, and its log with it`);
    if (!found.logPath) return;
    yield* readLog({ path: found.logPath, sinceMs, tailLines, follow, signal, isRunning: () => find()?.view.state === 'running' }, this.#options.clock);
  }

  async exec({ containerId, command, tty, signal }: ExecRequest, streams: ContainerStreams): Promise<number> {
    const wanted = { stdin: streams.stdin !== undefined, stdout: true, stderr: !tty, tty };
    const { url } = await this.#connection.call(runtimeService.exec, { containerId: bareId(containerId), cmd: command, ...wanted });
    return streamCommand({ url, tty, streams, signal }, this.#options.clock);
  }

  async attach({ pod, containerId, signal }: ContainerRef, streams: ContainerStreams): Promise<void> {
    const id = bareId(containerId);
    const name = this.#pleg.ownerOf(id)?.containers.find((one) => one.id === id)?.view.name;
    // Whether it has a terminal was decided when it was made.
    const tty = allContainers(pod).find((one) => one.name === name)?.tty ?? false;
    const wanted = { stdin: streams.stdin !== undefined, stdout: true, stderr: !tty, tty };
    const { url } = await this.#connection.call(runtimeService.attach, { containerId: id, ...wanted });
    await streamCommand({ url, tty, streams, signal }, this.#options.clock);
  }

  async portForward({ pod, port, connection, signal }: PortForwardRequest): Promise<void> {
    const sandbox = this.#pleg.pod(pod.metadata.uid ?? '')?.sandboxes.at(-1);
    if (!sandbox) throw new Error('the pod has no sandbox');
    const { url } = await this.#connection.call(runtimeService.portForward, { podSandboxId: sandbox.id, port: [port] });
    await streamPort(url, port, connection, signal, this.#options.clock);
  }

  usage(): Promise<readonly PodUsage[]> {
    return this.#usage.now(this.#pleg.pods);
  }

  /** Does what changes a pod, and looks at it, whatever came of it. */
  async #changing(uid: string | undefined, change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      await this.#pleg.refresh(uid).catch(() => {});
      throw error;
    }
    await this.#pleg.refresh(uid);
  }

  /** An image that the runtime cannot mount is mounted for it. */
  async #onNode(uid: string, { image, imageSubPath = '', ...mount }: Mount): Promise<Mount> {
    if (image === undefined) return mount;
    if (!this.#imageMounts) return { ...mount, image, imageSubPath };
    return { ...mount, hostPath: await this.#imageMounts.mount(uid, image, imageSubPath) };
  }

  /** Of pods whose sandboxes went while no kubelet was there to see it. */
  async #releaseImageMounts(): Promise<void> {
    for (const uid of (await this.#imageMounts?.pods()) ?? []) if (!this.#pleg.pod(uid)) await this.#imageMounts?.release(uid);
  }

  #named(id: string): string {
    return `${this.version.slice(0, this.version.indexOf(':'))}://${id}`;
  }

  /** As the pod's sandbox was made; before it is, as far as the pod says it. */
  #sandboxConfigOf(pod: Pod): Message<'PodSandboxConfig'> {
    const sandbox = this.#pleg.pod(pod.metadata.uid ?? '')?.sandboxes.at(-1);
    const { hostname = '', logDirectory = '', cgroupParent = '', attempt = 0 } = sandbox ?? {};
    return sandboxConfig(pod, { hostname, dns: undefined, runtimeHandler: '', logDirectory, cgroupParent }, attempt);
  }

  #targetOf(uid: string, container: Container | EphemeralContainer): string | undefined {
    const target = 'targetContainerName' in container ? container.targetContainerName : undefined;
    if (!target) return undefined;
    const found = latestContainer(this.#pleg.pod(uid)?.view, target);
    if (!found) throw new StartError('CreateContainerConfigError', `unable to find target container ${target}`);
    return bareId(found.id);
  }
}

/** containerd does since 2.1. */
function mountsImages(version: string): boolean {
  const [, major, minor] = /^containerd:\/\/v?(\d+)\.(\d+)/.exec(version) ?? [];
  return major === undefined || Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 1);
}

/** Users of a pod's own need a runtime that maps them, which none of those that have been tried does. */
function refuseOwnUsers({ spec }: Pod, handler: string): void {
  if (spec.hostUsers === false) throw new Error(`can't set \`spec.hostUsers: false\`, ${handler === '' ? 'runtime' : `RuntimeClass handler "${handler}"`} does not support user namespaces`);
}

function bareId(id: string): string {
  return id.slice(id.indexOf('://') < 0 ? 0 : id.indexOf('://') + 3);
}

function unlessGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

function outputOf(...streams: readonly Uint8Array[]): string {
  return Buffer.concat(streams).subarray(0, execOutputBytesMax).toString();
}

/** As containerd tells it before 2.0; later it says on the image itself that it stays. */
function sandboxImageOf(info: Readonly<Record<string, string>>): string | undefined {
  return (JSON.parse(info['config'] ?? '{}') as { readonly sandboxImage?: string }).sandboxImage;
}
