/** Why a node ends a pod that would go on, as its status says it. */
import type { PodCondition } from '../../api/types/core-v1.ts';

export interface PodFailure {
  readonly reason: string;
  readonly message: string;
  /** The node has never taken the pod: its status tells of no containers. */
  readonly refused?: boolean;
  /** For its containers to end in. Left out: the pod's own. */
  readonly graceSeconds?: number;
  readonly condition?: Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;
}
