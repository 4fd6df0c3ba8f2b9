/** What pod workers share: their node's runtime, clock and ways to the API. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { ContainerKind, Runtime, RuntimePod } from './runtime.ts';
import type { PodWorker } from './pod-worker.ts';

export interface WorkerHost {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hostIps: readonly string[];
  /** What the runtime already holds of the pod. */
  view(pod: Pod): RuntimePod | undefined;
  /** Rejects with ApiError. */
  patchStatus(pod: Pod, patch: Readonly<Record<string, unknown>>): Promise<void>;
  /** With grace 0, and only if it is still the same pod. */
  deletePod(pod: Pod): Promise<void>;
  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, field?: ContainerField): void;
  onImagePulled(pod: Pod, tookMs: number): void;
  onGone(worker: PodWorker): void;
}

/** Which container of the pod an event is about. */
export interface ContainerField {
  readonly container: string;
  readonly kind: ContainerKind;
}
