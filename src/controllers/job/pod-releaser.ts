/**
 * Takes the tracking finalizer off pods that no Job will count any more: their
 * Job is gone, has ended, or is no longer their controller.
 */
import type { Job } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { keyOf } from '../../client/resource.ts';
import { jobs, pods } from '../../client/resources.ts';
import type { ControllerContext } from '../runtime/context.ts';
import { controllerOf, ownerIndex } from '../runtime/owner.ts';
import { reconciler, type Reconciler } from '../runtime/reconciler.ts';
import { isTracked, untrack } from './tracking.ts';

const ownName = 'kubernetes.io/job-controller';

export function isFinished({ status }: Job): boolean {
  return status?.conditions?.some(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True') ?? false;
}

/** And not another controller's. */
export function isOurs({ spec }: Job): boolean {
  return (spec?.managedBy ?? ownName) === ownName;
}

export function podReleaser(context: ControllerContext): Reconciler {
  const all = context.informers.get(jobs);
  const allPods = context.informers.get(pods);
  const loop = reconciler(context, { name: 'job-orphan-pods', reconcile });
  const consider = (pod: Pod) => {
    if (isForgotten(pod)) loop.queue.add(keyOf(pod));
  };
  allPods.addHandler({ onAdd: consider, onUpdate: (_, pod) => consider(pod) });
  const considerAll = ({ metadata }: Job) => allPods.byIndex(ownerIndex.name, metadata.uid ?? '').forEach(consider);
  all.addHandler({ onUpdate: (_, job) => (isFinished(job) ? considerAll(job) : undefined), onDelete: considerAll });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const pod = allPods.get(key);
    if (pod && isForgotten(pod)) await untrack(context.client, pod, signal);
  }

  function isForgotten(pod: Pod): boolean {
    if (!isTracked(pod)) return false;
    const owner = controllerOf(pod);
    if (!owner) return true;
    if (owner.kind !== 'Job') return false;
    const job = all.find({ namespace: pod.metadata.namespace, name: owner.name });
    return job?.metadata.uid !== owner.uid || (isFinished(job) && isOurs(job));
  }
}
