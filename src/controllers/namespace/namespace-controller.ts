/**
 * Ends namespaces: marks one that is being deleted as Terminating, deletes all
 * that is in it, says in its conditions what remains, and takes the
 * `kubernetes` finalizer away when nothing does.
 */
import type { Namespace } from '../../api/types/core-v1.ts';
import { isNotFound } from '../../client/failure.ts';
import { namespaces, pods } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { reconciler } from '../runtime/reconciler.ts';
import { namespaceConditions } from './namespace-conditions.ts';
import { deleteContent } from './namespace-content.ts';

const finalizer = 'kubernetes';
/** Writes that were let in before the deletion have ended by then. */
const settleMs = 300;
const namespaceIndex = 'namespace';
const recheckMsMax = 1000;

export const namespaceController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const informer = context.informers.get(namespaces);
  const loop = reconciler(context, { name: 'namespace', workers: 10, reconcile, queue: { maxDelayMs: 60_000 } });
  const consider = (namespace: Namespace) => {
    if (namespace.metadata.deletionTimestamp && namespace.spec.finalizers?.includes(finalizer)) loop.queue.addAfter(namespace.metadata.name ?? '', settleMs);
  };
  informer.addHandler({
    onAdd: consider,
    // Our own writes of status must not make us hurry.
    onUpdate: (old, current) => {
      if (!old.metadata.deletionTimestamp) consider(current);
    },
  });
  // Pods go first and take the longest: the last one that goes is when to go on.
  const allPods = context.informers.get(pods);
  allPods.addIndex(namespaceIndex, ({ metadata }) => [metadata.namespace ?? '']);
  allPods.addHandler({
    onDelete({ metadata }) {
      const name = metadata.namespace ?? '';
      if (informer.get(name)?.metadata.deletionTimestamp && allPods.byIndex(namespaceIndex, name).length === 0) loop.queue.add(name);
    },
  });
  return loop;

  async function reconcile(name: string, signal: AbortSignal): Promise<void> {
    let namespace = await client.get(namespaces, { name }, { signal }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (!namespace?.metadata.deletionTimestamp || !namespace.spec.finalizers?.includes(finalizer)) return;
    if (namespace.status?.phase !== 'Terminating') {
      namespace = await client.updateStatus(namespaces, { ...namespace, status: { ...namespace.status, phase: 'Terminating' } }, { signal });
    }
    const round = await deleteContent(client, name, signal);
    const conditions = namespaceConditions(namespace.status?.conditions, round, clock.now());
    if (!equal(conditions, namespace.status?.conditions)) {
      namespace = await client.updateStatus(namespaces, { ...namespace, status: { ...namespace.status, conditions } }, { signal });
    }
    const failures = [...round.discoveryFailures, ...round.contentFailures];
    if (failures.length > 0) throw new Error(failures.join('; '));
    if (round.remaining.size > 0) {
      loop.queue.addAfter(name, Math.min((round.estimateSeconds / 2 + 1) * 1000, recheckMsMax));
      return;
    }
    const finalizers = namespace.spec.finalizers?.filter((other) => other !== finalizer);
    await client.updateSubresource(namespaces, 'finalize', { ...namespace, spec: { ...namespace.spec, finalizers } }, { signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
};
