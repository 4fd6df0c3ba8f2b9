// Derived by tools/derive-api.ts. Do not edit.
import type { Condition, ListMeta, ObjectMeta } from './meta-v1.ts';

export type BasicSchedulingPolicy = Record<string, never>;

export interface GangSchedulingPolicy {
  minCount: number;
}

export interface PodGroup {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: PodGroupSpec;
  status?: PodGroupStatus | undefined;
}

export interface PodGroupList {
  apiVersion?: string | undefined;
  items: PodGroup[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface PodGroupResourceClaim {
  name: string;
  resourceClaimName?: string | undefined;
  resourceClaimTemplateName?: string | undefined;
}

export interface PodGroupResourceClaimStatus {
  name: string;
  resourceClaimName?: string | undefined;
}

export interface PodGroupSchedulingConstraints {
  topology?: TopologyConstraint[] | undefined;
}

export interface PodGroupSchedulingPolicy {
  basic?: BasicSchedulingPolicy | undefined;
  gang?: GangSchedulingPolicy | undefined;
}

export interface PodGroupSpec {
  disruptionMode?: string | undefined;
  podGroupTemplateRef?: PodGroupTemplateReference | undefined;
  priority?: number | undefined;
  priorityClassName?: string | undefined;
  resourceClaims?: PodGroupResourceClaim[] | undefined;
  schedulingConstraints?: PodGroupSchedulingConstraints | undefined;
  schedulingPolicy: PodGroupSchedulingPolicy;
}

export interface PodGroupStatus {
  conditions?: Condition[] | undefined;
  resourceClaimStatuses?: PodGroupResourceClaimStatus[] | undefined;
}

export interface PodGroupTemplate {
  disruptionMode?: string | undefined;
  name: string;
  priority?: number | undefined;
  priorityClassName?: string | undefined;
  resourceClaims?: PodGroupResourceClaim[] | undefined;
  schedulingConstraints?: PodGroupSchedulingConstraints | undefined;
  schedulingPolicy: PodGroupSchedulingPolicy;
}

export interface PodGroupTemplateReference {
  workload?: WorkloadPodGroupTemplateReference | undefined;
}

export interface TopologyConstraint {
  key: string;
}

export interface TypedLocalObjectReference {
  apiGroup?: string | undefined;
  kind: string;
  name: string;
}

export interface Workload {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: WorkloadSpec;
}

export interface WorkloadList {
  apiVersion?: string | undefined;
  items: Workload[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface WorkloadPodGroupTemplateReference {
  podGroupTemplateName: string;
  workloadName: string;
}

export interface WorkloadSpec {
  controllerRef?: TypedLocalObjectReference | undefined;
  podGroupTemplates: PodGroupTemplate[];
}
