/**
 * Starts the containers of one pod: image, create, start, with their events and
 * the back-off of what could not be started. One start of a container at a time.
 * Reasons and wording are upstream's (pkg/kubelet/images, kuberuntime).
 */
import type { Container, Pod } from '../../api/types/core-v1.ts';
import { restartDelayMs } from './container-plan.ts';
import type { ContainerStart, WaitingReason } from './container-plan.ts';
import { StartError } from './runtime.ts';
import type { ContainerField, WorkerHost } from './worker-host.ts';

interface StartFailure extends WaitingReason {
  readonly image: string;
  readonly attempts: number;
  readonly failedAtMs: number;
  readonly retryAtMs: number;
}

/** How long a failed pull is shown as such, before it is shown as waiting for the next. */
const pullFailureShownMs = 1000;

export class ContainerStarter {
  readonly #host: WorkerHost;
  readonly #pod: () => Pod;
  readonly #busy = new Set<string>();
  #failures: Map<string, StartFailure> | undefined;

  constructor(host: WorkerHost, pod: () => Pod) {
    this.#host = host;
    this.#pod = pod;
  }

  /** A call to the runtime is in flight. */
  get busy(): boolean {
    return this.#busy.size > 0;
  }

  isStarting(container: string): boolean {
    return this.#busy.has(container);
  }

  /** Why containers wait that could not be started. */
  get waiting(): Iterable<readonly [string, WaitingReason]> {
    return this.#failures ?? [];
  }

  get hasFailed(): boolean {
    return (this.#failures?.size ?? 0) > 0;
  }

  /** When something is next to be done about a container whose start has failed; undefined: now. */
  waitUntil(container: Container, kind: ContainerStart['kind'], nowMs: number): number | undefined {
    const failure = this.#failures?.get(container.name);
    if (!failure || failure.retryAtMs <= nowMs) return undefined;
    if (failure.reason !== 'ErrImagePull') return failure.retryAtMs;
    const shownUntilMs = failure.failedAtMs + pullFailureShownMs;
    if (nowMs < shownUntilMs) return shownUntilMs;
    const text = `Back-off pulling image "${failure.image}"`;
    this.#failures?.set(container.name, { ...failure, reason: 'ImagePullBackOff', message: `${text}: ErrImagePull: ${failure.message}` });
    const field = { container: container.name, kind };
    this.#host.record(this.#pod(), 'Normal', 'BackOff', text, field);
    this.#host.record(this.#pod(), 'Warning', 'Failed', 'Error: ImagePullBackOff', field);
    return failure.retryAtMs;
  }

  /** Resolves when it is started, or has failed to; never rejects. `mayGoOn` is asked between image and container. */
  async start({ container, kind, attempt }: ContainerStart, mayGoOn: () => boolean): Promise<void> {
    const { runtime } = this.#host;
    const { name } = container;
    const field = { container: name, kind };
    this.#busy.add(name);
    try {
      await this.#ensureImage(container, field);
      if (!mayGoOn()) return;
      const id = await runtime.createContainer({ pod: this.#pod(), container, kind, attempt });
      this.#host.record(this.#pod(), 'Normal', 'Created', 'Container created', field);
      await runtime.startContainer(id);
      this.#host.record(this.#pod(), 'Normal', 'Started', 'Container started', field);
      this.#failures?.delete(name);
    } catch (error) {
      this.#onFailed(container, field, error);
    } finally {
      this.#busy.delete(name);
    }
  }

  async #ensureImage(container: Container, field: ContainerField): Promise<void> {
    const { runtime, clock } = this.#host;
    const pod = this.#pod();
    const image = container.image ?? '';
    const policy = container.imagePullPolicy ?? 'IfNotPresent';
    if (policy !== 'Always' && (await runtime.hasImage(image, pod))) {
      this.#host.record(pod, 'Normal', 'Pulled', `Container image "${image}" already present on machine and can be accessed by the pod`, field);
      return;
    }
    if (policy === 'Never') throw new StartError('ErrImageNeverPull', `Container image "${image}" is not present with pull policy of Never`);
    this.#host.record(pod, 'Normal', 'Pulling', `Pulling image "${image}"`, field);
    const beganAt = clock.monotonic();
    let sizeBytes: number;
    try {
      sizeBytes = await runtime.pullImage(image, pod);
    } catch (error) {
      throw new StartError('ErrImagePull', messageOf(error));
    }
    const tookMs = Math.round(clock.monotonic() - beganAt);
    this.#host.onImagePulled(pod, tookMs);
    this.#host.record(pod, 'Normal', 'Pulled', `Successfully pulled image "${image}" in ${tookMs}ms (${tookMs}ms including waiting). Image size: ${sizeBytes} bytes.`, field);
  }

  #onFailed(container: Container, field: ContainerField, error: unknown): void {
    const { clock } = this.#host;
    const pod = this.#pod();
    const { name, image = '' } = container;
    const attempts = (this.#failures?.get(name)?.attempts ?? 0) + 1;
    const reason = error instanceof StartError ? error.reason : 'RunContainerError';
    const message = messageOf(error);
    const failedAtMs = clock.now();
    this.#failures ??= new Map();
    this.#failures.set(name, { reason, message, image, attempts, failedAtMs, retryAtMs: failedAtMs + restartDelayMs(attempts + 1) });
    if (reason === 'ErrImagePull') this.#host.record(pod, 'Warning', 'Failed', `Failed to pull image "${image}": ${message}`, field);
    const isOfImage = reason.startsWith('ErrImage');
    this.#host.record(pod, 'Warning', 'Failed', `Error: ${isOfImage ? reason : message}`, field);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
