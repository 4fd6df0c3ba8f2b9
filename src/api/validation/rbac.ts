/** rbac.authorization.k8s.io/v1. Who may grant what is decided elsewhere; here is only what a role and a binding look like. */
import type { FieldError } from '../errors.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from '../types/rbac-v1.ts';
import { invalidEach, invalidValue, notSupported, path, required, type FieldPath } from './field-path.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { nameIsDnsSubdomain, pathSegmentName } from './names.ts';
import { validateLabelSelector } from './selectors.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

function validateRule(errors: FieldError[], rule: PolicyRule, namespaced: boolean, at: FieldPath): void {
  if (!rule.verbs?.length) errors.push(required(at.child('verbs'), 'verbs must contain at least one value'));
  const urls = rule.nonResourceURLs ?? [];
  if (urls.length > 0) {
    const urlsPath = at.child('nonResourceURLs');
    if (namespaced)
      errors.push(invalidValue(urlsPath, urls, 'namespaced rules cannot apply to non-resource URLs'));
    if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length)
      errors.push(
        invalidValue(urlsPath, urls, 'rules cannot apply to both regular resources and non-resource URLs'),
      );
    return;
  }
  if (!rule.apiGroups?.length)
    errors.push(required(at.child('apiGroups'), 'resource rules must supply at least one api group'));
  if (!rule.resources?.length)
    errors.push(required(at.child('resources'), 'resource rules must supply at least one resource'));
}

function validateRole(role: Role): FieldError[] {
  const errors: FieldError[] = [];
  role.rules?.forEach((rule, i) => validateRule(errors, rule, true, path('rules').index(i)));
  return errors;
}

function validateClusterRole({ rules, aggregationRule }: ClusterRole): FieldError[] {
  const errors: FieldError[] = [];
  rules?.forEach((rule, i) => validateRule(errors, rule, false, path('rules').index(i)));
  if (!aggregationRule) return errors;
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  const at = path('aggregationRule', 'clusterRoleSelectors');
  if (selectors.length === 0)
    errors.push(required(at, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  selectors.forEach((selector, i) => validateLabelSelector(errors, selector, at.index(i)));
  return errors;
}

function validateSubject(errors: FieldError[], subject: Subject, namespaced: boolean, at: FieldPath): void {
  const { kind = '', name = '', namespace = '', apiGroup = '' } = subject;
  if (name === '') errors.push(required(at.child('name')));
  if (kind === 'ServiceAccount') {
    if (name !== '') invalidEach(errors, at.child('name'), name, nameIsDnsSubdomain(name, false));
    if (apiGroup !== '') errors.push(notSupported(at.child('apiGroup'), apiGroup, ['']));
    if (!namespaced && namespace === '') errors.push(required(at.child('namespace')));
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== rbacGroup) errors.push(notSupported(at.child('apiGroup'), apiGroup, [rbacGroup]));
  } else errors.push(notSupported(at.child('kind'), kind, ['ServiceAccount', 'User', 'Group']));
}

function validateBinding(
  { roleRef, subjects }: RoleBinding | ClusterRoleBinding,
  namespaced: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const { apiGroup = '', kind = '', name = '' } = roleRef ?? {};
  const at = path('roleRef');
  if (apiGroup !== rbacGroup) errors.push(notSupported(at.child('apiGroup'), apiGroup, [rbacGroup]));
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(kind)) errors.push(notSupported(at.child('kind'), kind, kinds));
  if (name === '') errors.push(required(at.child('name')));
  else invalidEach(errors, at.child('name'), name, pathSegmentName(name, false));
  subjects?.forEach((subject, i) => validateSubject(errors, subject, namespaced, path('subjects').index(i)));
  return errors;
}

/** A binding to another role is another binding: who may make it is checked when it is made. */
function updateBinding(binding: RoleBinding, old: RoleBinding, namespaced: boolean): FieldError[] {
  const errors = validateBinding(binding, namespaced);
  const { apiGroup, kind, name } = binding.roleRef ?? {};
  const before = old.roleRef ?? {};
  if (apiGroup !== before.apiGroup || kind !== before.kind || name !== before.name)
    errors.push(
      invalidValue(path('roleRef'), { APIGroup: apiGroup, Kind: kind, Name: name }, 'cannot change roleRef'),
    );
  return errors;
}

const validateName = pathSegmentName;

export const validators: KindValidators = {
  [`${rbacGroup}/Role`]: kindValidator<Role>({ validateName, create: validateRole }),
  [`${rbacGroup}/ClusterRole`]: kindValidator<ClusterRole>({ validateName, create: validateClusterRole }),
  [`${rbacGroup}/RoleBinding`]: kindValidator<RoleBinding>({
    validateName,
    create: (binding) => validateBinding(binding, true),
    update: (binding, old) => updateBinding(binding, old, true),
  }),
  [`${rbacGroup}/ClusterRoleBinding`]: kindValidator<ClusterRoleBinding>({
    validateName,
    create: (binding) => validateBinding(binding, false),
    update: (binding, old) => updateBinding(binding, old, false),
  }),
};
