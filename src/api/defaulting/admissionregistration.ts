/** admissionregistration.k8s.io/v1: webhooks and policies fail closed and look at everything unless told otherwise. */
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  NamedRuleWithOperations,
  RuleWithOperations,
  ServiceReference,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../types/admissionregistration-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

function defaultWebhook(webhook: ValidatingWebhook): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  defaultService(webhook.clientConfig?.service);
  defaultRules(webhook.rules);
}

export function defaultService(service: Pick<ServiceReference, 'port'> | undefined): void {
  if (service) service.port ??= 443;
}

function defaultRules(rules: (RuleWithOperations | NamedRuleWithOperations)[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*';
}

function defaultMatchResources(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}

function defaultMutatingWebhooks({ webhooks }: MutatingWebhookConfiguration): void {
  for (const webhook of webhooks ?? []) {
    defaultWebhook(webhook);
    webhook.reinvocationPolicy ??= 'Never';
  }
}

function defaultValidatingPolicy(policy: ValidatingAdmissionPolicy): void {
  policy.status ??= {};
  if (!policy.spec) return;
  policy.spec.failurePolicy ??= 'Fail';
  defaultMatchResources(policy.spec.matchConstraints);
}

function defaultMutatingPolicy({ spec }: MutatingAdmissionPolicy): void {
  if (!spec) return;
  spec.failurePolicy ??= 'Fail';
  defaultMatchResources(spec.matchConstraints);
}

const prefix = 'admissionregistration.k8s.io/v1/';

export const defaulters: Defaulters = {
  [`${prefix}ValidatingWebhookConfiguration`]: defaulter<ValidatingWebhookConfiguration>(({ webhooks }) =>
    webhooks?.forEach(defaultWebhook),
  ),
  [`${prefix}MutatingWebhookConfiguration`]: defaulter<MutatingWebhookConfiguration>(defaultMutatingWebhooks),
  [`${prefix}ValidatingAdmissionPolicy`]: defaulter<ValidatingAdmissionPolicy>(defaultValidatingPolicy),
  [`${prefix}MutatingAdmissionPolicy`]: defaulter<MutatingAdmissionPolicy>(defaultMutatingPolicy),
  [`${prefix}ValidatingAdmissionPolicyBinding`]: defaulter<ValidatingAdmissionPolicyBinding>(({ spec }) =>
    defaultMatchResources(spec?.matchResources),
  ),
  [`${prefix}MutatingAdmissionPolicyBinding`]: defaulter<MutatingAdmissionPolicyBinding>(({ spec }) =>
    defaultMatchResources(spec?.matchResources),
  ),
};
