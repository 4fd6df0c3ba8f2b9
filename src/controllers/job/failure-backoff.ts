/** How long a Job waits after failures: 10 s, doubled with each that follows without a success between. Pure. */
import type { ContainerStatus, Pod } from '../../api/types/core-v1.ts';
import { podCondition } from '../runtime/pod-state.ts';

const firstMs = 10_000;
const longestMs = 10 * 60_000;

export interface Backoff {
  /** Since the last success. */
  readonly failures: number;
  readonly lastFailureMs: number;
}

export const noBackoff: Backoff = { failures: 0, lastFailureMs: 0 };

/** With what has finished since. */
export function nextBackoff(before: Backoff, newSucceeded: readonly Pod[], newFailed: readonly Pod[]): Backoff {
  const lastSuccessMs = Math.max(-Infinity, ...newSucceeded.map(finishedAtMs));
  const since = newFailed.map(finishedAtMs).filter((time) => time > lastSuccessMs);
  if (newSucceeded.length === 0 && since.length === 0) return before;
  if (since.length === 0) return noBackoff;
  return { failures: (newSucceeded.length === 0 ? before.failures : 0) + since.length, lastFailureMs: Math.max(...since) };
}

export function remainingMs({ failures, lastFailureMs }: Backoff, nowMs: number): number {
  if (failures === 0) return 0;
  return Math.max(0, lastFailureMs + Math.min(firstMs * 2 ** (failures - 1), longestMs) - nowMs);
}

/** When a pod ended, or when it must have. */
export function finishedAtMs(pod: Pod): number {
  const { metadata, spec, status } = pod;
  const sidecars = new Set(spec.initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name));
  const containers = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name))];
  const times = containers.map(({ state }: ContainerStatus) => Date.parse(state?.terminated?.finishedAt ?? ''));
  if (times.length > 0 && !times.some(Number.isNaN)) return Math.max(...times);
  const ready = podCondition(pod, 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime) return Date.parse(ready.lastTransitionTime);
  if (metadata.deletionTimestamp) return Date.parse(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  return Date.parse(metadata.creationTimestamp ?? '') || 0;
}
