/**
 * The runtime that pretends: containers are records, and time passes as
 * behaviours (behaviour.ts) and stages (stages/pod-stages.ts) have it. It honours
 * what the kubelet asks as a real one would, quickly. One record a container and
 * no timer but for what is about to happen.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { ContainerStatus, Pod } from '../../api/types/core-v1.ts';
import type {
  ContainerKind,
  ContainerRef,
  ContainerRequest,
  ContainerStreams,
  ExecRequest,
  LogLine,
  LogRequest,
  PodUsage,
  PortForwardRequest,
  ProbeKind,
  ProbeResult,
  Runtime,
  RuntimeContainer,
  RuntimePod,
  Sandbox,
} from '../kubelet/runtime.ts';
import { kindOfInit, StartError } from '../kubelet/runtime.ts';
import { AddressPool } from './addresses.ts';
import { annotatedBehaviour } from './behaviour-annotations.ts';
import type { Behaviour } from './behaviour.ts';
import { selectBehaviour } from './behaviour.ts';
import { runScripted } from './command-script.ts';
import { imageIdOf, normalizeImage } from './images.ts';
import { defaultLog, logLines } from './log-script.ts';
import { answerScripted } from './port-script.ts';
import type { StagedContainer } from './stages/pod-stage.ts';
import type { PodStages } from './stages/pod-stages.ts';

type Changing<T> = { -readonly [K in keyof T]: T[K] };

interface HollowPod extends RuntimePod {
  sandbox: Sandbox | undefined;
  /** Asked for, and not up yet. */
  sandboxComes: boolean;
  containers: HollowContainer[];
}

interface HollowContainer extends Changing<RuntimeContainer> {
  readonly podUid: string;
  readonly behaviour: Behaviour;
  /** How it will end by itself, and after how long a run. */
  readonly end: ContainerEnd | null | undefined;
  /** When its startup and readiness probes begin to succeed, and its liveness probe to fail; Infinity: never. */
  readyAtMs: number;
  readonly liveUntilMs: number;
  /** From being asked to start. */
  readonly startMs: number;
  readonly stopMs: number;
  timer: Timer | undefined;
}

interface ContainerEnd {
  readonly runMs: number;
  readonly exitCode: number;
  readonly reason: string | undefined;
  readonly message: string | undefined;
}

export interface HollowRuntimeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly podCidr: string;
  readonly behaviours: readonly Behaviour[];
  readonly sandboxMs: number;
  /** Left out: pods have no stages, and nothing waits for one. */
  stagesFor?(enact: (podUid: string, said: StagedContainer) => boolean): PodStages;
}

const pretendedImageBytes = 50_000_000;
/** Of a container whose behaviour says nothing of it. */
const defaultUsage = { cpu: 0.001, memoryBytes: 1 << 20 };

const gone = new Error('no such container');

export class HollowRuntime implements Runtime {
  readonly version = 'containerd://2.2.0';
  readonly observe?: (podUid: string, pod: Pod | undefined) => void;
  readonly #options: HollowRuntimeOptions;
  readonly #addresses: AddressPool;
  readonly #pods = new Map<string, HollowPod>();
  readonly #containers = new Map<string, HollowContainer>();
  readonly #stages: PodStages | undefined;
  #listener: ((pod: RuntimePod) => void) | undefined;

  constructor(options: HollowRuntimeOptions) {
    this.#options = options;
    this.#addresses = new AddressPool(options.podCidr);
    const stages = options.stagesFor?.((podUid, said) => this.#enact(podUid, said));
    this.#stages = stages;
    if (stages) this.observe = (podUid, pod) => stages.observe(podUid, pod);
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
    const record: HollowPod = this.#pods.get(uid) ?? { uid, sandbox: undefined, sandboxComes: false, containers: [] };
    if (record.sandboxComes) return Promise.resolve();
    const ip = pod.spec.hostNetwork ? undefined : this.#addresses.take();
    if (ip === undefined && !pod.spec.hostNetwork) return Promise.reject(new Error('no free address in the pod network of the node'));
    this.#pods.set(uid, record);
    record.sandboxComes = true;
    const come = () => {
      record.sandboxComes = false;
      if (this.#pods.get(uid) !== record) {
        if (ip !== undefined) this.#addresses.free(ip);
        return;
      }
      record.sandbox = { id: this.#newId(), ready: true, ips: ip === undefined ? [] : [ip] };
      this.#listener?.(record);
    };
    void this.#turn(uid, undefined, () => this.#options.clock.after(this.#options.sandboxMs, come));
    return Promise.resolve();
  }

  stopSandbox(podUid: string): Promise<void> {
    const pod = this.#pods.get(podUid);
    for (const container of pod?.containers ?? []) if (container.state === 'running') this.#end(container, { exitCode: 137 });
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

  /** Every image is there already, but those whose pulling a behaviour says something of. */
  hasImage(image: string, pod: Pod): Promise<boolean> {
    return Promise.resolve(this.#pullOf(image, pod) === undefined);
  }

  async pullImage(image: string, pod: Pod): Promise<number> {
    const { clock, random } = this.#options;
    const pull = this.#pullOf(image, pod);
    const ms = pull?.delay(pod, random, clock.now()) ?? 0;
    if (ms > 0) await clock.sleep(ms);
    if (pull?.error !== undefined) throw new Error(pull.error);
    return pretendedImageBytes;
  }

  async createContainer(request: ContainerRequest): Promise<string> {
    const { pod, container, kind } = request;
    const uid = pod.metadata.uid ?? '';
    if (!this.#pods.has(uid)) throw new Error('the pod has no sandbox');
    const behaviour = this.#behaviourOf(pod, container.name, kind);
    await this.#stages?.turn(uid, container.name);
    const said = this.#stages?.said(uid, container.name);
    const refusal = said?.state?.waiting ?? behaviour.start.error;
    if (refusal) throw new StartError(refusal.reason ?? 'CreateContainerError', refusal.message ?? '');
    const record = this.#pods.get(uid);
    if (!record) throw new Error('the pod has no sandbox');
    const made = this.#newContainer(request, behaviour, said);
    record.containers.push(made);
    this.#containers.set(made.id, made);
    return made.id;
  }

  #newContainer({ pod, container, attempt }: ContainerRequest, behaviour: Behaviour, said: StagedContainer | undefined): HollowContainer {
    const { clock, random } = this.#options;
    const draw = (delay: (pod: Pod, random: Random, nowMs: number) => number) => delay(pod, random, clock.now());
    const image = normalizeImage(container.image ?? '');
    const startMs = said ? 0 : draw(behaviour.start.delay);
    // Whose start was a stage's affair, its end is too.
    const end = said ? said.state?.terminated && endOf(said.state.terminated) : behaviour.run && { reason: undefined, message: undefined, ...behaviour.run, runMs: draw(behaviour.run.time) };
    return {
      id: `containerd://${this.#newId()}`,
      podUid: pod.metadata.uid ?? '',
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
      behaviour,
      startMs,
      stopMs: draw(behaviour.stop.delay),
      end,
      readyAtMs: said?.ready === false || !behaviour.ready ? Infinity : clock.now() + startMs + draw(behaviour.ready),
      liveUntilMs: behaviour.live ? clock.now() + startMs + draw(behaviour.live) : Infinity,
      timer: undefined,
    };
  }

  startContainer(containerId: string): Promise<void> {
    const container = this.#containers.get(containerId);
    if (!container) return Promise.reject(gone);
    container.timer = this.#options.clock.after(container.startMs, () => this.#run(container));
    return Promise.resolve();
  }

  stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void> {
    const container = this.#containers.get(containerId);
    if (!container) return Promise.reject(gone);
    if (container.state === 'exited') return Promise.resolve();
    const { clock } = this.#options;
    const graceMs = gracePeriodSeconds * 1000;
    const killAtMs = clock.now() + graceMs;
    container.timer?.cancel();
    // Who does not end within the grace period is killed.
    container.timer = clock.after(graceMs, () => this.#end(container, { exitCode: 137 }));
    void this.#turn(container.podUid, container.name, () => {
      if (container.state === 'exited' || clock.now() + container.stopMs > killAtMs) return;
      container.timer?.cancel();
      container.timer = clock.after(container.stopMs, () => this.#end(container, { exitCode: container.behaviour.stop.exitCode }));
    });
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

  probe(containerId: string, kind: ProbeKind): Promise<ProbeResult> {
    const container = this.#containers.get(containerId);
    const nowMs = this.#options.clock.now();
    const healthy = container?.state === 'running' && (kind === 'liveness' ? nowMs < container.liveUntilMs : nowMs >= container.readyAtMs);
    return Promise.resolve({ healthy, output: healthy ? '' : `the hollow container does not pass its ${kind} probe` });
  }

  async *logs(request: LogRequest): AsyncGenerator<LogLine> {
    const container = this.#containers.get(request.containerId);
    if (!container) throw gone;
    yield* logLines(container.behaviour.logs ?? defaultLog(container, request.pod), () => this.#containers.get(request.containerId), request, this.#options.clock);
  }

  async exec(request: ExecRequest, streams: ContainerStreams): Promise<number> {
    const container = this.#containers.get(request.containerId);
    if (container?.state !== 'running') throw new Error('the container is not running');
    return runScripted({ request, streams, behaviour: container.behaviour, clock: this.#options.clock });
  }

  /** What it logs from now on; nobody listens to what it is told. */
  async attach({ pod, containerId, signal }: ContainerRef, streams: ContainerStreams): Promise<void> {
    const lines = this.logs({ pod, containerId, signal, sinceMs: undefined, tailLines: 0, follow: true });
    for await (const { stream, text } of lines) await streams.write(stream, Buffer.from(text));
  }

  portForward({ pod, port, connection }: PortForwardRequest): Promise<void> {
    const running = this.#pods.get(pod.metadata.uid ?? '')?.containers.filter(({ state }) => state === 'running') ?? [];
    return answerScripted(running.map(({ behaviour }) => behaviour), port, connection);
  }

  usage(): Promise<readonly PodUsage[]> {
    const nowMs = this.#options.clock.now();
    const used = [...this.#pods.values()].map(({ uid, containers }) => ({
      podUid: uid,
      containers: containers
        .filter(({ state }) => state === 'running')
        .map(({ name, startedAtMs, behaviour }) => {
          const { cpu, memoryBytes } = behaviour.usage ?? defaultUsage;
          return { name, startedAtMs, cpu, memoryBytes, cpuSeconds: (cpu * (nowMs - startedAtMs)) / 1000 };
        }),
    }));
    return Promise.resolve(used);
  }

  /** What the API last heard is what runs: containers that ran go on, others keep their ends. */
  adopt(pod: Pod): RuntimePod {
    const { uid = '', status = {} } = { uid: pod.metadata.uid, status: pod.status };
    const ips = pod.spec.hostNetwork ? [] : (status.podIPs ?? []).map(({ ip }) => ip);
    for (const ip of ips) this.#addresses.reserve(ip);
    const alive = status.phase === 'Running' || status.phase === 'Pending';
    const record: HollowPod = { uid, sandbox: { id: this.#newId(), ready: alive, ips }, sandboxComes: false, containers: [] };
    this.#pods.set(uid, record);
    const specs = [...(pod.spec.initContainers ?? []).map((spec) => ({ spec, kind: kindOfInit(spec) })), ...pod.spec.containers.map((spec) => ({ spec, kind: 'main' as const }))];
    const reported = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    for (const { spec, kind } of specs) {
      const known = reported.find(({ name }) => name === spec.name);
      if (!known?.containerID) continue;
      const container = this.#adoptContainer(pod, spec.name, known, this.#behaviourOf(pod, spec.name, kind));
      container.user = userOf(pod, spec);
      record.containers.push(container);
      this.#containers.set(container.id, container);
      if (container.state === 'running') this.#armEnd(container);
    }
    return record;
  }

  #adoptContainer(pod: Pod, name: string, known: ContainerStatus, behaviour: Behaviour): HollowContainer {
    const running = known.state?.running;
    const last = known.state?.terminated ?? (running ? undefined : known.lastState?.terminated);
    const startedAt = running?.startedAt ?? last?.startedAt;
    const request = { pod, container: { name, image: known.image }, kind: 'main', attempt: known.restartCount } as const;
    return {
      ...this.#newContainer(request, behaviour, undefined),
      id: known.containerID ?? '',
      image: known.image,
      imageId: known.imageID,
      state: running ? 'running' : last ? 'exited' : 'created',
      startedAtMs: startedAt ? Date.parse(startedAt) : 0,
      finishedAtMs: last?.finishedAt ? Date.parse(last.finishedAt) : 0,
      exitCode: last?.exitCode ?? 0,
      reason: last?.reason ?? '',
      message: last?.message ?? '',
      ...(known.ready ? { readyAtMs: 0 } : {}),
    };
  }

  #behaviourOf(pod: Pod, container: string, kind: ContainerKind): Behaviour {
    return annotatedBehaviour(selectBehaviour(this.#options.behaviours, pod, container, kind), pod, container);
  }

  #pullOf(image: string, pod: Pod): Behaviour['pull'] {
    for (const container of pod.spec.initContainers ?? []) if (container.image === image) return this.#behaviourOf(pod, container.name, kindOfInit(container)).pull;
    const main = pod.spec.containers.find((container) => container.image === image);
    return main && this.#behaviourOf(pod, main.name, 'main').pull;
  }

  /** Calls back at once where pods have no stages, else when none is due any more. */
  #turn(podUid: string, container: string | undefined, act: () => void): Promise<void> | undefined {
    if (this.#stages) return this.#stages.turn(podUid, container).then(act);
    act();
    return undefined;
  }

  #enact(podUid: string, said: StagedContainer): boolean {
    const container = this.#pods.get(podUid)?.containers.findLast(({ name }) => name === said.name);
    if (!container || container.state === 'exited') return false;
    if (said.ready !== undefined) container.readyAtMs = said.ready ? 0 : Infinity;
    if (said.state?.running) this.#run(container);
    if (said.state?.terminated) this.#end(container, endOf(said.state.terminated));
    return true;
  }

  #run(container: HollowContainer): void {
    if (container.state !== 'created') return;
    container.timer?.cancel();
    container.state = 'running';
    container.startedAtMs = this.#options.clock.now();
    container.timer = undefined;
    this.#armEnd(container);
    this.#tell(container);
  }

  #armEnd(container: HollowContainer): void {
    const { end } = container;
    if (!end) return;
    const { clock } = this.#options;
    container.timer = clock.after(Math.max(0, container.startedAtMs + end.runMs - clock.now()), () => this.#end(container, end));
  }

  #end(container: HollowContainer, { exitCode, reason, message }: Partial<ContainerEnd> & { readonly exitCode: number }): void {
    if (container.state === 'exited') return;
    container.timer?.cancel();
    container.timer = undefined;
    container.state = 'exited';
    container.exitCode = exitCode;
    container.reason = reason ?? (exitCode === 0 ? 'Completed' : 'Error');
    container.message = message ?? '';
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

function endOf({ exitCode, reason, message }: { readonly exitCode?: number | string; readonly reason?: string; readonly message?: string }): ContainerEnd {
  return { runMs: 0, exitCode: Number(exitCode ?? 0), reason, message };
}

function userOf(pod: Pod, container: ContainerRequest['container']): RuntimeContainer['user'] {
  const forPod = pod.spec.securityContext;
  const uid = container.securityContext?.runAsUser ?? forPod?.runAsUser ?? 0;
  const gid = container.securityContext?.runAsGroup ?? forPod?.runAsGroup ?? 0;
  const groups = new Set([gid, ...(forPod?.fsGroup === undefined ? [] : [forPod.fsGroup]), ...(forPod?.supplementalGroups ?? [])]);
  return { uid, gid, supplementalGroups: [...groups] };
}
