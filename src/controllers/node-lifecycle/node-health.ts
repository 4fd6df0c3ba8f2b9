/** What a node's silence means for its conditions, and what its conditions mean for its taints. Pure. */
import type { Node, NodeCondition, Taint } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';

export const notReadyTaint = 'node.kubernetes.io/not-ready';
export const unreachableTaint = 'node.kubernetes.io/unreachable';

/** The conditions that only the node itself can know. */
const heartbeatConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

export function readyStatus(node: Node): string | undefined {
  return node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
}

/** The conditions of a node that has fallen silent; undefined where they say so already. */
export function silentConditions(node: Node, nowMs: number): NodeCondition[] | undefined {
  const conditions = [...(node.status?.conditions ?? [])];
  let changed = false;
  for (const type of heartbeatConditions) {
    const at = conditions.findIndex((condition) => condition.type === type);
    const old = conditions[at];
    if (old?.status === 'Unknown') continue;
    changed = true;
    const lastTransitionTime = formatTime(nowMs);
    if (old) {
      conditions[at] = { ...old, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', lastTransitionTime };
    } else {
      conditions.push({
        type,
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
        lastHeartbeatTime: node.metadata.creationTimestamp,
        lastTransitionTime,
      });
    }
  }
  return changed ? conditions : undefined;
}

interface TaintRule {
  readonly key: string;
  applies(node: Node): boolean;
}

const conditionIs = (type: string, status: string) => (node: Node) => node.status?.conditions?.some((condition) => condition.type === type && condition.status === status) ?? false;

/** Which NoSchedule taints this controller owns, and when a node has them. */
const noScheduleRules: readonly TaintRule[] = [
  { key: notReadyTaint, applies: conditionIs('Ready', 'False') },
  { key: unreachableTaint, applies: conditionIs('Ready', 'Unknown') },
  { key: 'node.kubernetes.io/memory-pressure', applies: conditionIs('MemoryPressure', 'True') },
  { key: 'node.kubernetes.io/disk-pressure', applies: conditionIs('DiskPressure', 'True') },
  { key: 'node.kubernetes.io/network-unavailable', applies: conditionIs('NetworkUnavailable', 'True') },
  { key: 'node.kubernetes.io/pid-pressure', applies: conditionIs('PIDPressure', 'True') },
  { key: 'node.kubernetes.io/unschedulable', applies: ({ spec }) => spec?.unschedulable === true },
];

/** The NoExecute taint that a node's readiness calls for, if any. */
export function wantedNoExecute(node: Node): string | undefined {
  const status = readyStatus(node);
  if (status === 'False') return notReadyTaint;
  return status === 'Unknown' ? unreachableTaint : undefined;
}

export interface TaintInput {
  readonly node: Node;
  /** Whether a NoExecute taint may be added now: evictions are rationed. */
  readonly mayEvict: boolean;
  readonly nowMs: number;
}

/** The node's taints as they should be; undefined where they are. Taints of others are kept. */
export function wantedTaints({ node, mayEvict, nowMs }: TaintInput): Taint[] | undefined {
  const old = node.spec?.taints ?? [];
  const timeAdded = formatTime(nowMs);
  const evicting = wantedNoExecute(node);
  const keep = old.filter(({ key, effect }) => {
    if (effect === 'NoSchedule') return noScheduleRules.find((rule) => rule.key === key)?.applies(node) ?? true;
    if (effect === 'NoExecute' && (key === notReadyTaint || key === unreachableTaint)) return key === evicting;
    return true;
  });
  const has = (key: string, effect: string) => keep.some((taint) => taint.key === key && taint.effect === effect);
  const add: Taint[] = [];
  for (const { key, applies } of noScheduleRules) if (applies(node) && !has(key, 'NoSchedule')) add.push({ key, effect: 'NoSchedule', timeAdded });
  if (evicting && mayEvict && !has(evicting, 'NoExecute')) add.push({ key: evicting, effect: 'NoExecute', timeAdded });
  return add.length === 0 && keep.length === old.length ? undefined : [...keep, ...add];
}
