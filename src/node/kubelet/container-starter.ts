/**
 * Starts the containers of one pod: image, settings, create, start, hook, with
 * their events and the back-off of what could not be started. One start of a
 * container at a time. Reasons and wording are upstream's (pkg/kubelet/images,
 * kuberuntime).
 */
import type { Container } from '../../api/types/core-v1.ts';
import { ensureImages } from './container-image.ts';
import { restartDelayMs } from './container-plan.ts';
import type { ContainerStart, WaitingReason } from './container-plan.ts';
import { StartError } from './runtime.ts';
import type { ContainerRequest } from './runtime.ts';
import type { ContainerField, WorkedPod, WorkerHost } from './worker-host.ts';

interface StartFailure extends WaitingReason {
  readonly image: string;
  readonly attempts: number;
  readonly failedAtMs: number;
  readonly retryAtMs: number;
}

/** How long a failed pull is shown as such, before it is shown as waiting for the next. */
const pullFailureShownMs = 1000;

/** Bad settings are looked at again soon: what they refer to may come at any time. */
const settingsRetryMs = 10_000;

export class ContainerStarter {
  readonly #host: WorkerHost;
  readonly #worker: WorkedPod;
  /** By name. What waits for an image or a hook may be left alone; what is being made may not. */
  readonly #starting = new Map<string, 'waiting' | 'making'>();
  #failures: Map<string, StartFailure> | undefined;
  #hooks: AbortController | undefined;

  constructor(worker: WorkedPod, host: WorkerHost) {
    this.#worker = worker;
    this.#host = host;
  }

  /** Some container is on its way to its start. */
  get busy(): boolean {
    return this.#starting.size > 0;
  }

  /** A container comes to be in the runtime just now. */
  get making(): boolean {
    for (const phase of this.#starting.values()) if (phase === 'making') return true;
    return false;
  }

  isStarting(container: string): boolean {
    return this.#starting.has(container);
  }

  /** Why containers wait that could not be started. */
  get waiting(): Iterable<readonly [string, WaitingReason]> {
    return this.#failures ?? [];
  }

  get hasFailed(): boolean {
    return (this.#failures?.size ?? 0) > 0;
  }

  /** Nothing starts any more: hooks that run are given up. */
  close(): void {
    this.#hooks?.abort();
  }

  /** When something is next to be done about a container whose start has failed; undefined: now. */
  waitUntil(container: Container, kind: ContainerStart['kind'], nowMs: number): number | undefined {
    const failure = this.#failures?.get(container.name);
    // Another image has not failed yet.
    if (!failure || failure.image !== (container.image ?? '') || failure.retryAtMs <= nowMs) return undefined;
    if (failure.reason !== 'ErrImagePull') return failure.retryAtMs;
    const shownUntilMs = failure.failedAtMs + pullFailureShownMs;
    if (nowMs < shownUntilMs) return shownUntilMs;
    const text = `Back-off pulling image "${failure.image}"`;
    this.#failures?.set(container.name, { ...failure, reason: 'ImagePullBackOff', message: `${text}: ErrImagePull: ${failure.message}` });
    const field = { container: container.name, kind };
    this.#host.record(this.#worker.pod, 'Normal', 'BackOff', text, field);
    this.#host.record(this.#worker.pod, 'Warning', 'Failed', 'Error: ImagePullBackOff', field);
    return failure.retryAtMs;
  }

  /** Resolves when it is started, or has failed to; never rejects. `mayGoOn` is asked between image and container. */
  async start({ container, kind, attempt }: ContainerStart, mayGoOn: () => boolean): Promise<void> {
    const { runtime, setup } = this.#host;
    const { name } = container;
    const field = { container: name, kind };
    this.#starting.set(name, 'waiting');
    try {
      await ensureImages(this.#host, this.#worker.pod, container, field);
      if (!mayGoOn()) return;
      this.#starting.set(name, 'making');
      const { allocatedPod: pod, podIps } = this.#worker;
      const request: ContainerRequest = { pod, container, kind, attempt };
      const id = await runtime.createContainer(setup ? { ...request, settings: await setup.container(request, podIps) } : request);
      this.#host.record(this.#worker.pod, 'Normal', 'Created', 'Container created', field);
      await runtime.startContainer(id);
      this.#host.record(this.#worker.pod, 'Normal', 'Started', 'Container started', field);
      if (this.#host.hooks && container.lifecycle?.postStart) await this.#runHook(container, id, field);
      this.#failures?.delete(name);
    } catch (error) {
      this.#onFailed(container, field, error);
    } finally {
      this.#starting.delete(name);
    }
  }

  /** A container whose hook fails is killed; the plan has it run again. */
  async #runHook(container: Container, containerId: string, field: ContainerField): Promise<void> {
    const { hooks, runtime, logger } = this.#host;
    const { pod, podIps } = this.#worker;
    // The pod may end while the hook runs; then both do.
    this.#starting.set(container.name, 'waiting');
    this.#hooks ??= new AbortController();
    try {
      await hooks?.run({ pod, podIps, container, containerId, handler: container.lifecycle?.postStart ?? {}, signal: this.#hooks.signal });
    } catch (error) {
      if (this.#hooks.signal.aborted) return;
      // Not its text: it may hold what only the container should know.
      this.#host.record(pod, 'Warning', 'FailedPostStartHook', 'PostStartHook failed', field);
      this.#host.record(pod, 'Normal', 'Killing', 'FailedPostStartHook', field);
      await runtime.stopContainer(containerId, pod.spec.terminationGracePeriodSeconds ?? 30).catch((cause: unknown) => logger.warn('stopping a container failed', { container: containerId, error: cause }));
      throw new StartError('PostStartHookError', error instanceof Error ? error.message : String(error));
    }
  }

  #onFailed(container: Container, field: ContainerField, error: unknown): void {
    const { clock } = this.#host;
    const { pod } = this.#worker;
    const { name, image = '' } = container;
    const attempts = (this.#failures?.get(name)?.attempts ?? 0) + 1;
    const reason = error instanceof StartError ? error.reason : 'RunContainerError';
    const message = messageOf(error);
    const failedAtMs = clock.now();
    const delayMs = reason === 'CreateContainerConfigError' ? settingsRetryMs : restartDelayMs(attempts + 1);
    this.#failures ??= new Map();
    this.#failures.set(name, { reason, message, image, attempts, failedAtMs, retryAtMs: failedAtMs + delayMs });
    if (reason === 'PostStartHookError') return;
    if (reason === 'ErrImagePull') this.#host.record(pod, 'Warning', 'Failed', `Failed to pull image "${image}": ${message}`, field);
    const isOfImage = reason.startsWith('ErrImage') || reason === 'InvalidImageName';
    this.#host.record(pod, 'Warning', 'Failed', `Error: ${isOfImage ? reason : message}`, field);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
