/** What the restarts of a pod's containers remember beyond what the runtime knows. Most pods have none. */
import type { RuntimeContainer, RuntimePod } from './runtime.ts';
import { latestContainer } from './runtime.ts';

export class ContainerRestarts {
  /** By container: the attempt from which on its restarts count. */
  readonly #forgiven = new Map<string, number>();
  /** Ids of containers that were stopped only to be started again. */
  readonly #wanted = new Set<string>();

  forgive(container: string, attempt: number): void {
    this.#forgiven.set(container, attempt);
  }

  since(container: string): number {
    return this.#forgiven.get(container) ?? 0;
  }

  /** However it ends, it runs again. */
  want({ id }: RuntimeContainer): void {
    this.#wanted.add(id);
  }

  isWanted({ id }: RuntimeContainer): boolean {
    return this.#wanted.has(id);
  }

  /** Whether some container has ended, or will, that is not to stay so. */
  pending(view: RuntimePod | undefined): boolean {
    return view?.containers.some((container) => this.#wanted.has(container.id) && latestContainer(view, container.name) === container) ?? false;
  }
}
