/**
 * The in-place resize of one pod: what its spec asks for is given to it when the
 * node has room, then carried out on its cgroup and its running containers.
 * Until then the pod goes on with what it had. Rules, conditions and events are
 * upstream's (pkg/kubelet/allocation).
 */
import type { Pod, ResourceRequirements } from '../../../api/types/core-v1.ts';
import { latestContainer } from '../runtime.ts';
import type { RuntimeContainer, RuntimePod } from '../runtime.ts';
import type { WorkerHost } from '../worker-host.ts';
import { allocatedPod, allocationOf, changed, largest, needsRestart, sameAllocation, type Allocation } from './allocation.ts';

/** What the resize asks of its pod's worker. */
export interface ResizedPod {
  readonly pod: Pod;
  readonly view: RuntimePod | undefined;
  /** Stops the container, which is to run again. */
  restart(container: RuntimeContainer, message: string): void;
  advance(): void;
}

export interface ResizeCondition {
  readonly type: 'PodResizePending' | 'PodResizeInProgress';
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration: number;
}

/** How often the node is asked again for room, and a failed change tried again. */
const retryMs = 10_000;

export class PodResize {
  readonly #worker: ResizedPod;
  readonly #host: WorkerHost;
  #allocated: Allocation;
  /** What running containers have, where that is not what they are allocated; by container id. */
  readonly #actual = new Map<string, ResourceRequirements>();
  #pending: ResizeCondition | undefined;
  #progress: ResizeCondition | undefined;
  #busy = false;
  #retryAtMs = 0;
  /** The containers it has been carried out on, and of what. */
  #doneFor = '';
  #memo: { readonly pod: Pod; readonly allocation: Allocation; readonly allocated: Pod } | undefined;

  constructor(worker: ResizedPod, host: WorkerHost, allocated: Allocation) {
    this.#worker = worker;
    this.#host = host;
    this.#allocated = allocated;
  }

  /** The pod with what it has been given. */
  get allocatedPod(): Pod {
    const { pod } = this.#worker;
    if (this.#memo?.pod !== pod || this.#memo.allocation !== this.#allocated) this.#memo = { pod, allocation: this.#allocated, allocated: allocatedPod(pod, this.#allocated) };
    return this.#memo.allocated;
  }

  get conditions(): readonly ResizeCondition[] {
    return [this.#pending, this.#progress].filter((condition) => condition !== undefined);
  }

  allocated(container: string): ResourceRequirements | undefined {
    return this.#allocated.get(container);
  }

  actual(container: RuntimeContainer): ResourceRequirements | undefined {
    return this.#actual.get(container.id) ?? this.#allocated.get(container.name);
  }

  /** Does what is next; resolves to when it should be asked again (epoch ms), if it should. */
  advance(): number | undefined {
    this.#allocate();
    if (this.#busy || !this.#progress || this.#doneFor === this.#target()) return this.#pending && this.#retryAtMs;
    const now = this.#host.clock.now();
    if (this.#progress.reason === 'Error' && now < this.#retryAtMs) return this.#retryAtMs;
    void this.#actuate();
    return undefined;
  }

  #allocate(): void {
    const { pod } = this.#worker;
    const wanted = allocationOf(pod);
    if (sameAllocation(wanted, this.#allocated)) {
      this.#pending = undefined;
      return;
    }
    const now = this.#host.clock.now();
    const generation = pod.metadata.generation ?? 0;
    if (this.#pending?.observedGeneration === generation && now < this.#retryAtMs) return;
    const refusal = this.#host.refusal?.(pod);
    if (refusal) {
      this.#retryAtMs = now + retryMs;
      if (this.#pending?.message !== refusal.message) this.#record(pod, 'Warning', 'ResizeDeferred', 'Pod resize Deferred', refusal.message);
      this.#pending = { type: 'PodResizePending', reason: 'Deferred', message: refusal.message, observedGeneration: generation };
      return;
    }
    for (const container of this.#running()) if (!this.#actual.has(container.id)) this.#actual.set(container.id, this.#allocated.get(container.name) ?? {});
    this.#allocated = wanted;
    this.#pending = undefined;
    this.#progress = { type: 'PodResizeInProgress', observedGeneration: generation };
    this.#record(this.allocatedPod, 'Normal', 'ResizeStarted', 'Pod resize started');
  }

  /** The pod's cgroup is made wide enough for both before and after, and set to what it is to be at the end. */
  async #actuate(): Promise<void> {
    const { setup, runtime, clock } = this.#host;
    const pod = this.allocatedPod;
    this.#busy = true;
    try {
      const running = this.#running();
      const before = new Map(running.map((container) => [container.name, this.actual(container) ?? {}]));
      await setup?.resize(allocatedPod(pod, largest(before, this.#allocated)));
      for (const container of running) {
        const spec = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(({ name }) => name === container.name);
        const names = changed(this.#actual.get(container.id) ?? spec?.resources, spec?.resources);
        if (!spec || names.length === 0) continue;
        if (needsRestart(spec, names)) this.#worker.restart(container, `Container ${container.name} resize requires restart, will be restarted`);
        else {
          await runtime.updateContainer?.(container.id, pod, spec);
          this.#actual.delete(container.id);
        }
      }
      await setup?.resize(pod);
      this.#doneFor = this.#target();
      this.#onActuated();
    } catch (error) {
      this.#retryAtMs = clock.now() + retryMs;
      const message = error instanceof Error ? error.message : String(error);
      if (this.#progress?.message !== message) this.#record(pod, 'Warning', 'ResizeError', 'Pod resize error', message);
      this.#progress = { type: 'PodResizeInProgress', reason: 'Error', message, observedGeneration: this.#progress?.observedGeneration ?? 0 };
    } finally {
      this.#busy = false;
    }
    this.#worker.advance();
  }

  /** Containers that are to run again have taken it over once they do. */
  #onActuated(): void {
    const live = new Set(this.#running().map(({ id }) => id));
    for (const id of this.#actual.keys()) if (!live.has(id)) this.#actual.delete(id);
    if (this.#actual.size > 0) return;
    this.#progress = undefined;
    this.#record(this.allocatedPod, 'Normal', 'ResizeCompleted', 'Pod resize completed');
  }

  #target(): string {
    return [this.#progress?.observedGeneration, ...this.#running().map(({ id }) => id)].join();
  }

  #running(): readonly RuntimeContainer[] {
    const { view } = this.#worker;
    return view?.containers.filter((container) => container.state === 'running' && latestContainer(view, container.name) === container) ?? [];
  }

  /** With a summary of the pod's resources, as upstream's events have it. */
  #record(pod: Pod, type: 'Normal' | 'Warning', reason: string, text: string, error?: string): void {
    const { containers, initContainers } = pod.spec;
    const summary = (list: Pod['spec']['containers']) => list.map(({ name, resources = {} }) => ({ name, resources }));
    const resources = { ...(initContainers ? { initContainers: summary(initContainers) } : {}), containers: summary(containers), generation: pod.metadata.generation ?? 0, ...(error === undefined ? {} : { error }) };
    this.#host.record(pod, type, reason, `${text}: ${JSON.stringify(resources)}`);
  }
}
