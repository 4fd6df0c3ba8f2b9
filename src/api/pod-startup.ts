/** What of a pod's start counts as the cluster's time, by sig-scalability's definition of the start-up SLI. */
import type { PodSpec, PodStatus, Volume } from './types/core-v1.ts';

/** Whether none of its volumes has to be attached or mounted from elsewhere. */
export function isStateless({ volumes }: PodSpec): boolean {
  return volumes?.every(isLocal) ?? true;
}

function isLocal({ secret, configMap, downwardAPI, emptyDir, projected }: Volume): boolean {
  return (secret ?? configMap ?? downwardAPI ?? emptyDir ?? projected) !== undefined;
}

/** How long its init containers ran, one after the other; known to a second each. */
export function initContainersMs(status: PodStatus | undefined): number {
  let totalMs = 0;
  for (const { state } of status?.initContainerStatuses ?? []) {
    const { startedAt, finishedAt } = state?.terminated ?? {};
    if (startedAt && finishedAt) totalMs += Date.parse(finishedAt) - Date.parse(startedAt);
  }
  return totalMs;
}
