/** The probers of one pod: one for each running container, from its start to its end. */
import type { Container } from '../../api/types/core-v1.ts';
import { Prober } from './prober.ts';
import type { ProbeKind, ProbeResult, RuntimeContainer, RuntimePod } from './runtime.ts';
import type { WorkedPod, WorkerHost } from './worker-host.ts';

export interface ProbedPod extends WorkedPod {
  onUnhealthy(container: RuntimeContainer, kind: 'startup' | 'liveness'): void;
}

export class PodProbes {
  readonly #worker: ProbedPod;
  readonly #host: WorkerHost;
  /** By container id. */
  readonly #probers = new Map<string, Prober>();

  constructor(worker: ProbedPod, host: WorkerHost) {
    this.#worker = worker;
    this.#host = host;
  }

  isStarted(container: RuntimeContainer): boolean {
    return this.#probers.get(container.id)?.started ?? false;
  }

  isReady(container: RuntimeContainer): boolean {
    return this.#probers.get(container.id)?.ready ?? false;
  }

  /** `isStarting`: its start is under way, so it is too early to probe it. */
  follow(view: RuntimePod | undefined, isStarting: (container: string) => boolean): void {
    for (const [id, prober] of this.#probers) {
      if (view?.containers.some((container) => container.id === id && container.state === 'running')) continue;
      prober.close();
      this.#probers.delete(id);
    }
    for (const running of view?.containers ?? []) {
      if (running.state !== 'running' || this.#probers.has(running.id) || isStarting(running.name)) continue;
      const spec = this.#worker.spec(running.name);
      if (spec) this.#probers.set(running.id, this.#makeProber(spec, running));
    }
  }

  close(): void {
    for (const prober of this.#probers.values()) prober.close();
    this.#probers.clear();
  }

  #makeProber(spec: Container, running: RuntimeContainer): Prober {
    const { status } = this.#worker.pod;
    const reported = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(({ containerID }) => containerID === running.id);
    return new Prober(
      spec,
      {
        clock: this.#host.clock,
        probe: (kind) => this.#probe(spec, running, kind),
        onChange: () => this.#worker.advance(),
        onResult: (kind, result) => this.#onResult(spec.name, kind, result),
        onUnhealthy: (kind) => this.#worker.onUnhealthy(running, kind),
      },
      running.startedAtMs,
      reported && { started: reported.started ?? false, ready: reported.ready, phase: this.#host.probes ? phaseOf(running.id) : 0 },
    );
  }

  async #probe(spec: Container, running: RuntimeContainer, kind: ProbeKind): Promise<ProbeResult> {
    const { probes, runtime } = this.#host;
    const { pod, podIps } = this.#worker;
    if (probes) return probes.run({ pod, podIps, container: spec, containerId: running.id, kind });
    return (await runtime.probe?.(running.id, kind)) ?? { healthy: true, output: '' };
  }

  #onResult(container: string, kind: ProbeKind, { healthy, output, kind: peculiar }: ProbeResult): void {
    if (healthy && !peculiar) return;
    const { pod } = this.#worker;
    const reason = peculiar === 'warning' ? 'ProbeWarning' : 'Unhealthy';
    const verb = peculiar === 'warning' ? 'warning' : peculiar === 'error' ? 'errored and resulted in unknown state' : 'failed';
    this.#host.record(pod, 'Warning', reason, `${kind[0]?.toUpperCase()}${kind.slice(1)} probe ${verb}: ${output}`, { container, kind: this.#worker.kindOf(container) });
  }
}

/** The same for a container each time; all ids together fill the period evenly. */
function phaseOf(containerId: string): number {
  return Number.parseInt(containerId.slice(-4), 16) / 0x10000 || 0;
}
