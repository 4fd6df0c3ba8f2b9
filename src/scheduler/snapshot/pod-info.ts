/** A pod as the scheduler knows it. */
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodShape } from './pod-shape.ts';

export interface PodInfo {
  /** The newest version; a version that differs in what matters here makes a new PodInfo. */
  pod: Pod;
  readonly uid: string;
  readonly shape: PodShape;
  /** Being deleted: it still takes room, but no longer counts for spreading. */
  readonly terminating: boolean;
}

/** `namespace/name`. */
export function podKey({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Whether a newer version of the pod is the same as far as scheduling goes. */
export function isSameForScheduling(before: Pod, after: Pod): boolean {
  const a = before.metadata;
  const b = after.metadata;
  return (
    a.generation === b.generation &&
    a.deletionTimestamp === b.deletionTimestamp &&
    a.ownerReferences?.length === b.ownerReferences?.length &&
    sameLabels(a.labels, b.labels) &&
    // While a resize is under way the status says what counts.
    !(after.status?.conditions?.some(({ type }) => type.startsWith('PodResize')) ?? false)
  );
}

function sameLabels(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  let count = 0;
  for (const key in a) {
    if (a[key] !== b[key]) return false;
    count++;
  }
  return count === Object.keys(b).length;
}
