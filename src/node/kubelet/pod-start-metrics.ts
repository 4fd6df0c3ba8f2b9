/**
 * How long pods take to start, as the kubelet sees it, under upstream's names:
 * from their creation until the node's own watch shows all containers as
 * started. One for all nodes of a thread. The creation is known to a second.
 */
import type { Clock } from '../../base/clock.ts';
import type { Histogram } from '../../base/metrics/instruments.ts';
import type { MetricRegistry } from '../../base/metrics/registry.ts';
import { initContainersMs, isStateless } from '../../api/pod-startup.ts';
import type { Pod, PodStatus } from '../../api/types/core-v1.ts';

const bounds = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];

interface Starting {
  readonly seenAt: number;
  pullingMs: number;
}

export class PodStartMetrics {
  readonly #clock: Clock;
  readonly #sli: Histogram;
  readonly #total: Histogram;
  readonly #own: Histogram;
  /** By uid: pods that have not started. */
  readonly #starting = new Map<string, Starting>();

  constructor(registry: MetricRegistry, clock: Clock) {
    this.#clock = clock;
    this.#sli = registry.histogram('kubelet_pod_start_sli_duration_seconds', 'Time from the creation of a stateless pod until it is seen as started, without pulling images and running init containers.', bounds).with();
    this.#total = registry.histogram('kubelet_pod_start_total_duration_seconds', 'As kubelet_pod_start_sli_duration_seconds, with everything, and of all pods.', bounds).with();
    this.#own = registry.histogram('kubelet_pod_start_duration_seconds', 'Time from when the kubelet saw a pod first until it is seen as started.', bounds).with();
  }

  /** The watch shows a pod. */
  observe(pod: Pod): void {
    const { uid = '' } = pod.metadata;
    const starting = this.#starting.get(uid);
    if (!starting) {
      // One with a start time was seen by an earlier life of this agent.
      if (!pod.status?.startTime) this.#starting.set(uid, { seenAt: this.#clock.now(), pullingMs: 0 });
      return;
    }
    const { phase } = pod.status ?? {};
    if (phase === 'Succeeded' || phase === 'Failed') this.forget(uid);
    else if (phase === 'Running' && allRun(pod.status)) this.#started(pod, uid, starting);
  }

  imagePulled(uid: string, tookMs: number): void {
    const starting = this.#starting.get(uid);
    if (starting) starting.pullingMs += tookMs;
  }

  forget(uid: string): void {
    this.#starting.delete(uid);
  }

  #started({ metadata, spec, status }: Pod, uid: string, { seenAt, pullingMs }: Starting): void {
    this.forget(uid);
    const now = this.#clock.now();
    const tookMs = Math.max(0, now - Date.parse(metadata.creationTimestamp ?? ''));
    this.#own.observe((now - seenAt) / 1000);
    this.#total.observe(tookMs / 1000);
    if (isStateless(spec)) this.#sli.observe(Math.max(0, tookMs - pullingMs - initContainersMs(status)) / 1000);
  }
}

function allRun(status: PodStatus | undefined): boolean {
  return status?.containerStatuses?.every(({ state }) => state?.running?.startedAt) ?? false;
}
