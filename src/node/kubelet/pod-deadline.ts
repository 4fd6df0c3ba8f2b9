/** How long a pod may be active (`activeDeadlineSeconds`, which may change while it runs). Wording is upstream's (active_deadline.go). */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodFailure } from './pod-failure.ts';

export const deadlineExceeded: PodFailure = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};

/** Undefined: the pod has no deadline. `seenAtMs`: since when it is active, where its status does not say so. */
export function armDeadline(pod: Pod, seenAtMs: number, clock: Clock, onPassed: () => void): Timer | undefined {
  const seconds = pod.spec.activeDeadlineSeconds;
  if (seconds === undefined || seconds === null) return undefined;
  const startTime = pod.status?.startTime;
  const endsAtMs = (startTime ? Date.parse(startTime) : seenAtMs) + seconds * 1000;
  return clock.after(Math.max(0, endsAtMs - clock.now()), onPassed);
}
