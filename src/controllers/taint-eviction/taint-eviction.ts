/** Deletes pods from nodes with NoExecute taints that they do not tolerate, or no longer. */
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { isNotFound } from '../../client/failure.ts';
import { keyOf } from '../../client/resource.ts';
import { nodes, pods } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { markDisrupted } from '../runtime/disruption-target.ts';
import { equal } from '../../base/equality.ts';
import { isTerminal } from '../runtime/pod-state.ts';
import { indexByNode } from '../runtime/pods-by-node.ts';
import { reconciler } from '../runtime/reconciler.ts';
import { evictionDelayMs } from './eviction-delay.ts';

export const taintEvictionController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const allNodes = context.informers.get(nodes);
  const allPods = context.informers.get(pods);
  const podsOn = indexByNode(allPods);
  const recorder = context.recorder('taint-eviction-controller');
  /** Pods whose time is running, and since when: a taint that is replaced by another does not begin it anew. */
  const running = new Map<string, number>();
  const loop = reconciler(context, { name: 'taint-eviction', workers: 20, reconcile });
  const isTainted = (node: Node | undefined) => node?.spec?.taints?.some(({ effect }) => effect === 'NoExecute') ?? false;
  const wakeAll = (node: Node) => {
    for (const pod of podsOn(node.metadata.name ?? '')) loop.queue.add(keyOf(pod));
  };
  allNodes.addHandler({
    onAdd: (node) => (isTainted(node) ? wakeAll(node) : undefined),
    onUpdate: (old, node) => (equal(old.spec?.taints, node.spec?.taints) ? undefined : wakeAll(node)),
  });
  allPods.addHandler({
    onAdd: (pod) => (isTainted(allNodes.get(pod.spec.nodeName ?? '')) ? loop.queue.add(keyOf(pod)) : undefined),
    onUpdate: (old, pod) => {
      if (old.spec.nodeName !== pod.spec.nodeName && isTainted(allNodes.get(pod.spec.nodeName ?? ''))) loop.queue.add(keyOf(pod));
    },
    onDelete: (pod) => running.delete(keyOf(pod)),
  });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const pod = allPods.get(key);
    if (!pod || pod.metadata.deletionTimestamp || isTerminal(pod)) {
      running.delete(key);
      return;
    }
    const taints = allNodes.get(pod.spec.nodeName ?? '')?.spec?.taints ?? [];
    const delayMs = evictionDelayMs(taints, pod.spec.tolerations ?? []);
    if (delayMs === undefined) {
      if (running.delete(key)) recorder.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
      return;
    }
    const since = running.get(key) ?? clock.monotonic();
    running.set(key, since);
    const leftMs = since + delayMs - clock.monotonic();
    if (leftMs > 0) loop.queue.addAfter(key, leftMs);
    else await evict(key, pod, signal);
  }

  async function evict(key: string, pod: Pod, signal: AbortSignal): Promise<void> {
    recorder.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
    await markDisrupted(client, pod, 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint', clock.now(), signal);
    await client.delete(pods, pod.metadata, { preconditions: { uid: pod.metadata.uid }, signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    running.delete(key);
  }
};
