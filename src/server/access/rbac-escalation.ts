/**
 * Nobody grants what he does not hold: roles may only be written by who has all
 * their rules (or the verb `escalate`), bindings by who has the rules of the
 * bound role (or the verb `bind` on it).
 */
import { goQuote } from '../../api/validation/go-format.ts';
import { forbidden, notFound } from '../../api/errors.ts';
import type { ClusterRole, PolicyRule, RoleBinding } from '../../api/types/rbac-v1.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission/contract.ts';
import type { Authorizer, RequestAttributes } from './contract.ts';
import { compactRules, describeRule, uncoveredRules } from './policy-rules.ts';
import type { RbacAuthorizer } from './rbac.ts';
import { groups } from './users.ts';

const rbacGroup = 'rbac.authorization.k8s.io';
const guarded = new Set(['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings']);

const everything: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

export class RbacEscalation implements AdmissionPlugin {
  readonly name = 'RBACEscalation';
  readonly #rbac: RbacAuthorizer;
  readonly #authorizer: Authorizer;

  /** `authorizer` is the whole union: `escalate` and `bind` may come from any of it. */
  constructor(rbac: RbacAuthorizer, authorizer: Authorizer) {
    this.#rbac = rbac;
    this.#authorizer = authorizer;
  }

  handles({ resource, operation, attributes }: AdmissionRequest): boolean {
    return (
      resource.group === rbacGroup &&
      (operation === 'CREATE' || operation === 'UPDATE') &&
      guarded.has(resource.resource) &&
      !attributes.user.groups.includes(groups.masters)
    );
  }

  validate(request: AdmissionRequest): Promise<void> | void {
    if (request.oldObject && changesOwnersOnly(request)) return;
    return request.resource.resource.endsWith('bindings')
      ? this.#validateBinding(request)
      : this.#validateRole(request);
  }

  async #validateRole(request: AdmissionRequest): Promise<void> {
    const { resource, attributes, name, namespace } = request;
    const may = await this.#authorizer.authorize(
      question(attributes, 'escalate', resource.resource, namespace, attributes.name),
    );
    if (may.decision === 'allow') return;
    const role = request.object as unknown as ClusterRole;
    this.#requireHeld(request, role.rules ?? []);
    const old = request.oldObject as unknown as ClusterRole | undefined;
    const aggregates = [role, old].some(
      (version) => (version?.aggregationRule?.clusterRoleSelectors?.length ?? 0) > 0,
    );
    if (
      aggregates &&
      uncoveredRules(this.#rbac.rulesFor(attributes.user, namespace).rules, everything).length > 0
    )
      throw forbidden(
        { group: rbacGroup, kind: resource.resource, name },
        'must have cluster-admin privileges to use the aggregationRule',
      );
  }

  async #validateBinding(request: AdmissionRequest): Promise<void> {
    const { attributes, namespace } = request;
    const { roleRef } = request.object as unknown as RoleBinding;
    if (roleRef.kind === 'ClusterRole' || roleRef.kind === 'Role') {
      const roles = roleRef.kind === 'Role' ? 'roles' : 'clusterroles';
      const may = await this.#authorizer.authorize(
        question(attributes, 'bind', roles, namespace, roleRef.name),
      );
      if (may.decision === 'allow') return;
    }
    const rules = this.#rbac.roleRules(roleRef, namespace);
    // Upstream names the binding's resource here, not the role's.
    if (!rules) throw notFound({ group: rbacGroup, kind: request.resource.resource, name: roleRef.name });
    this.#requireHeld(request, rules);
  }

  #requireHeld(
    { resource, attributes, namespace, name }: AdmissionRequest,
    wanted: readonly PolicyRule[],
  ): void {
    const { user } = attributes;
    const { rules, missing: lost } = this.#rbac.rulesFor(user, namespace);
    const missing = uncoveredRules(rules, wanted);
    if (missing.length === 0) return;
    const lines = [...new Set(compactRules(missing).map(describeRule))].sort();
    const who = `user ${goQuote(user.username)} (groups=[${user.groups.map((group) => goQuote(group)).join(' ')}])`;
    const notFoundTexts = [
      ...new Set(lost.map((role) => `${resource.resource}.${rbacGroup} ${goQuote(role.name)} not found`)),
    ];
    const list = notFoundTexts.length > 1 ? `[${notFoundTexts.join(', ')}]` : notFoundTexts[0];
    const problems = list === undefined ? '' : `; resolution errors: [${list}]`;
    throw forbidden(
      { group: rbacGroup, kind: resource.resource, name },
      `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}${problems}`,
    );
  }
}

function question(
  attributes: RequestAttributes,
  verb: string,
  resource: string,
  namespace: string,
  name: string,
): RequestAttributes {
  return {
    ...attributes,
    verb,
    version: '*',
    resource,
    subresource: '',
    namespace,
    name,
    fieldSelector: '',
    labelSelector: '',
  };
}

/** The garbage collector takes owners and finalizers off; that grants nothing. */
function changesOwnersOnly({ object, oldObject }: AdmissionRequest): boolean {
  const reduced = (version: AdmissionRequest['object']) => {
    const {
      ownerReferences: _owners,
      finalizers: _finalizers,
      managedFields: _managed,
      resourceVersion: _revision,
      ...metadata
    } = version?.metadata ?? {};
    return { ...version, metadata };
  };
  const before = oldObject?.metadata;
  const after = object?.metadata;
  if (!before || !after) return false;
  const changed =
    !sameJson(before.ownerReferences ?? [], after.ownerReferences ?? []) ||
    !sameJson(before.finalizers ?? [], after.finalizers ?? []);
  return changed && sameJson(reduced(object), reduced(oldObject));
}

/** Equal whatever the order of their fields. */
function sameJson(a: unknown, b: unknown): boolean {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return a === b;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) =>
    sameJson(left[key], right[key]),
  );
}
