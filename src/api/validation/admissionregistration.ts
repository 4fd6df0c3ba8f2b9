/** admissionregistration.k8s.io/v1: webhooks; the policies have a file of their own. */
import type { FieldError } from '../errors.ts';
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../types/admissionregistration-v1.ts';
import { validators as policies } from './admission-policies.ts';
import { matchPolicies, validateMatchConditions, validateRule } from './admission-rules.ts';
import { duplicate, invalidValue, notSupported, path, required, type FieldPath } from './field-path.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dns1035Label, dnsSubdomain } from './names.ts';
import { validateLabelSelector } from './selectors.ts';
import { validateClientConfig, validateReviewVersions } from './webhook-client.ts';

const failurePolicies = ['Fail', 'Ignore'];
const sideEffectClasses = ['None', 'NoneOnDryRun'];
const anySideEffectClass = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];
const reinvocationPolicies = ['IfNeeded', 'Never'];
const reviewVersions = ['v1', 'v1beta1'];

type Webhook = ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>;

/** What an update must tolerate, because it is stored already. */
interface Leniency {
  readonly anySideEffects: boolean;
  readonly anyReviewVersion: boolean;
  readonly sameNames: boolean;
}

const strict: Leniency = { anySideEffects: false, anyReviewVersion: false, sameNames: false };

function supported(
  errors: FieldError[],
  value: string | undefined,
  values: readonly string[],
  at: FieldPath,
): void {
  if (value !== undefined && !values.includes(value)) errors.push(notSupported(at, value, values));
}

function validateFullName(errors: FieldError[], name: string | undefined, at: FieldPath): void {
  if (!name) {
    errors.push(required(at));
    return;
  }
  const messages = dnsSubdomain(name);
  if (messages.length > 0) errors.push(invalidValue(at, name, messages.join(',')));
  else if (name.split('.').length < 3)
    errors.push(invalidValue(at, name, 'should be a domain with at least three segments separated by dots'));
}

function validateWebhook(errors: FieldError[], webhook: Webhook, lenient: Leniency, at: FieldPath): void {
  validateFullName(errors, webhook.name, at.child('name'));
  webhook.rules?.forEach((rule, i) => validateRule(errors, rule, at.child('rules').index(i)));
  supported(errors, webhook.failurePolicy, failurePolicies, at.child('failurePolicy'));
  supported(errors, webhook.matchPolicy, matchPolicies, at.child('matchPolicy'));
  const allowed = lenient.anySideEffects ? anySideEffectClass : sideEffectClasses;
  if (webhook.sideEffects === undefined)
    errors.push(required(at.child('sideEffects'), `must specify one of ${allowed.join(', ')}`));
  supported(errors, webhook.sideEffects, allowed, at.child('sideEffects'));
  const timeout = webhook.timeoutSeconds;
  if (timeout !== undefined && (timeout > 30 || timeout < 1))
    errors.push(
      invalidValue(at.child('timeoutSeconds'), timeout, 'the timeout value must be between 1 and 30 seconds'),
    );
  validateLabelSelector(errors, webhook.namespaceSelector, at.child('namespaceSelector'));
  validateLabelSelector(errors, webhook.objectSelector, at.child('objectSelector'));
  supported(errors, webhook.reinvocationPolicy, reinvocationPolicies, at.child('reinvocationPolicy'));
  validateClientConfig(errors, webhook.clientConfig, at.child('clientConfig'));
  validateMatchConditions(errors, webhook.matchConditions, at.child('matchConditions'));
  validateReviewVersions(
    errors,
    webhook.admissionReviewVersions,
    lenient.anyReviewVersion ? (webhook.admissionReviewVersions ?? []) : reviewVersions,
    `must specify one of ${reviewVersions.join(', ')}`,
    at.child('admissionReviewVersions'),
    dns1035Label,
  );
}

interface Configuration {
  readonly webhooks?: readonly Webhook[] | undefined;
}

function validateConfiguration({ webhooks }: Configuration, lenient: Leniency): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  webhooks?.forEach((webhook, i) => {
    const at = path('webhooks').index(i);
    validateWebhook(errors, webhook, lenient, at);
    if (!lenient.sameNames && names.has(webhook.name)) errors.push(duplicate(at.child('name'), webhook.name));
    if (webhook.name) names.add(webhook.name);
  });
  return errors;
}

function leniencyFor({ webhooks = [] }: Configuration): Leniency {
  return {
    anySideEffects: webhooks.some(({ sideEffects }) => !sideEffectClasses.includes(sideEffects)),
    anyReviewVersion: webhooks.some(
      ({ admissionReviewVersions: versions }) =>
        !versions?.some((version) => reviewVersions.includes(version)),
    ),
    sameNames: new Set(webhooks.map(({ name }) => name)).size < webhooks.length,
  };
}

const create = (configuration: Configuration) => validateConfiguration(configuration, strict);
const update = (configuration: Configuration, old: Configuration) =>
  validateConfiguration(configuration, leniencyFor(old));

export const validators: KindValidators = {
  ...policies,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration':
    kindValidator<ValidatingWebhookConfiguration>({ create, update }),
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': kindValidator<MutatingWebhookConfiguration>({
    create,
    update,
  }),
};
