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
import { planContainers, restartDelayMs } from './container-plan.ts';
import type { ContainerPlan, ContainerStart, WaitingReason } from './container-plan.ts';
import { ContainerStarter } from './container-starter.ts';
import { Prober } from './prober.ts';
import { kindOfInit, latestContainer } from './runtime.ts';
import type { RuntimeContainer, RuntimePod } from './runtime.ts';
import { podStatus } from './status.ts';
import { StatusWriter } from './status-writer.ts';
import type { WorkerHost } from './worker-host.ts';
import { transitions } from './worker-state.ts';
import type { WorkerEvent, WorkerState } from './worker-state.ts';

const deadlineExceeded = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};

export class PodWorker {
  pod: Pod;
  state: WorkerState = 'accepted';
  readonly #host: WorkerHost;
  readonly #writer: StatusWriter;
  readonly #seenAtMs: number;
  readonly #starter: ContainerStarter;
  /** Containers that were told to stop, with the grace they were given. */
  readonly #stopAsked = new Map<string, number>();
  /** By container id. */
  readonly #probers = new Map<string, Prober>();
  #view: RuntimePod | undefined;
  #plan: ContainerPlan | undefined;
  #failure: { readonly reason: string; readonly message: string } | undefined;
  #wake: Timer | undefined;
  #deadline: Timer | undefined;
  #sandboxFailures = 0;
  #sandboxBusy = false;
  /** The API object exists no more, so there is nobody to report to. */
  #forgotten = false;

  constructor(pod: Pod, host: WorkerHost) {
    this.pod = pod;
    this.#host = host;
    this.#seenAtMs = host.clock.now();
    this.#writer = new StatusWriter(this, host);
    this.#starter = new ContainerStarter(host, () => this.pod);
    this.#view = host.view(pod);
  }

  /** Begins; call once. */
  begin(): void {
    const phase = this.pod.status?.phase;
    if (phase === 'Succeeded' || phase === 'Failed') this.#event('stop');
    if (this.#view?.sandbox?.ready) this.#event('sandboxReady');
    this.#followProbes();
    this.#armDeadline();
    this.#advance();
  }

  /** The API object has changed. */
  update(pod: Pod): void {
    const before = this.pod;
    this.pod = pod;
    if (before.spec.activeDeadlineSeconds !== pod.spec.activeDeadlineSeconds) this.#armDeadline();
    this.#writer.onPodUpdated(before, pod);
    this.#advance();
  }

  /** The API object is gone, whatever the state. */
  forget(): void {
    this.#forgotten = true;
    this.#event('forgotten');
    this.#advance();
  }

  /** The runtime's state has changed. */
  observe(view: RuntimePod): void {
    this.#view = view;
    this.#followProbes();
    if (view.sandbox?.ready) this.#event('sandboxReady');
    else if (this.state === 'running') this.#event('sandboxLost');
    this.#advance();
  }

  /** Stops the worker without touching the pod: the node agent is going away. */
  close(): void {
    this.state = 'gone';
    this.#release();
  }

  /** Kills the pod and marks it Failed. */
  fail(failure: { readonly reason: string; readonly message: string }): void {
    this.#failure = failure;
    this.#event('stop');
    this.#advance();
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
      isStarted: (container) => this.#probers.get(container.id)?.started ?? false,
      isReady: (container) => this.#probers.get(container.id)?.ready ?? false,
    });
  }

  /** The status writer has made the API equal to `status`. */
  onStatusWritten(): void {
    this.#advance();
  }

  #event(event: WorkerEvent): void {
    this.state = transitions[this.state][event];
  }

  /** Does what the state asks for, until nothing is left to do now. */
  #advance(): void {
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
    if (this.#sandboxBusy || this.#wake) return;
    this.#event('start');
    this.#sandboxBusy = true;
    this.#host.runtime.runSandbox(this.pod).then(
      () => {
        this.#sandboxBusy = false;
        this.#sandboxFailures = 0;
      },
      (error: unknown) => {
        this.#sandboxBusy = false;
        this.#host.record(this.pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${messageOf(error)}`);
        this.#event('sandboxLost');
        this.#wakeAfter(Math.max(1000, restartDelayMs(++this.#sandboxFailures)));
        this.#advance();
      },
    );
  }

  #runContainers(): void {
    const { clock } = this.#host;
    const plan = planContainers({
      pod: this.pod,
      view: this.#view,
      nowMs: clock.now(),
      hasStarted: (container) => this.#probers.get(container.id)?.started ?? false,
    });
    this.#recordBackOffs(plan);
    this.#plan = plan;
    if (plan.ended) {
      this.#event('stop');
      return;
    }
    let wakeAtMs = plan.wakeAtMs ?? Infinity;
    for (const start of plan.start) {
      const waitUntilMs = this.#starter.waitUntil(start.container, start.kind, clock.now());
      if (waitUntilMs !== undefined) wakeAtMs = Math.min(wakeAtMs, waitUntilMs);
      else if (!this.#starter.isStarting(start.container.name)) void this.#start(start);
    }
    if (wakeAtMs !== Infinity) this.#wakeAfter(wakeAtMs - clock.now());
  }

  /** A container that begins to wait for its restart says so once. */
  #recordBackOffs({ waiting }: ContainerPlan): void {
    const { name, namespace, uid } = this.pod.metadata;
    for (const container of waiting.keys()) {
      if (this.#plan?.waiting.has(container)) continue;
      this.#host.record(this.pod, 'Warning', 'BackOff', `Back-off restarting failed container ${container} in pod ${name}_${namespace}(${uid})`, { container, kind: this.#kindOf(container) });
    }
  }

  async #start(start: ContainerStart): Promise<void> {
    await this.#starter.start(start, () => this.state === 'running');
    await this.#removeOldAttempts(start.container.name);
    this.#advance();
  }

  #kindOf(container: string): ContainerStart['kind'] {
    const init = this.pod.spec.initContainers?.find(({ name }) => name === container);
    return init ? kindOfInit(init) : 'main';
  }

  /** The attempt before the latest is kept: its end is the container's last state. */
  async #removeOldAttempts(name: string): Promise<void> {
    const attempts = this.#view?.containers.filter((container) => container.name === name) ?? [];
    for (const old of attempts.slice(0, -2))
      await this.#host.runtime.removeContainer(old.id).catch((error: unknown) => this.#host.logger.warn('removing an old container failed', { container: old.id, error }));
  }

  /** Main containers first, then sidecars from the last to the first. */
  #stopContainers(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
    if (this.#starter.busy || this.#sandboxBusy) return;
    const running = this.#view?.containers.filter(({ state }) => state === 'running' || state === 'created') ?? [];
    if (running.length === 0) {
      this.#event('containersStopped');
      return;
    }
    const { pod } = this;
    const inits = pod.spec.initContainers ?? [];
    const sidecars = running.filter(({ name }) => inits.some((init) => init.name === name));
    const mains = running.filter((container) => !sidecars.includes(container));
    const next = mains.length > 0 ? mains : sidecars.slice(-1);
    const grace = pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
    for (const container of next) this.#stop(container, this.#forgotten ? 0 : grace, `Stopping container ${container.name}`);
  }

  #stop(container: RuntimeContainer, graceSeconds: number, message: string): void {
    const asked = this.#stopAsked.get(container.id);
    if (asked !== undefined && asked <= graceSeconds) return;
    this.#stopAsked.set(container.id, graceSeconds);
    if (asked === undefined) this.#host.record(this.pod, 'Normal', 'Killing', message, { container: container.name, kind: this.#kindOf(container.name) });
    this.#host.runtime.stopContainer(container.id, graceSeconds).catch((error: unknown) => {
      this.#stopAsked.delete(container.id);
      this.#host.logger.warn('stopping a container failed', { container: container.id, error });
    });
  }

  #removeSandbox(): void {
    if (this.#sandboxBusy) return;
    const { runtime, logger } = this.#host;
    const uid = this.pod.metadata.uid ?? '';
    this.#sandboxBusy = true;
    // The containers' ends are reported from the last view: what follows removes them from the runtime.
    const last = this.#view;
    const settle = () => {
      this.#sandboxBusy = false;
      this.#view = last && { ...last, sandbox: last.sandbox && { ...last.sandbox, ready: false } };
      this.#event('sandboxRemoved');
      this.#advance();
    };
    runtime
      .stopSandbox(uid)
      .then(() => runtime.removeSandbox(uid))
      .then(settle, (error: unknown) => {
        logger.warn('removing a sandbox failed', { pod: uid, error });
        settle();
      });
  }

  /** What is left is the status writer's: the last status, and the end of a pod that is being deleted. */
  #finish(): void {
    this.#closeProbers();
    if (this.#forgotten) this.#event('forgotten');
  }

  #release(): void {
    this.#closeProbers();
    this.#writer.close();
    this.#wake?.cancel();
    this.#deadline?.cancel();
    this.#host.runtime.observe?.(this.pod.metadata.uid ?? '', undefined);
    if (this.#forgotten) this.#host.onGone(this);
  }

  #closeProbers(): void {
    for (const prober of this.#probers.values()) prober.close();
    this.#probers.clear();
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
    const planned = this.#plan?.waiting ?? new Map<string, WaitingReason>();
    return this.#starter.hasFailed ? new Map([...planned, ...this.#starter.waiting]) : planned;
  }

  #followProbes(): void {
    const view = this.#view;
    for (const [id, prober] of this.#probers) {
      if (view?.containers.some((container) => container.id === id && container.state === 'running')) continue;
      prober.close();
      this.#probers.delete(id);
    }
    for (const running of view?.containers ?? []) {
      if (running.state !== 'running' || this.#probers.has(running.id)) continue;
      const spec = this.pod.spec.containers.find(({ name }) => name === running.name) ?? this.pod.spec.initContainers?.find(({ name }) => name === running.name);
      if (spec) this.#probers.set(running.id, this.#makeProber(spec, running));
    }
  }

  #makeProber(spec: Container, running: RuntimeContainer): Prober {
    const { status } = this.pod;
    const reported = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(({ containerID }) => containerID === running.id);
    return new Prober(
      spec,
      {
        clock: this.#host.clock,
        probe: async (kind) => (await this.#host.runtime.probe?.(running.id, kind)) ?? { healthy: true, output: '' },
        onChange: () => this.#advance(),
        onFailure: (kind, output) => this.#host.record(this.pod, 'Warning', 'Unhealthy', `${kind[0]?.toUpperCase()}${kind.slice(1)} probe failed: ${output}`, { container: spec.name, kind: this.#kindOf(spec.name) }),
        onUnhealthy: (kind) => this.#stop(running, this.pod.spec.terminationGracePeriodSeconds ?? 30, `Container ${spec.name} failed ${kind} probe, will be restarted`),
      },
      reported && { started: reported.started ?? false, ready: reported.ready },
    );
  }

  #armDeadline(): void {
    this.#deadline?.cancel();
    const seconds = this.pod.spec.activeDeadlineSeconds;
    if (seconds === undefined || seconds === null) return;
    const startTime = this.pod.status?.startTime;
    const startedAtMs = startTime ? Date.parse(startTime) : this.#seenAtMs;
    const { clock } = this.#host;
    this.#deadline = clock.after(Math.max(0, startedAtMs + seconds * 1000 - clock.now()), () => {
      if (this.state === 'ended' || this.state === 'gone') return;
      this.#host.record(this.pod, 'Normal', deadlineExceeded.reason, deadlineExceeded.message);
      this.fail(deadlineExceeded);
    });
  }

  #wakeAfter(delayMs: number): void {
    this.#wake?.cancel();
    this.#wake = this.#host.clock.after(Math.max(1, delayMs), () => {
      this.#wake = undefined;
      this.#advance();
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
