/** Deletes Jobs some time after they have finished, where they ask for it. */
import type { Job } from '../../api/types/batch-v1.ts';
import { isNotFound } from '../../client/failure.ts';
import { jobs } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';

/** Until the Job shall go, 0 or less when it is time; undefined where it stays. */
export function timeLeftMs({ metadata, spec, status }: Job, nowMs: number): number | undefined {
  if (metadata.deletionTimestamp || spec?.ttlSecondsAfterFinished === undefined) return undefined;
  const finished = status?.conditions?.find(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True');
  if (!finished?.lastTransitionTime) return undefined;
  return Date.parse(finished.lastTransitionTime) + spec.ttlSecondsAfterFinished * 1000 - nowMs;
}

export const ttlAfterFinishedController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const all = context.informers.get(jobs);
  const loop = reconciler(context, { name: 'ttl-after-finished', workers: 5, reconcile });
  enqueueChanges(all, loop.queue);
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const job = all.get(key);
    const leftMs = job && timeLeftMs(job, clock.now());
    if (!job || leftMs === undefined) return;
    if (leftMs > 0) {
      loop.queue.addAfter(key, leftMs);
      return;
    }
    const { uid, resourceVersion } = job.metadata;
    await client.delete(jobs, job.metadata, { propagationPolicy: 'Foreground', preconditions: { uid, resourceVersion }, signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
};
