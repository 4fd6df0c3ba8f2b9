/**
 * RBAC. Bindings are indexed by subject, so a decision looks at the bindings of
 * the caller's name and groups only; and decisions are remembered per caller
 * until any RBAC object changes. The usual request costs one look-up.
 *
 * Invariant: before any answer, every change that the view has announced has
 * been taken into the index.
 */
import { goQuote } from '../../api/validation/go-format.ts';
import type { KubeObject } from '../../api/object.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  RoleBinding,
  RoleRef,
  Subject,
} from '../../api/types/rbac-v1.ts';
import type { UserInfo } from '../../base/exchange.ts';
import type { ClusterView } from '../admission/contract.ts';
import type { Authorizer, Decision, RequestAttributes } from './contract.ts';
import { ruleAllows, ruleCouldAllow } from './policy-rules.ts';
import { serviceAccountUsername } from './users.ts';

const rbacGroup = 'rbac.authorization.k8s.io';
const decisionsPerUser = 1024;

interface Binding {
  readonly name: string;
  /** Empty for a ClusterRoleBinding. */
  readonly namespace: string;
  readonly roleRef: RoleRef;
  readonly subjects: readonly Subject[];
  readonly subjectKeys: readonly string[];
}

function userKey(username: string): string {
  return `user ${username}`;
}

function groupKey(group: string): string {
  return `group ${group}`;
}

function subjectKey(subject: Subject, namespace: string): string | undefined {
  switch (subject.kind) {
    case 'User':
      return userKey(subject.name);
    case 'Group':
      return groupKey(subject.name);
    case 'ServiceAccount': {
      const accountNamespace = subject.namespace || namespace;
      return accountNamespace === ''
        ? undefined
        : userKey(serviceAccountUsername(accountNamespace, subject.name));
    }
    default:
      return undefined;
  }
}

/** The bindings of one namespace, or of the cluster, by subject. */
class BindingIndex {
  readonly #byName = new Map<string, Binding>();
  readonly #bySubject = new Map<string, Set<Binding>>();

  get size(): number {
    return this.#byName.size;
  }

  put(name: string, namespace: string, object: KubeObject | undefined): void {
    const old = this.#byName.get(name);
    if (old) {
      this.#byName.delete(name);
      for (const key of old.subjectKeys) {
        const bindings = this.#bySubject.get(key);
        bindings?.delete(old);
        if (bindings?.size === 0) this.#bySubject.delete(key);
      }
    }
    if (!object) return;
    const { roleRef, subjects = [] } = object as unknown as RoleBinding | ClusterRoleBinding;
    const keys = subjects.map((subject) => subjectKey(subject, namespace)).filter((key) => key !== undefined);
    const binding: Binding = { name, namespace, roleRef, subjects, subjectKeys: keys };
    this.#byName.set(name, binding);
    for (const key of keys) {
      const bindings = this.#bySubject.get(key);
      if (bindings) bindings.add(binding);
      else this.#bySubject.set(key, new Set([binding]));
    }
  }

  /** Each binding of the user once. */
  collect(user: UserInfo, into: Set<Binding>): void {
    for (const binding of this.#bySubject.get(userKey(user.username)) ?? []) into.add(binding);
    for (const group of user.groups)
      for (const binding of this.#bySubject.get(groupKey(group)) ?? []) into.add(binding);
  }
}

/** The rules behind a user, and the roles that are bound to it but do not exist. */
export interface ResolvedRules {
  readonly rules: readonly PolicyRule[];
  readonly missing: readonly RoleRef[];
}

/** What is wrong where roles are missing; '' where none is. */
export function describeMissing(missing: readonly RoleRef[]): string {
  const texts = [
    ...new Set(
      missing.map(({ kind, name }) => `${kind.toLowerCase()}.${rbacGroup} ${goQuote(name)} not found`),
    ),
  ];
  return texts.length < 2 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
}

export class RbacAuthorizer implements Authorizer {
  readonly #view: ClusterView;
  readonly #stop: readonly (() => void)[];
  readonly #cluster = new BindingIndex();
  readonly #namespaces = new Map<string, BindingIndex>();
  /** By `namespace/name`; cluster roles have no namespace. */
  readonly #roles = new Map<string, readonly PolicyRule[]>();
  readonly #changed = new Map<string, { readonly namespace: string; readonly name: string }>();
  #decisions = new WeakMap<UserInfo, Map<string, Decision>>();
  #loaded = false;

  constructor(view: ClusterView) {
    this.#view = view;
    const onRole = ({ namespace, name }: { namespace: string; name: string }) => {
      this.#roles.delete(`${namespace}/${name}`);
      this.#decisions = new WeakMap();
    };
    const onBinding = ({ namespace, name }: { namespace: string; name: string }) => {
      this.#changed.set(`${namespace}/${name}`, { namespace, name });
      this.#decisions = new WeakMap();
    };
    this.#stop = [
      view.onChange(rbacGroup, 'clusterroles', onRole),
      view.onChange(rbacGroup, 'roles', onRole),
      view.onChange(rbacGroup, 'clusterrolebindings', onBinding),
      view.onChange(rbacGroup, 'rolebindings', onBinding),
    ];
  }

  close(): void {
    for (const stop of this.#stop) stop();
  }

  authorize(attributes: RequestAttributes): Decision {
    const { user, verb, isResource, path, group, resource, subresource, namespace } = attributes;
    let known = this.#decisions.get(user);
    const key = isResource ? `${verb} ${group}/${resource}/${subresource} ${namespace}` : `${verb} ${path}`;
    const remembered = known?.get(key);
    if (remembered) return remembered;
    const { decision, dependsOnName } = this.#decide(attributes);
    if (dependsOnName) return decision;
    if (!known) {
      known = new Map();
      this.#decisions.set(user, known);
    } else if (known.size >= decisionsPerUser) known.clear();
    known.set(key, decision);
    return decision;
  }

  /** Every rule that holds for the user in the namespace ('' = cluster-wide ones only). */
  rulesFor(user: UserInfo, namespace: string): ResolvedRules {
    const rules: PolicyRule[] = [];
    const missing: RoleRef[] = [];
    for (const binding of this.#bindingsOf(user, namespace)) {
      const resolved = this.roleRules(binding.roleRef, binding.namespace);
      if (resolved) rules.push(...resolved);
      else missing.push(binding.roleRef);
    }
    return { rules, missing };
  }

  /** The rules of a role; undefined where there is no such role. */
  roleRules({ kind, name }: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    if (kind !== 'Role' && kind !== 'ClusterRole') return undefined;
    const roleNamespace = kind === 'Role' ? namespace : '';
    const key = `${roleNamespace}/${name}`;
    let rules = this.#roles.get(key);
    if (!rules) {
      const role = this.#view.get(rbacGroup, kind === 'Role' ? 'roles' : 'clusterroles', roleNamespace, name);
      // Roles that are not there are not remembered: their names come from bindings, of which there may be any number.
      if (!role) return undefined;
      rules = (role as unknown as ClusterRole).rules ?? [];
      this.#roles.set(key, rules);
    }
    return rules;
  }

  /** `dependsOnName`: another object of the same kind might have been decided otherwise. */
  #decide(attributes: RequestAttributes): { decision: Decision; dependsOnName: boolean } {
    const missing: RoleRef[] = [];
    let dependsOnName = false;
    for (const binding of this.#bindingsOf(attributes.user, attributes.namespace)) {
      const rules = this.roleRules(binding.roleRef, binding.namespace);
      if (!rules) {
        missing.push(binding.roleRef);
        continue;
      }
      for (const rule of rules) {
        if (!ruleCouldAllow(rule, attributes)) continue;
        const isNamed = attributes.isResource && (rule.resourceNames?.length ?? 0) > 0;
        if (!isNamed || ruleAllows(rule, attributes)) {
          const reason = `RBAC: allowed by ${describeBinding(binding, attributes.user)}`;
          return { decision: { decision: 'allow', reason }, dependsOnName: isNamed };
        }
        dependsOnName = true;
      }
    }
    const reason = missing.length === 0 ? '' : `RBAC: ${describeMissing(missing)}`;
    return { decision: { decision: 'no-opinion', reason }, dependsOnName };
  }

  #bindingsOf(user: UserInfo, namespace: string): Set<Binding> {
    this.#takeChanges();
    const bindings = new Set<Binding>();
    this.#cluster.collect(user, bindings);
    if (namespace !== '') this.#namespaces.get(namespace)?.collect(user, bindings);
    return bindings;
  }

  #takeChanges(): void {
    if (!this.#loaded) {
      this.#loaded = true;
      this.#changed.clear();
      for (const resource of ['clusterrolebindings', 'rolebindings'])
        for (const object of this.#view.list(rbacGroup, resource))
          this.#put(object.metadata.namespace ?? '', object.metadata.name ?? '', object);
      return;
    }
    if (this.#changed.size === 0) return;
    const changes = [...this.#changed.values()];
    this.#changed.clear();
    for (const { namespace, name } of changes) {
      const resource = namespace === '' ? 'clusterrolebindings' : 'rolebindings';
      this.#put(namespace, name, this.#view.get(rbacGroup, resource, namespace, name));
    }
  }

  #put(namespace: string, name: string, object: KubeObject | undefined): void {
    if (namespace === '') {
      this.#cluster.put(name, '', object);
      return;
    }
    let index = this.#namespaces.get(namespace);
    if (!index) {
      index = new BindingIndex();
      this.#namespaces.set(namespace, index);
    }
    index.put(name, namespace, object);
    if (index.size === 0) this.#namespaces.delete(namespace);
  }
}

/** Upstream's words, its order of name and namespace included. */
function describeBinding({ name, namespace, roleRef, subjects }: Binding, user: UserInfo): string {
  const subject = subjects.find((candidate) => {
    const key = subjectKey(candidate, namespace);
    return key === userKey(user.username) || user.groups.some((group) => key === groupKey(group));
  });
  const binding =
    namespace === ''
      ? `ClusterRoleBinding ${goQuote(name)}`
      : `RoleBinding ${goQuote(`${name}/${namespace}`)}`;
  const who =
    subject?.kind === 'ServiceAccount'
      ? `${subject.name}/${subject.namespace || namespace}`
      : (subject?.name ?? '');
  return `${binding} of ${roleRef.kind} ${goQuote(roleRef.name)} to ${subject?.kind ?? ''} ${goQuote(who)}`;
}
