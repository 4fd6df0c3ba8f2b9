/**
 * The sandbox of one pod: made once the pod's machine is set up, with the
 * back-off of what failed; stopped and removed at the pod's end. One call of the
 * machine or the runtime at a time.
 */
import type { Pod } from '../../api/types/core-v1.ts';
import { restartDelayMs } from './container-plan.ts';
import { StartError } from './runtime.ts';
import type { SandboxSettings } from './runtime.ts';
import type { WorkerHost } from './worker-host.ts';

const retryFirstMs = 500;
const mountRetryMaxMs = 122_000;

interface Failure {
  readonly reason: string;
  readonly text: string;
}

const notMade: Failure = { reason: 'FailedCreatePodSandBox', text: 'Failed to create pod sandbox' };
const notEnded: Failure = { reason: 'FailedKillPod', text: 'error killing pod' };

export class PodSandbox {
  /** A call is in flight. */
  busy = false;
  /** Before then nothing is tried again. */
  retryAtMs = 0;
  readonly #host: WorkerHost;
  #settings: SandboxSettings | undefined;
  #failures = 0;

  constructor(host: WorkerHost) {
    this.#host = host;
  }

  /** The machine holds what the pod's containers need. */
  get prepared(): boolean {
    return this.#host.setup === undefined || this.#settings !== undefined;
  }

  /** Resolves to whether the runtime makes the sandbox now. `again`: there is one that has died. */
  make(pod: Pod, again: boolean, mayGoOn: () => boolean): Promise<boolean> {
    return this.#try(pod, notMade, async () => {
      const { runtime, setup } = this.#host;
      if (!setup) return runtime.runSandbox(pod);
      if (again) await runtime.stopSandbox(pod.metadata.uid ?? '');
      this.#settings = await setup.prepare(pod);
      if (mayGoOn()) await runtime.runSandbox(pod, this.#settings);
    });
  }

  /** For a pod that has its sandbox from before this process began. */
  adopt(pod: Pod): Promise<boolean> {
    return this.#try(pod, notMade, async () => {
      this.#settings = await this.#host.setup?.prepare(pod);
    });
  }

  /**
   * Stops it and frees what the machine holds for it. Nodes that pretend have
   * nothing to keep; real ones keep the containers for their logs until the API
   * object is gone.
   */
  end(pod: Pod): Promise<boolean> {
    const uid = pod.metadata.uid ?? '';
    const { runtime, setup } = this.#host;
    return this.#try(pod, notEnded, async () => {
      await runtime.stopSandbox(uid);
      await (setup ? setup.release(uid) : runtime.removeSandbox(uid));
    });
  }

  async #try(pod: Pod, failure: Failure, act: () => Promise<void>): Promise<boolean> {
    this.busy = true;
    try {
      await act();
      this.#failures = 0;
      return true;
    } catch (error) {
      this.#onFailed(pod, failure, error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  #onFailed(pod: Pod, failure: Failure, error: unknown): void {
    const { clock, logger } = this.#host;
    const message = error instanceof Error ? error.message : String(error);
    this.#failures++;
    const ofMachine = error instanceof StartError;
    const delayMs = ofMachine ? Math.min(retryFirstMs * 2 ** Math.min(this.#failures - 1, 10), mountRetryMaxMs) : Math.max(1000, restartDelayMs(this.#failures));
    this.retryAtMs = clock.now() + delayMs;
    logger.warn('the sandbox of a pod failed', { pod: pod.metadata.name, error });
    if (ofMachine) this.#host.record(pod, 'Warning', error.reason, message);
    else this.#host.record(pod, 'Warning', failure.reason, `${failure.text}: ${message}`);
  }
}
