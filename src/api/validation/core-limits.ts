/** Resource quotas and limit ranges. */
import type { FieldError } from '../errors.ts';
import type { LimitRange, LimitRangeItem, ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '../types/core-v1.ts';
import { compareQuantity, parseQuantity } from '../quantity.ts';
import type { FieldPath } from './field-path.ts';
import { duplicate, forbiddenField, immutableMessage, invalidEach, invalidValue, path, required } from './field-path.ts';
import type { KindValidators } from './kind-validator.ts';
import { kindValidator } from './kind-validator.ts';
import { qualifiedName } from './names.ts';
import { isOvercommitAllowed, isStandardQuotaResource, validateContainerResourceName, validateQuotaResourceName, validateResourceAmount, validateResourceName } from './resources.ts';

type Amounts = Readonly<Record<string, string>> | undefined;

function validateAmounts(errors: FieldError[], amounts: Amounts, at: FieldPath): void {
  for (const name in amounts) {
    validateQuotaResourceName(errors, name, at.key(name));
    validateResourceAmount(errors, name, amounts[name]!, at.key(name));
  }
}

const podResources = ['pods', ...['', 'requests.', 'limits.'].flatMap((side) => [`${side}cpu`, `${side}memory`])];
const podScopes = ['Terminating', 'NotTerminating', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity'];
const scopes = [...podScopes, 'BestEffort', 'VolumeAttributesClass'];
const onlyExists = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];

/** Whether counting that resource under that scope makes sense. */
function scopeFits(scope: string, resource: string): boolean {
  if (scope === 'BestEffort') return resource === 'pods';
  if (scope === 'VolumeAttributesClass') return resource === 'persistentvolumeclaims' || resource === 'requests.storage';
  if (!podScopes.includes(scope)) return true;
  return podResources.includes(resource);
}

function conflicting(list: readonly string[]): boolean {
  return ['BestEffort', 'Terminating'].some((scope) => list.includes(scope) && list.includes(`Not${scope}`));
}

function validateQuotaSpec(errors: FieldError[], spec: ResourceQuotaSpec): void {
  const at = path('spec');
  validateAmounts(errors, spec.hard, at.child('hard'));
  const hard = Object.keys(spec.hard ?? {}).filter(isStandardQuotaResource).sort();
  if (spec.scopes?.length) {
    const here = at.child('scopes');
    for (const scope of spec.scopes) {
      if (!scopes.includes(scope)) errors.push(invalidValue(here, spec.scopes, 'unsupported scope'));
      for (const name of hard) if (!scopeFits(scope, name)) errors.push(invalidValue(here, spec.scopes, 'unsupported scope applied to resource'));
    }
    if (conflicting(spec.scopes)) errors.push(invalidValue(here, spec.scopes, 'conflicting scopes'));
  }
  const requirements = spec.scopeSelector?.matchExpressions;
  if (!requirements) return;
  const here = at.child('scopeSelector').child('matchExpressions');
  for (const requirement of requirements) {
    if (!scopes.includes(requirement.scopeName)) errors.push(invalidValue(here.child('scopeName'), requirement.scopeName, 'unsupported scope'));
    for (const name of hard) {
      if (!scopeFits(requirement.scopeName, name)) errors.push(invalidValue(here, spec.scopeSelector, 'unsupported scope applied to resource'));
    }
    validateScopeOperator(errors, requirement, here);
  }
  if (conflicting(requirements.map(({ scopeName }) => scopeName))) errors.push(invalidValue(here, spec.scopes, 'conflicting scopes'));
}

function validateScopeOperator(errors: FieldError[], { scopeName, operator, values }: ScopedResourceSelectorRequirement, at: FieldPath): void {
  if (onlyExists.includes(scopeName) && operator !== 'Exists') {
    const kinds = 'ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity';
    errors.push(invalidValue(at.child('operator'), operator, `must be 'Exists' when scope is any of ${kinds}`));
  }
  const count = values?.length ?? 0;
  if (operator === 'In' || operator === 'NotIn') {
    if (count === 0) errors.push(required(at.child('values'), "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (count > 0) errors.push(invalidValue(at.child('values'), values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"));
  } else errors.push(invalidValue(at.child('operator'), operator ?? '', 'not a valid selector operator'));
}

function validateQuotaStatus(errors: FieldError[], quota: ResourceQuota): void {
  validateAmounts(errors, quota.status?.hard, path('status', 'hard'));
  validateAmounts(errors, quota.status?.used, path('status', 'used'));
}

function createQuota(quota: ResourceQuota): FieldError[] {
  const errors: FieldError[] = [];
  validateQuotaSpec(errors, quota.spec ?? {});
  validateQuotaStatus(errors, quota);
  return errors;
}

function updateQuota(quota: ResourceQuota, old: ResourceQuota, subresource: string): FieldError[] {
  const errors: FieldError[] = [];
  if (subresource === 'status') {
    validateQuotaStatus(errors, quota);
    return errors;
  }
  validateQuotaSpec(errors, quota.spec ?? {});
  const sorted = (list: readonly string[] = []) => [...new Set(list)].sort().join();
  if (sorted(quota.spec?.scopes) !== sorted(old.spec?.scopes)) {
    errors.push(invalidValue(path('spec', 'scopes'), quota.spec?.scopes, immutableMessage));
  }
  return errors;
}

const limitTypes = ['Pod', 'Container', 'PersistentVolumeClaim'];

function createLimitRange(range: LimitRange): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  range.spec?.limits?.forEach((item, i) => {
    const at = path('spec', 'limits').index(i);
    const messages = qualifiedName(item.type);
    invalidEach(errors, at.child('type'), item.type, messages);
    if (messages.length === 0 && !item.type.includes('/') && !limitTypes.includes(item.type)) {
      errors.push(invalidValue(at.child('type'), item.type, 'must be a standard limit type or fully qualified'));
    }
    if (seen.has(item.type)) errors.push(duplicate(at.child('type'), item.type));
    seen.add(item.type);
    validateLimits(errors, item, at);
  });
  return errors;
}

function validateLimits(errors: FieldError[], item: LimitRangeItem, at: FieldPath): void {
  const nameRule = item.type === 'Pod' || item.type === 'Container' ? validateContainerResourceName : validateResourceName;
  const names = new Set<string>();
  for (const field of ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const) {
    const amounts = item[field];
    if (item.type === 'Pod' && field.startsWith('default')) {
      if (Object.keys(amounts ?? {}).length > 0) errors.push(forbiddenField(at.child(field), "may not be specified when `type` is 'Pod'"));
      continue;
    }
    for (const name in amounts) {
      nameRule(errors, name, at.child(field).key(name));
      names.add(name);
    }
  }
  if (item.type === 'PersistentVolumeClaim' && item.min?.['storage'] === undefined && item.max?.['storage'] === undefined) {
    errors.push(required(at.child('limits'), 'either minimum or maximum storage value is required, but neither was provided'));
  }
  const compared = item.type === 'Pod' ? { ...item, default: undefined, defaultRequest: undefined } : item;
  for (const name of names) compareLimits(errors, compared, name, at);
}

/** Each pair that must be in order: the lower, the higher, the field that is blamed, whose value is shown, and the words. */
const orders = [
  ['min', 'max', 'min', 'min', 'min value', 'max value'],
  ['min', 'defaultRequest', 'defaultRequest', 'defaultRequest', 'min value', 'default request value'],
  ['defaultRequest', 'max', 'defaultRequest', 'defaultRequest', 'default request value', 'max value'],
  ['defaultRequest', 'default', 'defaultRequest', 'defaultRequest', 'default request value', 'default limit value'],
  ['min', 'default', 'default', 'min', 'min value', 'default value'],
  ['default', 'max', 'default', 'max', 'default value', 'max value'],
] as const;

function compareLimits(errors: FieldError[], item: LimitRangeItem, name: string, at: FieldPath): void {
  for (const [low, high, blamed, shown, lowName, highName] of orders) {
    const a = item[low]?.[name];
    const b = item[high]?.[name];
    if (a === undefined || b === undefined || compareQuantity(parseQuantity(a), parseQuantity(b)) <= 0) continue;
    errors.push(invalidValue(at.child(blamed).key(name), item[shown]![name], `${lowName} ${a} is greater than ${highName} ${b}`));
  }
  const ratio = item.maxLimitRequestRatio?.[name];
  if (ratio !== undefined) validateRatio(errors, ratio, item.min?.[name], item.max?.[name], at.child('maxLimitRequestRatio').key(name));
  const limit = item.default?.[name];
  const request = item.defaultRequest?.[name];
  if (isOvercommitAllowed(name) || limit === undefined || request === undefined) return;
  if (compareQuantity(parseQuantity(limit), parseQuantity(request)) !== 0) {
    const why = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`;
    errors.push(invalidValue(at.child('defaultRequest').key(name), request, why));
  }
}

function validateRatio(errors: FieldError[], ratio: string, min: string | undefined, max: string | undefined, at: FieldPath): void {
  const value = toNumber(ratio);
  if (value < 1) errors.push(invalidValue(at, ratio, `ratio ${ratio} is less than 1`));
  if (min === undefined || max === undefined) return;
  const possible = toNumber(max) / toNumber(min);
  if (value > possible) errors.push(invalidValue(at, ratio, `ratio ${ratio} is greater than max/min = ${possible.toFixed(6)}`));
}

function toNumber(text: string): number {
  const { value, scale } = parseQuantity(text);
  return Number(value) * 10 ** scale;
}

export const validators: KindValidators = {
  '/ResourceQuota': kindValidator<ResourceQuota>({ create: createQuota, update: updateQuota }),
  '/LimitRange': kindValidator<LimitRange>({ create: createLimitRange }),
};
