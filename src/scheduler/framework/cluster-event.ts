/** Changes of the cluster that can make a waiting pod schedulable, and how plugins say which of them concern them. */
import type { Pod } from '../../api/types/core-v1.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';

export type ClusterEvent =
  | { readonly kind: 'podAdded' | 'podUpdated' | 'podDeleted'; readonly pod: PodInfo }
  | { readonly kind: 'nodeAdded' | 'nodeAllocatable' | 'nodeLabels' | 'nodeTaints' | 'nodeUnschedulable' | 'nodeImages'; readonly node: NodeInfo }
  /** A claim, a volume or a storage class has changed. */
  | { readonly kind: 'volumes' }
  | { readonly kind: 'services' }
  | { readonly kind: 'namespaces' };

export type ClusterEventKind = ClusterEvent['kind'];

/** True: always worth another try. A function: worth it if it says so. */
export type Hint = true | ((waiting: Pod, info: PodInfo, event: ClusterEvent) => boolean);

export type Requeue = { readonly [K in ClusterEventKind]?: Hint };
