// Derived by tools/derive-api.ts. Do not edit.
import type { Condition, LabelSelector, ListMeta, ObjectMeta } from './meta-v1.ts';

export interface ApplyConfiguration {
  expression?: string | undefined;
}

export interface AuditAnnotation {
  key: string;
  valueExpression: string;
}

export interface ExpressionWarning {
  fieldRef: string;
  warning: string;
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

export interface MutatingWebhook {
  admissionReviewVersions: string[];
  clientConfig: WebhookClientConfig;
  failurePolicy?: string | undefined;
  matchConditions?: MatchCondition[] | undefined;
  matchPolicy?: string | undefined;
  name: string;
  namespaceSelector?: LabelSelector | undefined;
  objectSelector?: LabelSelector | undefined;
  reinvocationPolicy?: string | undefined;
  rules?: RuleWithOperations[] | undefined;
  sideEffects: string;
  timeoutSeconds?: number | undefined;
}

export interface MutatingWebhookConfiguration {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  webhooks?: MutatingWebhook[] | undefined;
}

export interface MutatingWebhookConfigurationList {
  apiVersion?: string | undefined;
  items: MutatingWebhookConfiguration[];
  kind?: string | undefined;
  metadata: ListMeta;
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

export interface RuleWithOperations {
  apiGroups?: string[] | undefined;
  apiVersions?: string[] | undefined;
  operations?: string[] | undefined;
  resources?: string[] | undefined;
  scope?: string | undefined;
}

export interface ServiceReference {
  name: string;
  namespace: string;
  path?: string | undefined;
  port?: number | undefined;
}

export interface TypeChecking {
  expressionWarnings?: ExpressionWarning[] | undefined;
}

export interface ValidatingAdmissionPolicy {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: ValidatingAdmissionPolicySpec;
  status?: ValidatingAdmissionPolicyStatus | undefined;
}

export interface ValidatingAdmissionPolicyBinding {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: ValidatingAdmissionPolicyBindingSpec;
}

export interface ValidatingAdmissionPolicyBindingList {
  apiVersion?: string | undefined;
  items: ValidatingAdmissionPolicyBinding[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface ValidatingAdmissionPolicyBindingSpec {
  matchResources?: MatchResources | undefined;
  paramRef?: ParamRef | undefined;
  policyName: string;
  validationActions: string[];
}

export interface ValidatingAdmissionPolicyList {
  apiVersion?: string | undefined;
  items: ValidatingAdmissionPolicy[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface ValidatingAdmissionPolicySpec {
  auditAnnotations?: AuditAnnotation[] | undefined;
  failurePolicy?: string | undefined;
  matchConditions?: MatchCondition[] | undefined;
  matchConstraints?: MatchResources | undefined;
  paramKind?: ParamKind | undefined;
  validations?: Validation[] | undefined;
  variables?: Variable[] | undefined;
}

export interface ValidatingAdmissionPolicyStatus {
  conditions?: Condition[] | undefined;
  observedGeneration?: number | undefined;
  typeChecking?: TypeChecking | undefined;
}

export interface ValidatingWebhook {
  admissionReviewVersions: string[];
  clientConfig: WebhookClientConfig;
  failurePolicy?: string | undefined;
  matchConditions?: MatchCondition[] | undefined;
  matchPolicy?: string | undefined;
  name: string;
  namespaceSelector?: LabelSelector | undefined;
  objectSelector?: LabelSelector | undefined;
  rules?: RuleWithOperations[] | undefined;
  sideEffects: string;
  timeoutSeconds?: number | undefined;
}

export interface ValidatingWebhookConfiguration {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  webhooks?: ValidatingWebhook[] | undefined;
}

export interface ValidatingWebhookConfigurationList {
  apiVersion?: string | undefined;
  items: ValidatingWebhookConfiguration[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface Validation {
  expression: string;
  message?: string | undefined;
  messageExpression?: string | undefined;
  reason?: string | undefined;
}

export interface Variable {
  expression: string;
  name: string;
}

export interface WebhookClientConfig {
  caBundle?: string | undefined;
  service?: ServiceReference | undefined;
  url?: string | undefined;
}
