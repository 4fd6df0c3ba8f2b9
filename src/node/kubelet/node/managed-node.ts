/** What the managers of a real node (pressure, images, static pods) need of its kubelet. */
import type { Pod } from '../../../api/types/core-v1.ts';
import type { PodFailure } from '../pod-failure.ts';

export interface ManagedNode {
  readonly name: string;
  /** With their status of the moment; those that have ended are among them. */
  pods(): readonly Pod[];
  /** Those that have not ended, as the API says them. */
  activePods(): readonly Pod[];
  /** Kills the pod and marks it Failed; false where it is gone or has ended already. */
  failPod(podUid: string, failure: PodFailure): boolean;
  /** Whether anything of the pod is still there: containers, sandbox. */
  holds(podUid: string): boolean;
  recordPod(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
  recordNode(type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** Pods that are the system's own are not sacrificed for others. */
export function isCritical({ metadata, spec }: Pod): boolean {
  const annotations = metadata.annotations ?? {};
  const source = annotations[sourceAnnotation];
  return (source !== undefined && source !== 'api') || annotations[mirrorAnnotation] !== undefined || (spec.priority ?? 0) >= systemCriticalPriority;
}

/** What the file said, of pods of the node's own folder. */
export const hashAnnotation = 'kubernetes.io/config.hash';
export const mirrorAnnotation = 'kubernetes.io/config.mirror';
/** `file` for pods of the node's own folder. */
export const sourceAnnotation = 'kubernetes.io/config.source';

export const systemCriticalPriority = 2_000_000_000;

export function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded';
}
