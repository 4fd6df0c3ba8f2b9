/** A pod as the scheduler knows it. */
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodShape } from './pod-shape.ts';

export interface PodInfo {
  readonly pod: Pod;
  readonly uid: string;
  readonly shape: PodShape;
  /** Being deleted: it still takes room, but no longer counts for spreading. */
  readonly terminating: boolean;
}

/** `namespace/name`. */
export function podKey({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}
