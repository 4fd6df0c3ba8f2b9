/**
 * The pulls of one node: so many at once, in the order in which they were asked
 * for; who wants an image that is being pulled with the same right waits for that.
 */
import type { Clock } from '../../base/clock.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { RegistryCredentials, Runtime } from './runtime.ts';

export interface Pulled {
  readonly sizeBytes: number;
  /** Of the pull alone. */
  readonly tookMs: number;
}

export class ImagePulls {
  readonly #runtime: Runtime;
  readonly #clock: Clock;
  readonly #parallel: number;
  readonly #running = new Map<string, Promise<Pulled>>();
  readonly #waiting: (() => void)[] = [];

  /** `parallel`: upstream's kubelet pulls one after the other. */
  constructor(runtime: Runtime, clock: Clock, parallel: number) {
    this.#runtime = runtime;
    this.#clock = clock;
    this.#parallel = parallel;
  }

  pull(image: string, pod: Pod, credentials: RegistryCredentials | undefined): Promise<Pulled> {
    const key = JSON.stringify([image, credentials, pod.spec.runtimeClassName]);
    let pull = this.#running.get(key);
    if (!pull) {
      pull = this.#inTurn(image, pod, credentials).finally(() => {
        this.#running.delete(key);
        this.#waiting.shift()?.();
      });
      this.#running.set(key, pull);
    }
    return pull;
  }

  async #inTurn(image: string, pod: Pod, credentials: RegistryCredentials | undefined): Promise<Pulled> {
    if (this.#running.size >= this.#parallel) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const beganAt = this.#clock.monotonic();
    const sizeBytes = await this.#runtime.pullImage(image, pod, credentials);
    return { sizeBytes, tookMs: this.#clock.monotonic() - beganAt };
  }
}
