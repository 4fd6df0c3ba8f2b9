/** What stages do to a pod's object, done as its node: what a node may not do fails, and says so in the log. */
import type { Logger } from '../../base/logger.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Client, PatchOptions } from '../../client/client.ts';
import { isNotFound } from '../../client/failure.ts';
import { pods } from '../../client/resources.ts';
import type { StageActions } from './stages/pod-stages.ts';

export function stageActions(client: Client, logger: Logger, signal: AbortSignal): Omit<StageActions, 'enact' | 'record'> {
  const carryOut = (what: string, pod: Pod, done: Promise<unknown>) =>
    void done.catch((error: unknown) => {
      if (!signal.aborted && !isNotFound(error)) logger.warn(`a stage could not ${what}`, { pod: pod.metadata.name, error });
    });
  const patchStatus = (pod: Pod, type: PatchOptions['type'], patch: object) => client.patch(pods, pod.metadata, patch, { type, subresource: 'status', signal });
  return {
    writeConditions: (pod, conditions) => carryOut('write conditions', pod, patchStatus(pod, 'strategic', { status: { conditions } })),
    writeFinalizers: (pod, finalizers) => carryOut('write finalizers', pod, patchStatus(pod, 'merge', { metadata: { finalizers } })),
    deletePod: (pod) => carryOut('delete the pod', pod, client.delete(pods, pod.metadata, { signal })),
  };
}
