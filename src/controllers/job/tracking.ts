/**
 * The finalizer that keeps a pod of a Job from vanishing before it is counted.
 * The status of the Job first says which pods are about to be counted
 * (uncountedTerminatedPods), then their finalizers go, then the counters rise:
 * whoever takes over in between neither misses a pod nor counts it twice.
 */
import type { Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { isNotFound } from '../../client/failure.ts';
import { pods } from '../../client/resources.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';

export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(trackingFinalizer) ?? false;
}

/** A pod that is gone needs no more. */
export async function untrack(client: Client, pod: Pod, signal: AbortSignal): Promise<void> {
  if (!isTracked(pod)) return;
  const patch = { metadata: { uid: pod.metadata.uid, '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } };
  await client.patch(pods, pod.metadata, patch, { type: 'strategic', signal }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
