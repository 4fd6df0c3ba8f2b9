// Derived by tools/derive-api.ts. Do not edit.
import type { LabelSelector, ListMeta, ObjectMeta } from './meta-v1.ts';

export interface AggregationRule {
  clusterRoleSelectors?: LabelSelector[] | undefined;
}

export interface ClusterRole {
  aggregationRule?: AggregationRule | undefined;
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  rules?: PolicyRule[] | undefined;
}

export interface ClusterRoleBinding {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  roleRef: RoleRef;
  subjects?: Subject[] | undefined;
}

export interface ClusterRoleBindingList {
  apiVersion?: string | undefined;
  items: ClusterRoleBinding[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface ClusterRoleList {
  apiVersion?: string | undefined;
  items: ClusterRole[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface PolicyRule {
  apiGroups?: string[] | undefined;
  nonResourceURLs?: string[] | undefined;
  resourceNames?: string[] | undefined;
  resources?: string[] | undefined;
  verbs: string[];
}

export interface Role {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  rules?: PolicyRule[] | undefined;
}

export interface RoleBinding {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  roleRef: RoleRef;
  subjects?: Subject[] | undefined;
}

export interface RoleBindingList {
  apiVersion?: string | undefined;
  items: RoleBinding[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface RoleList {
  apiVersion?: string | undefined;
  items: Role[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface RoleRef {
  apiGroup?: string | undefined;
  kind: string;
  name: string;
}

export interface Subject {
  apiGroup?: string | undefined;
  kind: string;
  name: string;
  namespace?: string | undefined;
}
