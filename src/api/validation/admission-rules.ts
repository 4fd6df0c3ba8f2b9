/** Which requests an admission webhook or policy is about. */
import type { FieldError } from '../errors.ts';
import type {
  MatchCondition,
  MatchResources,
  NamedRuleWithOperations,
  RuleWithOperations,
} from '../types/admissionregistration-v1.ts';
import {
  duplicate,
  invalidEach,
  invalidValue,
  notSupported,
  required,
  tooMany,
  type FieldPath,
} from './field-path.ts';
import { pathSegmentName, qualifiedName } from './names.ts';
import { validateLabelSelector } from './selectors.ts';

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];
export const matchPolicies = ['Equivalent', 'Exact'];
const conditionsMax = 64;

/** `*` means all, so nothing may stand beside it. */
function validateWildcard(
  errors: FieldError[],
  values: readonly string[] | undefined,
  what: string,
  at: FieldPath,
): void {
  if (!values?.length) errors.push(required(at));
  else if (values.length > 1 && values.includes('*'))
    errors.push(invalidValue(at, values, `if '*' is present, must not specify other ${what}`));
}

export function validateRule(errors: FieldError[], rule: RuleWithOperations, at: FieldPath): void {
  validateWildcard(errors, rule.operations, 'operations', at.child('operations'));
  rule.operations?.forEach((operation, i) => {
    if (!operations.includes(operation))
      errors.push(notSupported(at.child('operations').index(i), operation, operations));
  });
  validateWildcard(errors, rule.apiGroups, 'API groups', at.child('apiGroups'));
  validateWildcard(errors, rule.apiVersions, 'API versions', at.child('apiVersions'));
  rule.apiVersions?.forEach((version, i) => {
    if (version === '') errors.push(required(at.child('apiVersions').index(i)));
  });
  validateResources(errors, rule.resources ?? [], at.child('resources'));
  if (rule.scope !== undefined && !scopes.includes(rule.scope))
    errors.push(notSupported(at.child('scope'), rule.scope, scopes));
}

/** `pods`, `pods/status`, `pods/*`, `*` (without subresources) and `*\/*`; none may cover another. */
function validateResources(errors: FieldError[], resources: readonly string[], at: FieldPath): void {
  if (resources.length === 0) errors.push(required(at));
  const allSubresourcesOf = new Set<string>();
  const ofAllResources = new Set<string>();
  let plainIsLast = false;
  resources.forEach((item, i) => {
    if (item === '') {
      errors.push(required(at.index(i)));
      return;
    }
    const slash = item.indexOf('/');
    if (slash < 0) {
      plainIsLast = item !== '*';
      return;
    }
    const resource = item.slice(0, slash);
    const subresource = item.slice(slash + 1);
    if (allSubresourcesOf.has(resource))
      errors.push(invalidValue(at.index(i), item, `if '${resource}/*' is present, must not specify ${item}`));
    if (ofAllResources.has(subresource))
      errors.push(
        invalidValue(at.index(i), item, `if '*/${subresource}' is present, must not specify ${item}`),
      );
    if (subresource === '*') allSubresourcesOf.add(resource);
    if (resource === '*') ofAllResources.add(subresource);
  });
  if (resources.length > 1 && resources.includes('*/*'))
    errors.push(invalidValue(at, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && plainIsLast)
    errors.push(
      invalidValue(at, resources, "if '*' is present, must not specify other resources without subresources"),
    );
}

function validateNamedRule(errors: FieldError[], rule: NamedRuleWithOperations, at: FieldPath): void {
  const names = rule.resourceNames ?? [];
  names.forEach((name, i) => {
    const namePath = at.child('resourceNames').index(i);
    invalidEach(errors, namePath, name, pathSegmentName(name, false));
    if (names.indexOf(name) < i) errors.push(duplicate(namePath, name));
  });
  validateRule(errors, rule, at);
}

export function validateMatchResources(
  errors: FieldError[],
  match: MatchResources | undefined,
  at: FieldPath,
): void {
  if (!match) return;
  const { matchPolicy, namespaceSelector, objectSelector } = match;
  if (matchPolicy === undefined) errors.push(required(at.child('matchPolicy')));
  else if (!matchPolicies.includes(matchPolicy))
    errors.push(notSupported(at.child('matchPolicy'), matchPolicy, matchPolicies));
  if (!namespaceSelector) errors.push(required(at.child('namespaceSelector')));
  validateLabelSelector(errors, namespaceSelector, at.child('namespaceSelector'));
  if (!objectSelector) errors.push(required(at.child('objectSelector')));
  validateLabelSelector(errors, objectSelector, at.child('objectSelector'));
  match.resourceRules?.forEach((rule, i) =>
    validateNamedRule(errors, rule, at.child('resourceRules').index(i)),
  );
  match.excludeResourceRules?.forEach((rule, i) =>
    validateNamedRule(errors, rule, at.child('excludeResourceRules').index(i)),
  );
}

/** That the expressions compile is not looked at here. */
export function validateMatchConditions(
  errors: FieldError[],
  conditions: readonly MatchCondition[] | undefined,
  at: FieldPath,
): void {
  const names = new Set<string>();
  if (conditions && conditions.length > conditionsMax)
    errors.push(tooMany(at, conditions.length, conditionsMax));
  conditions?.forEach(({ name, expression }, i) => {
    if (!expression?.trim()) errors.push(required(at.index(i).child('expression')));
    if (!name) {
      errors.push(required(at.index(i).child('name')));
      return;
    }
    invalidEach(errors, at.index(i).child('name'), name, qualifiedName(name));
    if (names.has(name)) errors.push(duplicate(at.index(i).child('name'), name));
    names.add(name);
  });
}
