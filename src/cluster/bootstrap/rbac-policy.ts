/**
 * The RBAC objects that every cluster starts with: upstream's roles and their
 * bindings, made from the rule tables.
 */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from '../../api/types/rbac-v1.ts';
import { clusterRoleRules } from './cluster-roles.ts';
import { controllerRules } from './controller-roles.ts';
import { parseRule, recordEvents } from './policy-notation.ts';

const rbacGroup = 'rbac.authorization.k8s.io';
const rbacVersion = `${rbacGroup}/v1`;

/** RBAC objects that carry the annotation `false` are left alone by reconciliation. */
export const autoUpdateAnnotation = 'rbac.authorization.kubernetes.io/autoupdate';

export function metadata(name: string, namespace?: string, labels: Record<string, string> = {}) {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
    annotations: { [autoUpdateAnnotation]: 'true' },
  };
}

function aggregationLabel(role: string): string {
  return `${rbacGroup}/aggregate-to-${role}`;
}

/** Which roles go into which: `system:aggregate-to-x` into x, and each of these into the next. */
const aggregatedRoles = [
  { name: 'view', into: 'edit' },
  { name: 'edit', into: 'admin' },
  { name: 'admin', into: undefined },
] as const;

function clusterRole(name: string, rules: readonly string[]): ClusterRole {
  // metrics-server's role, under its name: whoever may see pods may see what they use.
  const target = name === 'system:aggregated-metrics-reader' ? 'view' : /^system:aggregate-to-(\w+)$/.exec(name)?.[1];
  const labels = target === undefined ? {} : { [aggregationLabel(target)]: 'true' };
  return {
    apiVersion: rbacVersion,
    kind: 'ClusterRole',
    metadata: metadata(name, undefined, labels),
    rules: rules.map(parseRule),
  };
}

/** With their rules already in, so that they mean something before the aggregation controller has run. */
function aggregatedClusterRoles(): ClusterRole[] {
  let inherited: PolicyRule[] = [];
  return aggregatedRoles.map(({ name, into }) => {
    const own = (clusterRoleRules[`system:aggregate-to-${name}`] ?? []).map(parseRule);
    // The controller takes roles in the order of their names: `edit` and `view` come before and after `system:...`.
    inherited = name === 'edit' ? [...own, ...inherited] : [...inherited, ...own];
    return {
      apiVersion: rbacVersion,
      kind: 'ClusterRole',
      metadata: metadata(name, undefined, into === undefined ? {} : { [aggregationLabel(into)]: 'true' }),
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregationLabel(name)]: 'true' } }] },
      rules: inherited,
    };
  });
}

export function bootstrapClusterRoles(): ClusterRole[] {
  return [
    ...Object.entries(clusterRoleRules).map(([name, rules]) => clusterRole(name, rules)),
    ...Object.entries(controllerRules).map(([name, rules]) =>
      clusterRole(`system:controller:${name}`, rules),
    ),
    ...aggregatedClusterRoles(),
  ];
}

function user(name: string): Subject {
  return { kind: 'User', apiGroup: rbacGroup, name };
}
function group(name: string): Subject {
  return { kind: 'Group', apiGroup: rbacGroup, name };
}
function serviceAccount(name: string): Subject {
  return { kind: 'ServiceAccount', name, namespace: 'kube-system' };
}

/** Cluster roles bound under their own name. */
const clusterRoleSubjects: Readonly<Record<string, readonly Subject[]>> = {
  'cluster-admin': [group('system:masters')],
  'system:basic-user': [group('system:authenticated')],
  'system:discovery': [group('system:authenticated')],
  'system:kube-controller-manager': [user('system:kube-controller-manager')],
  'system:kube-dns': [serviceAccount('kube-dns')],
  'system:kube-scheduler': [user('system:kube-scheduler')],
  'system:monitoring': [group('system:monitoring')],
  // The node authorizer decides for nodes; the binding stands with nobody in it.
  'system:node': [],
  'system:node-proxier': [user('system:kube-proxy')],
  'system:public-info-viewer': [group('system:authenticated'), group('system:unauthenticated')],
  'system:service-account-issuer-discovery': [group('system:serviceaccounts')],
  'system:volume-scheduler': [user('system:kube-scheduler')],
};

function clusterRoleBinding(name: string, subjects: readonly Subject[]): ClusterRoleBinding {
  return {
    apiVersion: rbacVersion,
    kind: 'ClusterRoleBinding',
    metadata: metadata(name),
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name },
    ...(subjects.length > 0 ? { subjects: [...subjects] } : {}),
  };
}

export function bootstrapClusterRoleBindings(): ClusterRoleBinding[] {
  return [
    ...Object.entries(clusterRoleSubjects).map(([name, subjects]) => clusterRoleBinding(name, subjects)),
    ...Object.keys(controllerRules).map((name) =>
      clusterRoleBinding(`system:controller:${name}`, [serviceAccount(name)]),
    ),
  ];
}

interface NamespacedRole {
  readonly namespace: string;
  readonly name: string;
  readonly rules: readonly string[];
  readonly binding?: { readonly name?: string; readonly subjects: readonly Subject[] };
}

const leaderLocking = [
  'read,create,update coordination.k8s.io leases',
  'read,create,update coordination.k8s.io leasecandidates',
];

const namespacedRoles: readonly NamespacedRole[] = [
  {
    namespace: 'kube-public',
    name: 'system:controller:bootstrap-signer',
    rules: ['read core configmaps', 'update core configmaps cluster-info', recordEvents],
    binding: { subjects: [serviceAccount('bootstrap-signer')] },
  },
  {
    namespace: 'kube-system',
    name: 'extension-apiserver-authentication-reader',
    rules: ['read core configmaps extension-apiserver-authentication'],
    binding: {
      name: 'system::extension-apiserver-authentication-reader',
      subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler')],
    },
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-controller-manager',
    rules: leaderLocking,
    binding: {
      subjects: [
        user('system:kube-controller-manager'),
        serviceAccount('kube-controller-manager'),
        serviceAccount('leader-election-controller'),
      ],
    },
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-scheduler',
    rules: leaderLocking,
    binding: { subjects: [user('system:kube-scheduler'), serviceAccount('kube-scheduler')] },
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:bootstrap-signer',
    rules: ['read core secrets'],
    binding: { subjects: [serviceAccount('bootstrap-signer')] },
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:cloud-provider',
    rules: ['read,create core configmaps'],
    binding: { subjects: [serviceAccount('cloud-provider')] },
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:token-cleaner',
    rules: ['read,delete core secrets', recordEvents],
    binding: { subjects: [serviceAccount('token-cleaner')] },
  },
];

export function bootstrapRoles(): Role[] {
  return namespacedRoles.map(({ namespace, name, rules }) => ({
    apiVersion: rbacVersion,
    kind: 'Role',
    metadata: metadata(name, namespace),
    rules: rules.map(parseRule),
  }));
}

export function bootstrapRoleBindings(): RoleBinding[] {
  return namespacedRoles.flatMap(({ namespace, name, binding }) =>
    binding
      ? [
          {
            apiVersion: rbacVersion,
            kind: 'RoleBinding',
            metadata: metadata(binding.name ?? name, namespace),
            roleRef: { apiGroup: rbacGroup, kind: 'Role', name },
            subjects: [...binding.subjects],
          },
        ]
      : [],
  );
}

/** What the node authorizer grants every node: the rules of the role system:node. */
export function nodeRules(): PolicyRule[] {
  return (clusterRoleRules['system:node'] ?? []).map(parseRule);
}
