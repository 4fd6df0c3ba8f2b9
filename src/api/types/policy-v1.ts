// Derived by tools/derive-api.ts. Do not edit.
import type { Condition, DeleteOptions, LabelSelector, ListMeta, ObjectMeta } from './meta-v1.ts';

export interface Eviction {
  apiVersion?: string | undefined;
  deleteOptions?: DeleteOptions | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
}

export interface PodDisruptionBudget {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: PodDisruptionBudgetSpec;
  status?: PodDisruptionBudgetStatus | undefined;
}

export interface PodDisruptionBudgetList {
  apiVersion?: string | undefined;
  items: PodDisruptionBudget[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface PodDisruptionBudgetSpec {
  maxUnavailable?: number | string | undefined;
  minAvailable?: number | string | undefined;
  selector?: LabelSelector | undefined;
  unhealthyPodEvictionPolicy?: string | undefined;
}

export interface PodDisruptionBudgetStatus {
  conditions?: Condition[] | undefined;
  currentHealthy?: number | undefined;
  desiredHealthy?: number | undefined;
  disruptedPods?: Record<string, string> | undefined;
  disruptionsAllowed?: number | undefined;
  expectedPods?: number | undefined;
  observedGeneration?: number | undefined;
}
