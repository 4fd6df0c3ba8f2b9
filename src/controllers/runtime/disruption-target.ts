/** Marks a pod as about to be ended by the cluster and not by itself, so that a Job need not count it as a failure. */
import type { Pod, PodStatus } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { isNotFound } from '../../client/failure.ts';
import { pods } from '../../client/resources.ts';
import { withCondition } from './conditions.ts';

export async function markDisrupted(client: Client, pod: Pod, reason: string, message: string, nowMs: number, signal: AbortSignal, phase?: string): Promise<void> {
  const condition = { type: 'DisruptionTarget', status: 'True', reason, message };
  const [marked] = withCondition(pod.status?.conditions, condition, nowMs).filter(({ type }) => type === condition.type);
  const status: PodStatus = { ...(phase ? { phase } : {}), conditions: marked ? [marked] : [] };
  const patch = { metadata: { uid: pod.metadata.uid }, status };
  await client.patch(pods, pod.metadata, patch, { type: 'strategic', subresource: 'status', signal }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
