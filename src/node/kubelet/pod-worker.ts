/**
 * One pod on its node, from the moment it is bound until its API object is
 * gone. The worker is level-triggered: every change (of the API object, of the
 * runtime's state, of a probe, of time) leads to `#advance`, which looks at what
 * is and does what is next. Its states are in worker-state.ts; what containers
 * need next is container-plan.ts; what the API is told is status.ts.
 *
 * Invariants: at most one call in flight for a container, and one for the
 * sandbox; a status is only ever computed from the runtime's view; after `stop`
 * nothing starts again.
 */
import type { Timer } from '../../base/clock.ts';
import type { Container, Pod } from '../../api/types/core-v1.ts';
import { planContainers } from './container-plan.ts';
import type { ContainerFacts, ContainerPlan, ContainerStart, WaitingReason } from './container-plan.ts';
import { removeAll, removeOldAttempts } from './container-removal.ts';
import { ContainerRestarts } from './container-restarts.ts';
import { ContainerStarter } from './container-starter.ts';
import { ContainerStopper } from './container-stopper.ts';
import { armDeadline, deadlineExceeded } from './pod-deadline.ts';
import { PodProbes, type ProbedPod } from './pod-probes.ts';
import type { PodFailure } from './pod-failure.ts';
import { PodSandbox } from './pod-sandbox.ts';
import { allocationOf, reportedAllocation, sameAllocation, type Allocation } from './resize/allocation.ts';
import { PodResize, type ResizedPod } from './resize/pod-resize.ts';
import { kindOfInit, latestContainer } from './runtime.ts';
import type { ContainerKind, RuntimeContainer, RuntimePod } from './runtime.ts';
import { podStatus } from './status.ts';
import { StatusWriter } from './status-writer.ts';
import type { WorkerHost } from './worker-host.ts';
import { transitions } from './worker-state.ts';
import type { WorkerEvent, WorkerState } from './worker-state.ts';

const clearRetryMs = 1000;
const noWaiting: ReadonlyMap<string, WaitingReason> = new Map();

export class PodWorker implements ProbedPod, ResizedPod, ContainerFacts {
  pod: Pod;
  state: WorkerState = 'accepted';
  readonly #host: WorkerHost;
  readonly #writer: StatusWriter;
  readonly #seenAtMs: number;
  readonly #sandbox: PodSandbox;
  readonly #starter: ContainerStarter;
  readonly #stopper: ContainerStopper;
  readonly #probes: PodProbes;
  #view: RuntimePod | undefined;
  #plan: ContainerPlan | undefined;
  #failure: PodFailure | undefined;
  #wake: Timer | undefined;
  #deadline: Timer | undefined;
  #restarts: ContainerRestarts | undefined;
  #resize: PodResize | undefined;
  /** Containers are being removed, for all to be made again. */
  #clearing = false;
  /** The API object exists no more, so there is nobody to report to. */
  #forgotten = false;

  constructor(pod: Pod, host: WorkerHost) {
    this.pod = pod;
    this.#host = host;
    this.#seenAtMs = host.clock.now();
    this.#writer = new StatusWriter(this, host);
    this.#sandbox = new PodSandbox(host);
    this.#starter = new ContainerStarter(this, host);
    this.#stopper = new ContainerStopper(this, host);
    this.#probes = new PodProbes(this, host);
    this.#view = host.view(pod);
  }

  /** Begins; call once. */
  begin(): void {
    const phase = this.pod.status?.phase;
    if (phase === 'Succeeded' || phase === 'Failed') this.#event('stop');
    if (this.#view?.sandbox?.ready || this.#runsNoMore()) this.#event('sandboxReady');
    if (this.#view) this.#resizeFrom(reportedAllocation(this.pod));
    this.#followProbes();
    this.#armDeadline();
    this.advance();
  }

  /** The API object has changed. */
  update(pod: Pod): void {
    const before = this.pod;
    this.pod = pod;
    if (before.spec.activeDeadlineSeconds !== pod.spec.activeDeadlineSeconds) this.#armDeadline();
    this.#writer.onPodUpdated(before, pod);
    this.#host.setup?.update(pod);
    if (before.spec !== pod.spec) this.#onSpecChanged(before);
    this.advance();
  }

  /** A container whose image has changed runs with it from now on; resources may change in place. */
  #onSpecChanged(before: Pod): void {
    this.#resizeFrom(allocationOf(before));
    for (const { name, image } of [...this.pod.spec.containers, ...(this.pod.spec.initContainers ?? [])]) {
      const old = before.spec.containers.find((one) => one.name === name) ?? before.spec.initContainers?.find((one) => one.name === name);
      const latest = old?.image === image ? undefined : latestContainer(this.#view, name);
      if (latest?.state === 'running') this.restart(latest, `Container ${name} definition changed, will be restarted`);
    }
  }

  /** Nodes that pretend give what is asked for. */
  #resizeFrom(given: Allocation): void {
    if (!this.#host.setup || this.#resize || sameAllocation(given, allocationOf(this.pod))) return;
    this.#resize = new PodResize(this, this.#host, given);
  }

  /** The API object is gone, whatever the state. */
  forget(): void {
    this.#forgotten = true;
    this.#event('forgotten');
    this.advance();
  }

  /** Nobody wants the pod any more, whatever of it is still there. */
  get forgotten(): boolean {
    return this.#forgotten;
  }

  /** The runtime's state has changed. */
  observe(view: RuntimePod): void {
    this.#view = view;
    this.#followProbes();
    if (view.sandbox?.ready) this.#event('sandboxReady');
    else if (this.state === 'running') this.#onSandboxLost();
    this.advance();
  }

  /** Stops the worker without touching the pod: the node agent is going away. */
  close(): void {
    this.state = 'gone';
    this.#release();
  }

  /** Kills the pod and marks it Failed. In place of `begin`: it is not taken at all. */
  fail(failure: PodFailure): void {
    this.#failure = failure;
    this.#event('stop');
    this.advance();
  }

  /** Nothing is under way that will change the status by itself in a moment. */
  get settled(): boolean {
    if (this.state === 'ended') return true;
    if (this.state !== 'running') return false;
    const moving = this.#view?.containers.some((container) => container.state === 'created') ?? false;
    return !moving && !this.#starter.busy && (this.#plan?.start.length ?? 0) === 0 && !this.#initRuns();
  }

  /** What the API should say now. */
  status() {
    const { pod } = this;
    return podStatus({
      pod,
      previous: pod.status ?? {},
      view: this.#view,
      terminal: this.state === 'ended',
      failure: this.#failure,
      waiting: this.#waiting(),
      hostIps: this.#host.hostIps,
      startedAtMs: this.#seenAtMs,
      nowMs: this.#host.clock.now(),
      restarting: this.#restarts?.pending(this.#view) ?? false,
      resize: this.#resize,
      isStarted: (container) => this.#probes.isStarted(container),
      isReady: (container) => this.#probes.isReady(container),
    });
  }

  get view(): RuntimePod | undefined {
    return this.#view;
  }

  get allocatedPod(): Pod {
    return this.#resize?.allocatedPod ?? this.pod;
  }

  get podIps(): readonly string[] {
    return this.pod.spec.hostNetwork ? this.#host.hostIps : (this.#view?.sandbox?.ips ?? []);
  }

  spec(container: string): Container | undefined {
    const named = ({ name }: Container) => name === container;
    const { containers, initContainers, ephemeralContainers } = this.pod.spec;
    return containers.find(named) ?? initContainers?.find(named) ?? ephemeralContainers?.find(named);
  }

  kindOf(container: string): ContainerKind {
    const { initContainers, ephemeralContainers } = this.pod.spec;
    const init = initContainers?.find(({ name }) => name === container);
    if (init) return kindOfInit(init);
    return ephemeralContainers?.some(({ name }) => name === container) ? 'ephemeral' : 'main';
  }

  onUnhealthy(container: RuntimeContainer, kind: 'startup' | 'liveness'): void {
    if (this.state !== 'running') return;
    const spec = this.spec(container.name);
    const probe = kind === 'startup' ? spec?.startupProbe : spec?.livenessProbe;
    const graceSeconds = probe?.terminationGracePeriodSeconds ?? this.pod.spec.terminationGracePeriodSeconds ?? 30;
    this.#stopper.stop(container, graceSeconds, `Container ${container.name} failed ${kind} probe, will be restarted`);
  }

  backoffSince(container: string): number {
    return this.#restarts?.since(container) ?? 0;
  }

  isToRestart(container: RuntimeContainer): boolean {
    return this.#restarts?.isWanted(container) ?? false;
  }

  hasStarted(container: RuntimeContainer): boolean {
    return this.#probes.isStarted(container);
  }

  restart(container: RuntimeContainer, message: string): void {
    if (this.state !== 'running') return;
    (this.#restarts ??= new ContainerRestarts()).want(container);
    this.#stopper.stop(container, this.pod.spec.terminationGracePeriodSeconds ?? 30, message);
  }

  #event(event: WorkerEvent): void {
    this.state = transitions[this.state][event];
  }

  /** Does what the state asks for, until nothing is left to do now. */
  advance(): void {
    this.#show();
    for (let before: WorkerState | undefined; before !== this.state; ) {
      before = this.state;
      if (this.pod.metadata.deletionTimestamp) this.#event('stop');
      this.#act();
    }
    if (this.state === 'gone' || this.#forgotten) return;
    this.#writer.mark();
    this.#show();
  }

  /** Before the runtime is asked for something, and after: what it grants may depend on the pod. */
  #show(): void {
    const { runtime } = this.#host;
    if (runtime.observe && this.state !== 'gone') runtime.observe(this.pod.metadata.uid ?? '', { ...this.pod, status: this.status() });
  }

  #act(): void {
    switch (this.state) {
      case 'accepted':
      case 'sandboxing':
        return this.#makeSandbox();
      case 'running':
        return this.#runContainers();
      case 'stopping':
        return this.#stopContainers();
      case 'cleaning':
        return this.#removeSandbox();
      case 'ended':
        return this.#finish();
      case 'gone':
        return this.#release();
    }
  }

  #makeSandbox(): void {
    if (this.#sandbox.busy || this.#waitsForSandbox()) return;
    const again = this.#view?.sandbox !== undefined;
    this.#event('start');
    void this.#sandbox.make(this.allocatedPod, again, () => this.state === 'sandboxing').then((made) => {
      if (!made) this.#event('sandboxLost');
      // What was made is told by the runtime.
      if (!made || this.state !== 'sandboxing') this.advance();
    });
  }

  /** Whether the sandbox has failed just now; it wakes the worker when it is time for the next try. */
  #waitsForSandbox(): boolean {
    const waitMs = this.#sandbox.retryAtMs - this.#host.clock.now();
    if (waitMs <= 0) return false;
    if (!this.#wake) this.#wakeAfter(waitMs);
    return true;
  }

  /** A pod whose containers run again gets another sandbox; of others only what still runs in the dead one is to end. */
  #onSandboxLost(): void {
    if (this.#runsNoMore()) {
      void this.#host.runtime.stopSandbox(this.pod.metadata.uid ?? '').catch((error: unknown) => this.#host.logger.warn('stopping a dead sandbox failed', { pod: this.pod.metadata.name, error }));
      return;
    }
    if (this.#host.setup) this.#host.record(this.pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    this.#event('sandboxLost');
  }

  /** It has run in a sandbox that has died, and nothing of it runs twice. */
  #runsNoMore(): boolean {
    return this.pod.spec.restartPolicy === 'Never' && this.#view?.sandbox?.ready === false && this.#view.containers.length > 0;
  }

  /** A pod from before this process began needs its machine's part again before containers can start in it. */
  #adopt(): void {
    if (this.#sandbox.busy || this.#waitsForSandbox()) return;
    void this.#sandbox.adopt(this.allocatedPod).then(() => this.advance());
  }

  #runContainers(): void {
    const { clock } = this.#host;
    const plan = planContainers({
      pod: this.allocatedPod,
      view: this.#view,
      nowMs: clock.now(),
      facts: this,
    });
    this.#recordBackOffs(plan);
    this.#plan = plan;
    if (plan.ended) {
      this.#event('stop');
      return;
    }
    if (plan.restartAll) {
      this.#restartAll();
      return;
    }
    if (!this.#sandbox.prepared) {
      this.#adopt();
      return;
    }
    let wakeAtMs = Math.min(plan.wakeAtMs ?? Infinity, this.#resize?.advance() ?? Infinity);
    for (const start of plan.start) {
      const waitUntilMs = this.#starter.waitUntil(start.container, start.kind, clock.now());
      if (waitUntilMs !== undefined) wakeAtMs = Math.min(wakeAtMs, waitUntilMs);
      else if (!this.#starter.isStarting(start.container.name)) void this.#start(start);
    }
    if (wakeAtMs !== Infinity) this.#wakeAfter(wakeAtMs - clock.now());
  }

  /** All end and are removed, so that the pod begins anew in its sandbox. */
  #restartAll(): void {
    const running = this.#running();
    for (const container of running) this.#stopper.stop(container, this.pod.spec.terminationGracePeriodSeconds ?? 30, `Stopping container ${container.name}`);
    if (running.length > 0 || this.#starter.busy || this.#clearing) return;
    this.#clearing = true;
    void removeAll(this.#host, this.#view).then((removed) => {
      this.#clearing = false;
      this.#wakeAfter(removed ? 0 : clearRetryMs);
    });
  }

  #running(): readonly RuntimeContainer[] {
    return this.#view?.containers.filter((container) => container.state === 'running' || (container.state === 'created' && !this.isAbandoned(container))) ?? [];
  }

  /** A kubelet before this one has made it; real runtimes have started what was asked of them. */
  isAbandoned({ state, name }: RuntimeContainer): boolean {
    return this.#host.setup !== undefined && state === 'created' && !this.#starter.isStarting(name);
  }

  /** A container that begins to wait for its restart says so once. */
  #recordBackOffs({ waiting }: ContainerPlan): void {
    const { name, namespace, uid } = this.pod.metadata;
    for (const container of waiting.keys()) {
      if (this.#plan?.waiting.has(container)) continue;
      this.#host.record(this.pod, 'Warning', 'BackOff', `Back-off restarting failed container ${container} in pod ${name}_${namespace}(${uid})`, { container, kind: this.kindOf(container) });
    }
  }

  async #start(start: ContainerStart): Promise<void> {
    if (start.forgiven) (this.#restarts ??= new ContainerRestarts()).forgive(start.container.name, start.attempt - 1);
    await this.#starter.start(start, () => this.state === 'running');
    this.#followProbes();
    await removeOldAttempts(this.#host, this.#view, start.container.name);
    this.advance();
  }

  #stopContainers(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
    this.#starter.close();
    if (this.#starter.making || this.#sandbox.busy) return;
    const running = this.#running();
    if (running.length === 0) {
      this.#event('containersStopped');
      return;
    }
    const { metadata, spec } = this.pod;
    const graceSeconds = this.#forgotten ? 0 : (this.#failure?.graceSeconds ?? metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30);
    this.#stopper.stopAll(running, graceSeconds);
  }

  #removeSandbox(): void {
    if (this.#sandbox.busy || this.#waitsForSandbox()) return;
    // The containers' ends are reported from the last view: what follows may remove them from the runtime.
    const last = this.#view;
    void this.#sandbox.end(this.pod).then((ended) => {
      if (ended) {
        this.#view = last && { ...last, sandbox: last.sandbox && { ...last.sandbox, ready: false } };
        this.#event('sandboxRemoved');
      }
      this.advance();
    });
  }

  /** What is left is the status writer's: the last status, and the end of a pod that is being deleted. */
  #finish(): void {
    this.#probes.close();
    if (this.#forgotten) this.#event('forgotten');
  }

  #release(): void {
    this.#probes.close();
    this.#writer.close();
    this.#wake?.cancel();
    this.#deadline?.cancel();
    this.#host.runtime.observe?.(this.pod.metadata.uid ?? '', undefined);
    if (this.#forgotten) this.#host.onGone(this);
  }

  #initRuns(): boolean {
    return (
      this.pod.spec.initContainers?.some((container) => {
        const latest = kindOfInit(container) === 'init' ? latestContainer(this.#view, container.name) : undefined;
        return latest?.state === 'running';
      }) ?? false
    );
  }

  #waiting(): ReadonlyMap<string, WaitingReason> {
    // Who ends waits for no restart.
    const planned = (this.state === 'running' && this.#plan?.waiting) || noWaiting;
    return this.#starter.hasFailed ? new Map([...planned, ...this.#starter.waiting]) : planned;
  }

  #followProbes(): void {
    this.#probes.follow(this.#view, (container) => this.#starter.isStarting(container));
  }

  #armDeadline(): void {
    this.#deadline?.cancel();
    this.#deadline = armDeadline(this.pod, this.#seenAtMs, this.#host.clock, () => {
      if (this.state === 'ended' || this.state === 'gone') return;
      this.#host.record(this.pod, 'Normal', deadlineExceeded.reason, deadlineExceeded.message);
      this.fail(deadlineExceeded);
    });
  }

  #wakeAfter(delayMs: number): void {
    this.#wake?.cancel();
    this.#wake = this.#host.clock.after(Math.max(1, delayMs), () => {
      this.#wake = undefined;
      this.advance();
    });
  }
}
