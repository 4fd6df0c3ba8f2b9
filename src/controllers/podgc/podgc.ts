/** Deletes pods that no kubelet will finish: of nodes that are gone, never scheduled, or finished and too many. */
import type { Pod } from '../../api/types/core-v1.ts';
import { isNotFound } from '../../client/failure.ts';
import { nodes, pods } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { markDisrupted } from '../runtime/disruption-target.ts';
import { isTerminal } from '../runtime/pod-state.ts';
import { periodically } from '../runtime/reconciler.ts';
import { finishedBeyond, missingNodes, outOfService, unscheduledTerminating } from './pod-garbage.ts';

const periodMs = 20_000;
const finishedMax = 12_500;
/** A node that has just gone may come back under the same name. */
const quarantineMs = 40_000;

export const podGarbageCollector: ControllerFactory = (context) => {
  const { client, clock } = context;
  const allNodes = context.informers.get(nodes);
  const allPods = context.informers.get(pods);
  const missingSince = new Map<string, number>();
  return {
    name: 'podgc',
    run: (signal) => periodically(context, 'podgc', periodMs, signal, () => collect(signal)),
  };

  async function collect(signal: AbortSignal): Promise<void> {
    const all = [...allPods.values()];
    const nodeOf = (name: string) => allNodes.get(name);
    const gone = await goneNodes(missingNodes(all, nodeOf), signal);
    const orphaned = all.filter(({ spec }) => spec.nodeName && gone.has(spec.nodeName));
    const removals = [
      ...finishedBeyond(all, finishedMax).map((pod) => remove(pod, signal)),
      ...orphaned.map((pod) => end(pod, 'PodGC: node no longer exists', signal)),
      ...outOfService(all, nodeOf).map((pod) => remove(pod, signal)),
      ...unscheduledTerminating(all).map((pod) => remove(pod, signal)),
    ];
    for (const result of await Promise.allSettled(removals)) {
      if (result.status === 'rejected' && !signal.aborted) context.logger.warn('pod not collected', { controller: 'podgc', error: result.reason });
    }
  }

  /** Those that have been missing for long, and that the server does not know either. */
  async function goneNodes(missing: ReadonlySet<string>, signal: AbortSignal): Promise<Set<string>> {
    for (const name of missingSince.keys()) if (!missing.has(name)) missingSince.delete(name);
    const gone = new Set<string>();
    for (const name of missing) {
      const since = missingSince.get(name) ?? clock.monotonic();
      missingSince.set(name, since);
      if (clock.monotonic() - since < quarantineMs) continue;
      await client.get(nodes, { name }, { signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
        gone.add(name);
      });
    }
    return gone;
  }

  async function end(pod: Pod, why: string, signal: AbortSignal): Promise<void> {
    if (!isTerminal(pod)) await markDisrupted(client, pod, 'DeletionByPodGC', why, clock.now(), signal, 'Failed');
    await remove(pod, signal);
  }

  async function remove({ metadata }: Pod, signal: AbortSignal): Promise<void> {
    await client.delete(pods, metadata, { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid }, signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
};
