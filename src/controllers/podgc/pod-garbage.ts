/** Which pods nobody else will ever clean up. Pure. */
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { isTerminal } from '../runtime/pod-state.ts';

/** Finished pods beyond the threshold, the oldest first. */
export function finishedBeyond(pods: readonly Pod[], threshold: number): Pod[] {
  const finished = pods.filter((pod) => isTerminal(pod) && !pod.metadata.deletionTimestamp);
  if (threshold <= 0 || finished.length <= threshold) return [];
  return finished.toSorted((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1)).slice(0, finished.length - threshold);
}

/** Being deleted before they ever had a node: no kubelet will confirm. */
export function unscheduledTerminating(pods: readonly Pod[]): Pod[] {
  return pods.filter(({ metadata, spec }) => metadata.deletionTimestamp && !spec.nodeName);
}

/** Being deleted on a node that is down and that an administrator has declared out of service. */
export function outOfService(pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): Pod[] {
  return pods.filter(({ metadata, spec }) => {
    const node = metadata.deletionTimestamp && spec.nodeName ? nodeOf(spec.nodeName) : undefined;
    if (!node) return false;
    const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
    return !ready && (node.spec?.taints?.some(({ key }) => key === 'node.kubernetes.io/out-of-service') ?? false);
  });
}

/** The nodes that pods name and that do not exist. */
export function missingNodes(pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): Set<string> {
  const missing = new Set<string>();
  for (const { spec } of pods) if (spec.nodeName && !nodeOf(spec.nodeName)) missing.add(spec.nodeName);
  return missing;
}
