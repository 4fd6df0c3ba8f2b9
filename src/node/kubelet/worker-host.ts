/** What pod workers share: their node's runtime, clock and ways to the API. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Container, LifecycleHandler, Pod } from '../../api/types/core-v1.ts';
import type { ImagePulls } from './image-pulls.ts';
import type { PodSetup } from './pod-setup.ts';
import type { ContainerKind, ProbeKind, ProbeResult, Runtime, RuntimePod } from './runtime.ts';
import type { PodWorker } from './pod-worker.ts';

export interface WorkerHost extends MachineParts {
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
  /** Why the node has no room for the pod beside its others. Left out: it always has. */
  refusal?(pod: Pod): { readonly message: string } | undefined;
  onImagePulled(pod: Pod, tookMs: number): void;
  onGone(worker: PodWorker): void;
}

/** What only nodes with a machine have; those that pretend leave it out. */
export interface MachineParts {
  readonly setup?: PodSetup | undefined;
  /** Left out: images are pulled whenever they are asked for. */
  readonly pulls?: ImagePulls | undefined;
  /** Left out: containers have no hooks. */
  readonly hooks?: LifecycleHooks | undefined;
  /** Left out: the runtime says how its containers are. */
  readonly probes?: ProbeRunner | undefined;
}

export interface LifecycleHooks {
  /** Rejects with why it failed. */
  run(call: HookCall): Promise<void>;
}

export interface HookCall {
  readonly pod: Pod;
  readonly podIps: readonly string[];
  readonly container: Container;
  readonly containerId: string;
  readonly handler: LifecycleHandler;
  readonly signal: AbortSignal;
}

export interface ProbeRunner {
  /** Never rejects, and comes to an end within the probe's timeout. */
  run(call: ProbeCall): Promise<ProbeResult>;
  /** The pod is no more. */
  forget(podUid: string): void;
}

export interface ProbeCall {
  readonly pod: Pod;
  readonly podIps: readonly string[];
  readonly container: Container;
  readonly containerId: string;
  readonly kind: ProbeKind;
}

/** What a worker's parts see of its pod. */
export interface WorkedPod {
  readonly pod: Pod;
  /** With the resources that the node has given it, which its spec may be ahead of. */
  readonly allocatedPod: Pod;
  /** The node's own for pods on its network; empty before there is a sandbox. */
  readonly podIps: readonly string[];
  spec(container: string): Container | undefined;
  kindOf(container: string): ContainerKind;
  /** Something may be next. */
  advance(): void;
}

/** Which container of the pod an event is about. */
export interface ContainerField {
  readonly container: string;
  readonly kind: ContainerKind;
}
