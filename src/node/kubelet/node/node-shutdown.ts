/**
 * The machine is going down: its pods are ended in time, those that the system
 * needs last. Reasons and messages: upstream's pkg/kubelet/nodeshutdown.
 */
import type { Pod } from '../../../api/types/core-v1.ts';
import type { Clock } from '../../../base/clock.ts';
import { isCritical } from './managed-node.ts';
import type { ManagedNode } from './managed-node.ts';

export interface ShutdownPeriods {
  /** For all pods together. */
  readonly seconds: number;
  /** What of it is kept for critical pods. */
  readonly criticalSeconds: number;
}

const pollMs = 250;
const reason = 'Terminated';
const message = 'Pod was terminated in response to imminent node shutdown.';

/** Resolves when all pods have ended, or their time is over. */
export async function endAllPods(node: ManagedNode, clock: Clock, { seconds, criticalSeconds }: ShutdownPeriods): Promise<void> {
  const active = node.activePods();
  await endGroup(node, clock, active.filter((pod) => !isCritical(pod)), Math.max(0, seconds - criticalSeconds));
  await endGroup(node, clock, active.filter(isCritical), criticalSeconds);
}

async function endGroup(node: ManagedNode, clock: Clock, pods: readonly Pod[], seconds: number): Promise<void> {
  const condition = { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message } as const;
  for (const { metadata, spec } of pods) node.failPod(metadata.uid ?? '', { reason, message, graceSeconds: Math.min(spec.terminationGracePeriodSeconds ?? 30, seconds), condition });
  const deadline = clock.monotonic() + seconds * 1000;
  while (clock.monotonic() < deadline && pods.some(({ metadata }) => node.holds(metadata.uid ?? ''))) await clock.sleep(pollMs);
}
