/**
 * The last status of a pod: no container is left waiting, and no phase is left
 * open. What has not been seen to end counts as failed, but for init containers
 * whose turn never came. Rules: upstream's status manager (TerminatePod).
 */
import type { ContainerStatus, Pod } from '../../api/types/core-v1.ts';

const unknownEnd = { reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was terminated', exitCode: 137 };

/** Changes the statuses. */
export function endStatuses(pod: Pod, mains: readonly ContainerStatus[], inits: readonly ContainerStatus[]): void {
  const initialized = isInitialized(pod, mains, inits);
  if (initialized) for (const status of mains) end(status);
  const last = inits.findLastIndex((status) => !status.state?.waiting || status.lastState?.terminated);
  for (const status of inits.slice(0, Math.max(last, 0) + 1)) end(status);
}

function end(status: ContainerStatus): void {
  if (status.state?.terminated) return;
  // Times that nobody knows are written as such.
  status.state = { terminated: { ...unknownEnd, startedAt: undefined, finishedAt: undefined } };
}

function isInitialized({ spec }: Pod, mains: readonly ContainerStatus[], inits: readonly ContainerStatus[]): boolean {
  if (!spec.initContainers?.length || mains.some(({ state, lastState }) => lastState?.terminated || !state?.waiting)) return true;
  const last = inits.at(-1);
  if (spec.initContainers.at(-1)?.restartPolicy === 'Always') return last?.state?.running !== undefined && last.started === true;
  return last?.lastState?.terminated?.exitCode === 0 || last?.state?.terminated?.exitCode === 0;
}

/** A pod that has neither succeeded nor failed has failed. */
export function endPhase(phase: string): string {
  return phase === 'Succeeded' ? phase : 'Failed';
}
