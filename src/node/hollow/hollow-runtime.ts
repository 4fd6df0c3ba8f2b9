/**
 * The runtime that pretends: containers are records, and time passes by stages
 * (stages.ts). It honours what the kubelet asks as a real one would, quickly.
 * One record a container and no timer but for what is about to happen.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { ContainerStatus, Pod } from '../../api/types/core-v1.ts';
import type { ContainerRequest, ProbeKind, Runtime, RuntimeContainer, RuntimePod, Sandbox } from '../kubelet/runtime.ts';
import { kindOfInit } from '../kubelet/runtime.ts';
import { AddressPool } from './addresses.ts';
import { imageIdOf, normalizeImage } from './images.ts';
import type { Stage } from './stages.ts';
import { selectStage } from './stages.ts';

type Changing<T> = { -readonly [K in keyof T]: T[K] };

interface HollowPod extends RuntimePod {
  sandbox: Sandbox | undefined;
  containers: HollowContainer[];
}

interface HollowContainer extends Changing<RuntimeContainer> {
  readonly podUid: string;
  readonly stage: Stage;
  timer: Timer | undefined;
}

export interface HollowRuntimeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly podCidr: string;
  readonly stages: readonly Stage[];
  readonly sandboxMs: number;
}

const pretendedImageBytes = 50_000_000;

const gone = new Error('no such container');

export class HollowRuntime implements Runtime {
  readonly version = 'containerd://2.2.0';
  readonly #options: HollowRuntimeOptions;
  readonly #addresses: AddressPool;
  readonly #pods = new Map<string, HollowPod>();
  readonly #containers = new Map<string, HollowContainer>();
  #listener: ((pod: RuntimePod) => void) | undefined;

  constructor(options: HollowRuntimeOptions) {
    this.#options = options;
    this.#addresses = new AddressPool(options.podCidr);
  }

  subscribe(listener: (pod: RuntimePod) => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = undefined);
  }

  list(): Promise<readonly RuntimePod[]> {
    return Promise.resolve([...this.#pods.values()]);
  }

  runSandbox(pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    const record: HollowPod = this.#pods.get(uid) ?? { uid, sandbox: undefined, containers: [] };
    const ip = pod.spec.hostNetwork ? undefined : this.#addresses.take();
    if (ip === undefined && !pod.spec.hostNetwork) return Promise.reject(new Error('no free address in the pod network of the node'));
    this.#pods.set(uid, record);
    this.#options.clock.after(this.#options.sandboxMs, () => {
      if (this.#pods.get(uid) !== record) return;
      record.sandbox = { id: this.#newId(), ready: true, ips: ip === undefined ? [] : [ip] };
      this.#listener?.(record);
    });
    return Promise.resolve();
  }

  stopSandbox(podUid: string): Promise<void> {
    const pod = this.#pods.get(podUid);
    for (const container of pod?.containers ?? []) if (container.state === 'running') this.#end(container, 137);
    if (pod?.sandbox) pod.sandbox = { ...pod.sandbox, ready: false };
    return Promise.resolve();
  }

  removeSandbox(podUid: string): Promise<void> {
    const pod = this.#pods.get(podUid);
    if (pod) {
      for (const container of pod.containers) {
        container.timer?.cancel();
        this.#containers.delete(container.id);
      }
      for (const ip of pod.sandbox?.ips ?? []) this.#addresses.free(ip);
      this.#pods.delete(podUid);
    }
    return Promise.resolve();
  }

  /** Every image is there already. */
  hasImage(): Promise<boolean> {
    return Promise.resolve(true);
  }

  pullImage(): Promise<number> {
    return Promise.resolve(pretendedImageBytes);
  }

  createContainer({ pod, container, kind, attempt }: ContainerRequest): Promise<string> {
    const uid = pod.metadata.uid ?? '';
    const record = this.#pods.get(uid);
    if (!record) return Promise.reject(new Error('the pod has no sandbox'));
    const image = normalizeImage(container.image ?? '');
    const made: HollowContainer = {
      id: `containerd://${this.#newId()}`,
      podUid: uid,
      name: container.name,
      attempt,
      image,
      imageId: imageIdOf(image),
      state: 'created',
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      reason: '',
      message: '',
      user: userOf(pod, container),
      stage: selectStage(this.#options.stages, pod, kind),
      timer: undefined,
    };
    record.containers.push(made);
    this.#containers.set(made.id, made);
    return Promise.resolve(made.id);
  }

  startContainer(containerId: string): Promise<void> {
    const container = this.#containers.get(containerId);
    if (!container) return Promise.reject(gone);
    container.timer = this.#options.clock.after(container.stage.startMs, () => this.#run(container));
    return Promise.resolve();
  }

  stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void> {
    const container = this.#containers.get(containerId);
    if (!container) return Promise.reject(gone);
    if (container.state === 'exited') return Promise.resolve();
    const { stopMs, stopExitCode } = container.stage;
    const graceMs = gracePeriodSeconds * 1000;
    // Who does not end within the grace period is killed.
    const killed = stopMs > graceMs;
    container.timer?.cancel();
    container.timer = this.#options.clock.after(killed ? graceMs : stopMs, () => this.#end(container, killed ? 137 : stopExitCode));
    return Promise.resolve();
  }

  removeContainer(containerId: string): Promise<void> {
    const container = this.#containers.get(containerId);
    const pod = container && this.#pods.get(container.podUid);
    if (container && pod) {
      container.timer?.cancel();
      this.#containers.delete(containerId);
      pod.containers = pod.containers.filter((other) => other !== container);
    }
    return Promise.resolve();
  }

  probe(containerId: string, _kind: ProbeKind): Promise<boolean> {
    const container = this.#containers.get(containerId);
    const ageMs = this.#options.clock.now() - (container?.startedAtMs ?? 0);
    return Promise.resolve(container?.state === 'running' && ageMs >= container.stage.healthyAfterMs);
  }

  /** What the API last heard is what runs: containers that ran go on, others keep their ends. */
  adopt(pod: Pod): RuntimePod {
    const { uid = '', status = {} } = { uid: pod.metadata.uid, status: pod.status };
    const ips = pod.spec.hostNetwork ? [] : (status.podIPs ?? []).map(({ ip }) => ip);
    for (const ip of ips) this.#addresses.reserve(ip);
    const alive = status.phase === 'Running' || status.phase === 'Pending';
    const record: HollowPod = { uid, sandbox: { id: this.#newId(), ready: alive, ips }, containers: [] };
    this.#pods.set(uid, record);
    const specs = [...(pod.spec.initContainers ?? []).map((spec) => ({ spec, kind: kindOfInit(spec) })), ...pod.spec.containers.map((spec) => ({ spec, kind: 'main' as const }))];
    const reported = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    for (const { spec, kind } of specs) {
      const known = reported.find(({ name }) => name === spec.name);
      if (!known?.containerID) continue;
      const container = this.#adoptContainer(uid, known, selectStage(this.#options.stages, pod, kind));
      container.user = userOf(pod, spec);
      record.containers.push(container);
      this.#containers.set(container.id, container);
      if (container.state === 'running') this.#armEnd(container);
    }
    return record;
  }

  #adoptContainer(podUid: string, known: ContainerStatus, stage: Stage): HollowContainer {
    const running = known.state?.running;
    const end = known.state?.terminated ?? (running ? undefined : known.lastState?.terminated);
    const startedAt = running?.startedAt ?? end?.startedAt;
    return {
      id: known.containerID ?? '',
      podUid,
      name: known.name,
      attempt: known.restartCount,
      image: known.image,
      imageId: known.imageID,
      state: running ? 'running' : end ? 'exited' : 'created',
      startedAtMs: startedAt ? Date.parse(startedAt) : 0,
      finishedAtMs: end?.finishedAt ? Date.parse(end.finishedAt) : 0,
      exitCode: end?.exitCode ?? 0,
      reason: end?.reason ?? '',
      message: end?.message ?? '',
      user: undefined,
      stage,
      timer: undefined,
    };
  }

  #run(container: HollowContainer): void {
    if (container.state !== 'created') return;
    container.state = 'running';
    container.startedAtMs = this.#options.clock.now();
    container.timer = undefined;
    this.#armEnd(container);
    this.#tell(container);
  }

  #armEnd(container: HollowContainer): void {
    const { runMs, exitCode } = container.stage;
    if (runMs === undefined) return;
    const { clock } = this.#options;
    const leftMs = Math.max(0, container.startedAtMs + runMs - clock.now());
    container.timer = clock.after(leftMs, () => this.#end(container, exitCode ?? 0));
  }

  #end(container: HollowContainer, exitCode: number): void {
    if (container.state === 'exited') return;
    container.timer?.cancel();
    container.timer = undefined;
    container.state = 'exited';
    container.exitCode = exitCode;
    container.reason = exitCode === 0 ? 'Completed' : 'Error';
    container.finishedAtMs = this.#options.clock.now();
    if (container.startedAtMs === 0) container.startedAtMs = container.finishedAtMs;
    this.#tell(container);
  }

  #tell({ podUid }: HollowContainer): void {
    const pod = this.#pods.get(podUid);
    if (pod) this.#listener?.(pod);
  }

  #newId(): string {
    const { random } = this.#options;
    return (random.uuid() + random.uuid()).replaceAll('-', '');
  }
}

function userOf(pod: Pod, container: ContainerRequest['container']): RuntimeContainer['user'] {
  const forPod = pod.spec.securityContext;
  const uid = container.securityContext?.runAsUser ?? forPod?.runAsUser ?? 0;
  const gid = container.securityContext?.runAsGroup ?? forPod?.runAsGroup ?? 0;
  const groups = new Set([gid, ...(forPod?.fsGroup === undefined ? [] : [forPod.fsGroup]), ...(forPod?.supplementalGroups ?? [])]);
  return { uid, gid, supplementalGroups: [...groups] };
}
