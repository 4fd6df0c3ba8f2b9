/**
 * Which pods go first when there are too many. The rules and their order are
 * upstream's: what has cost least and serves least goes first, and of two
 * alike the one that shares its node with more of its siblings.
 */
import type { Pod } from '../../api/types/core-v1.ts';
import { isActive, isReady, readySinceMs, restartsMax } from './pod-state.ts';

const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

interface Ranked {
  readonly pod: Pod;
  readonly ready: boolean;
  readonly readySinceMs: number;
  readonly createdMs: number;
  readonly cost: number;
  /** Ready siblings on its node. */
  readonly siblings: number;
}

/** The `count` pods to delete. `siblings` are all pods of the same owner family, these included. */
export function podsToDelete(pods: readonly Pod[], siblings: readonly Pod[], count: number, nowMs: number): Pod[] {
  if (count >= pods.length) return [...pods];
  const onNode = new Map<string, number>();
  for (const pod of siblings) {
    if (!isActive(pod) || !pod.spec.nodeName) continue;
    onNode.set(pod.spec.nodeName, (onNode.get(pod.spec.nodeName) ?? 0) + 1);
  }
  const ranked = pods.map((pod): Ranked => ({
    pod,
    ready: isReady(pod),
    readySinceMs: readySinceMs(pod),
    createdMs: Date.parse(pod.metadata.creationTimestamp ?? ''),
    cost: Number(pod.metadata.annotations?.[deletionCostAnnotation] ?? 0) || 0,
    siblings: onNode.get(pod.spec.nodeName ?? '') ?? 0,
  }));
  return ranked.toSorted((a, b) => compare(a, b, nowMs)).slice(0, count).map(({ pod }) => pod);
}

function compare(a: Ranked, b: Ranked, nowMs: number): number {
  return (
    Number(!!a.pod.spec.nodeName) - Number(!!b.pod.spec.nodeName) ||
    phaseRank(a.pod) - phaseRank(b.pod) ||
    Number(a.ready) - Number(b.ready) ||
    a.cost - b.cost ||
    b.siblings - a.siblings ||
    (a.ready && b.ready ? compareAges(a, b, a.readySinceMs, b.readySinceMs, nowMs) : 0) ||
    restartsMax(b.pod) - restartsMax(a.pod) ||
    compareAges(a, b, a.createdMs, b.createdMs, nowMs)
  );
}

function phaseRank(pod: Pod): number {
  return phaseOrder[pod.status?.phase ?? ''] ?? 0;
}

/** The younger goes first, but ages of the same order of magnitude are alike; then the uid decides, which is chance. */
function compareAges(a: Ranked, b: Ranked, aMs: number, bMs: number, nowMs: number): number {
  if (aMs === bMs) return 0;
  if (Number.isNaN(aMs) || Number.isNaN(bMs)) return Number.isNaN(aMs) ? -1 : 1;
  const magnitude = magnitudeOf(nowMs - aMs) - magnitudeOf(nowMs - bMs);
  if (magnitude !== 0) return magnitude;
  return (a.pod.metadata.uid ?? '') < (b.pod.metadata.uid ?? '') ? -1 : 1;
}

function magnitudeOf(ageMs: number): number {
  return ageMs <= 0 ? -1 : Math.floor(Math.log2(ageMs * 1e6));
}
