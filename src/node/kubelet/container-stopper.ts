/**
 * Stops the containers of one pod within their grace: the pre-stop hook first,
 * whose time counts, then the runtime. A grace that shrinks while a container
 * stops takes effect at once.
 */
import type { Container } from '../../api/types/core-v1.ts';
import type { RuntimeContainer } from './runtime.ts';
import type { WorkedPod, WorkerHost } from './worker-host.ts';

interface Stopping {
  deadlineMs: number;
  /** The deadline that the runtime was told; undefined: nothing yet. */
  toldMs: number | undefined;
  hook: AbortController | undefined;
  /** Its turn has come. */
  due: boolean;
}

/** However little is left, a container may end by itself for as long. */
const graceMinSeconds = 2;

export class ContainerStopper {
  readonly #host: WorkerHost;
  readonly #worker: WorkedPod;
  /** By container id. */
  #stopping: Map<string, Stopping> | undefined;

  constructor(worker: WorkedPod, host: WorkerHost) {
    this.#worker = worker;
    this.#host = host;
  }

  /** Ends what still runs of a pod: all hooks at once; then the containers, and when they have ended the sidecars, from the last to the first. */
  stopAll(running: readonly RuntimeContainer[], graceSeconds: number): void {
    for (const container of running) this.begin(container, graceSeconds, `Stopping container ${container.name}`);
    const others = running.filter(({ name }) => this.#worker.kindOf(name) !== 'sidecar');
    const lastSidecar = this.#worker.pod.spec.initContainers?.findLast(({ name }) => running.some((container) => container.name === name))?.name;
    for (const container of running) if (others.length > 0 ? others.includes(container) : container.name === lastSidecar) this.end(container.id);
  }

  /** Ends a container by itself. */
  stop(container: RuntimeContainer, graceSeconds: number, message: string): void {
    this.begin(container, graceSeconds, message);
    this.end(container.id);
  }

  /** The container is to end: says so, and runs its hook. The grace begins now. */
  begin(container: RuntimeContainer, graceSeconds: number, message: string): void {
    const deadlineMs = this.#host.clock.now() + graceSeconds * 1000;
    const known = this.#stopping?.get(container.id);
    if (known) {
      if (deadlineMs >= known.deadlineMs) return;
      known.deadlineMs = deadlineMs;
      if (graceSeconds === 0) known.hook?.abort();
      return;
    }
    const stopping: Stopping = { deadlineMs, toldMs: undefined, hook: undefined, due: false };
    (this.#stopping ??= new Map()).set(container.id, stopping);
    this.#record('Normal', 'Killing', message, container);
    const spec = this.#host.hooks && this.#worker.spec(container.name);
    if (spec?.lifecycle?.preStop && container.state === 'running' && graceSeconds > 0) void this.#runHook(container, spec, stopping);
  }

  /** Its turn has come: once its hook has ended, the runtime ends it. */
  end(containerId: string): void {
    const stopping = this.#stopping?.get(containerId);
    if (!stopping) return;
    stopping.due = true;
    if (stopping.hook || (stopping.toldMs !== undefined && stopping.toldMs <= stopping.deadlineMs)) return;
    const { clock, runtime, logger } = this.#host;
    const graceSeconds = Math.max(graceMinSeconds, Math.ceil((stopping.deadlineMs - clock.now()) / 1000));
    stopping.toldMs = stopping.deadlineMs;
    runtime.stopContainer(containerId, graceSeconds).catch((error: unknown) => {
      this.#stopping?.delete(containerId);
      logger.warn('stopping a container failed', { container: containerId, error });
    });
  }

  async #runHook(container: RuntimeContainer, spec: Container, stopping: Stopping): Promise<void> {
    const { clock, hooks, logger } = this.#host;
    const { pod, podIps } = this.#worker;
    const hook = new AbortController();
    stopping.hook = hook;
    const timer = clock.after(stopping.deadlineMs - clock.now(), () => hook.abort());
    try {
      await hooks?.run({ pod, podIps, container: spec, containerId: container.id, handler: spec.lifecycle?.preStop ?? {}, signal: hook.signal });
    } catch (error) {
      logger.info('a pre-stop hook failed', { container: container.id, error });
      // Who takes longer than there is time has not failed.
      if (!hook.signal.aborted) this.#record('Warning', 'FailedPreStopHook', 'PreStopHook failed', container);
    } finally {
      timer.cancel();
      stopping.hook = undefined;
      if (stopping.due) this.end(container.id);
    }
  }

  #record(type: 'Normal' | 'Warning', reason: string, message: string, { name }: RuntimeContainer): void {
    this.#host.record(this.#worker.pod, type, reason, message, { container: name, kind: this.#worker.kindOf(name) });
  }
}
