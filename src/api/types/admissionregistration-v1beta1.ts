// Derived by tools/derive-api.ts. Do not edit.
import type { LabelSelector, ListMeta, ObjectMeta } from './meta-v1.ts';

export interface ApplyConfiguration {
  expression?: string | undefined;
}

export interface JSONPatch {
  expression?: string | undefined;
}

export interface MatchCondition {
  expression: string;
  name: string;
}

export interface MatchResources {
  excludeResourceRules?: NamedRuleWithOperations[] | undefined;
  matchPolicy?: string | undefined;
  namespaceSelector?: LabelSelector | undefined;
  objectSelector?: LabelSelector | undefined;
  resourceRules?: NamedRuleWithOperations[] | undefined;
}

export interface MutatingAdmissionPolicy {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: MutatingAdmissionPolicySpec;
}

export interface MutatingAdmissionPolicyBinding {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: MutatingAdmissionPolicyBindingSpec;
}

export interface MutatingAdmissionPolicyBindingList {
  apiVersion?: string | undefined;
  items: MutatingAdmissionPolicyBinding[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface MutatingAdmissionPolicyBindingSpec {
  matchResources?: MatchResources | undefined;
  paramRef?: ParamRef | undefined;
  policyName?: string | undefined;
}

export interface MutatingAdmissionPolicyList {
  apiVersion?: string | undefined;
  items: MutatingAdmissionPolicy[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface MutatingAdmissionPolicySpec {
  failurePolicy?: string | undefined;
  matchConditions?: MatchCondition[] | undefined;
  matchConstraints?: MatchResources | undefined;
  mutations?: Mutation[] | undefined;
  paramKind?: ParamKind | undefined;
  reinvocationPolicy?: string | undefined;
  variables?: Variable[] | undefined;
}

export interface Mutation {
  applyConfiguration?: ApplyConfiguration | undefined;
  jsonPatch?: JSONPatch | undefined;
  patchType: string;
}

export interface NamedRuleWithOperations {
  apiGroups?: string[] | undefined;
  apiVersions?: string[] | undefined;
  operations?: string[] | undefined;
  resourceNames?: string[] | undefined;
  resources?: string[] | undefined;
  scope?: string | undefined;
}

export interface ParamKind {
  apiVersion?: string | undefined;
  kind?: string | undefined;
}

export interface ParamRef {
  name?: string | undefined;
  namespace?: string | undefined;
  parameterNotFoundAction?: string | undefined;
  selector?: LabelSelector | undefined;
}

export interface Variable {
  expression: string;
  name: string;
}
