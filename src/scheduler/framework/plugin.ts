/**
 * The extension points of the scheduling framework, under upstream's names, one
 * interface each. A plugin implements those it needs; framework.ts runs them.
 *
 * Two things differ from upstream, for speed. PreFilter and PreScore make a
 * state for a *shape* of pod, not for one pod: identical pods share it, and it
 * is kept up to date by `podAdded` and `podRemoved` instead of being computed
 * anew. And Filter and Score say what their answer depends on (`scope`): an
 * answer that depends on the shape and the node alone is remembered until the
 * node changes.
 */
import type { Pod } from '../../api/types/core-v1.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import type { PodShape } from '../snapshot/pod-shape.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Requeue } from './cluster-event.ts';
import type { FitError } from './fit-error.ts';
import type { Status } from './status.ts';

export interface Plugin {
  readonly name: string;
  /** Which changes of the cluster may make schedulable a pod that this plugin rejected. */
  readonly requeueOn?: Requeue;
}

/** Whether a pod may enter the active queue. */
export interface PreEnqueuePlugin extends Plugin {
  preEnqueue(pod: Pod): Status | undefined;
}

/** The order of the active queue. */
export interface QueueSortPlugin extends Plugin {
  less(a: QueueSortEntry, b: QueueSortEntry): boolean;
}

export interface QueueSortEntry {
  readonly priority: number;
  /** When the pod entered the queue, or entered it again. */
  readonly timestamp: number;
  /** Tells apart those that entered at the same time. */
  readonly order: number;
}

/** `node`: the shape and the node decide. `cluster`: other nodes and other objects do too. */
export type Scope = 'node' | 'cluster';

export type PreFilterOutcome<S> =
  /** The plugin has nothing against the shape on any node: its filter is not asked. */
  | { readonly kind: 'skip' }
  | { readonly kind: 'state'; readonly state: S; /** Only these nodes come into question. */ readonly nodeNames?: ReadonlySet<string> }
  | { readonly kind: 'rejected'; readonly status: Status };

export interface PreFilterPlugin<S = unknown> extends Plugin {
  preFilter(shape: PodShape, snapshot: Snapshot): PreFilterOutcome<S>;
  /** The state follows the pods of the cluster. */
  podAdded?(state: S, shape: PodShape, pod: PodInfo, node: NodeInfo): void;
  podRemoved?(state: S, shape: PodShape, pod: PodInfo, node: NodeInfo): void;
}

export interface FilterPlugin<S = unknown> extends Plugin {
  readonly filterScope: Scope;
  /** `state` is that of the plugin's own PreFilter, where it has one. */
  filter(state: S, shape: PodShape, node: NodeInfo, snapshot: Snapshot): Status | undefined;
}

/** Tries to make room for a pod that fits nowhere. */
export interface PostFilterPlugin extends Plugin {
  postFilter(pod: PodInfo, error: FitError): PostFilterOutcome;
}

export interface PostFilterOutcome {
  /** Where the pod will probably run; empty clears what was nominated; undefined leaves it. */
  readonly nominatedNode: string | undefined;
  /** Added to the pod's failure message. */
  readonly message: string;
}

export interface PreScorePlugin<S = unknown> extends Plugin {
  /** Undefined: every node would score the same, so the plugin is not asked. */
  preScore(shape: PodShape, snapshot: Snapshot): S | undefined;
  podAdded?(state: S, shape: PodShape, pod: PodInfo, node: NodeInfo): void;
  podRemoved?(state: S, shape: PodShape, pod: PodInfo, node: NodeInfo): void;
}

export interface ScorePlugin<S = unknown> extends PreScorePlugin<S> {
  readonly weight: number;
  readonly scoreScope: Scope;
  /** Called once before a round of scores, with the nodes in question (`count` of them in `slots`). */
  beginScores?(state: S, slots: Int32Array, count: number, snapshot: Snapshot): void;
  /** From 0 to 100, unless `normalize` brings it there. */
  score(state: S, shape: PodShape, node: NodeInfo, snapshot: Snapshot): number;
  /** Whole numbers from 0 to 100 in place of the first `count` of `scores`. */
  normalize?(state: S, scores: Float64Array, count: number): void;
}

/** Keeps and gives back what a pod on a node will need. */
export interface ReservePlugin extends Plugin {
  reserve(pod: PodInfo, node: NodeInfo): Status | undefined;
  /** Must be harmless where nothing was reserved. */
  unreserve(pod: PodInfo, nodeName: string): void;
}

/** May hold a pod back until its promise resolves; rejects by resolving to a status. */
export interface PermitPlugin extends Plugin {
  permit(pod: PodInfo, node: NodeInfo): Promise<Status | undefined> | undefined;
}

export interface PreBindPlugin extends Plugin {
  /** Undefined: nothing to do. Rejects where binding must not go on. */
  preBind(pod: PodInfo, nodeName: string): Promise<void> | undefined;
}

export interface BindPlugin extends Plugin {
  bind(pod: PodInfo, nodeName: string): Promise<void>;
}

export interface PostBindPlugin extends Plugin {
  postBind(pod: PodInfo, nodeName: string): void;
}

export const scoreMax = 100;

/**
 * Scales so that the highest becomes 100; `reverse`: the lowest count is the
 * best. Upstream's DefaultNormalizeScore.
 */
export function normalizeToMax(scores: Float64Array, count: number, reverse: boolean): void {
  let max = 0;
  for (let i = 0; i < count; i++) if ((scores[i] as number) > max) max = scores[i] as number;
  for (let i = 0; i < count; i++) {
    const scaled = max === 0 ? 0 : Math.trunc(((scores[i] as number) * scoreMax) / max);
    scores[i] = reverse ? scoreMax - scaled : scaled;
  }
}
