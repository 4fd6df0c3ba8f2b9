/** On which nodes a DaemonSet's pod belongs. Pure. */
import { matchesNode } from '../../api/node-selection.ts';
import type { Node, PodSpec, Taint, Toleration } from '../../api/types/core-v1.ts';
import { tolerates } from '../runtime/tolerations.ts';

/** Daemons stay where others must leave: it is they who make nodes well again. */
const daemonTolerations: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];
const hostNetworkToleration: Toleration = { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' };

export function daemonPodSpec(spec: PodSpec, nodeName: string): PodSpec {
  const required = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }] };
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  // Only this node will do, under whatever the template asks besides.
  const nodeSelectorTerms = terms?.map((term) => ({ ...term, matchFields: required.nodeSelectorTerms[0]?.matchFields })) ?? required.nodeSelectorTerms;
  const nodeAffinity = { ...spec.affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  return { ...spec, affinity: { ...spec.affinity, nodeAffinity }, tolerations: tolerationsOf(spec) };
}

function tolerationsOf(spec: PodSpec): Toleration[] {
  return [...(spec.tolerations ?? []), ...daemonTolerations, ...(spec.hostNetwork ? [hostNetworkToleration] : [])];
}

export interface NodeFit {
  readonly shouldRun: boolean;
  /** What runs already may stay. */
  readonly mayContinue: boolean;
}

export function fitOf(spec: PodSpec, node: Node): NodeFit {
  if (spec.nodeName && spec.nodeName !== node.metadata.name) return { shouldRun: false, mayContinue: false };
  if (!matchesNode(spec, node)) return { shouldRun: false, mayContinue: false };
  const tolerations = tolerationsOf(spec);
  const repelled = (effects: readonly string[]) => (node.spec?.taints ?? []).some((taint: Taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint)));
  return { shouldRun: !repelled(['NoSchedule', 'NoExecute']), mayContinue: !repelled(['NoExecute']) };
}
