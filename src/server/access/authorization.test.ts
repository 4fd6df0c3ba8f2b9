import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { builtInCatalogue } from '../../api/catalogue.ts';
import { ApiError } from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import type { UserInfo } from '../../base/exchange.ts';
import type { AdmissionRequest } from '../admission/contract.ts';
import { MemoryView } from '../admission/memory-view.testing.ts';
import { forbiddenRequest, mastersAuthorizer, unionAuthorizer } from './authorization.ts';
import type { RequestAttributes } from './contract.ts';
import { impersonate } from './impersonation.ts';
import { RbacAuthorizer } from './rbac.ts';
import { RbacEscalation } from './rbac-escalation.ts';
import { reviewSelfSubjectAccess, reviewSelfSubjectRules, reviewSubjectAccess } from './reviews.ts';

const rbacGroup = 'rbac.authorization.k8s.io';
const jane: UserInfo = { username: 'jane', groups: ['dev', 'system:authenticated'] };

function ask(
  user: UserInfo,
  verb: string,
  resource: string,
  more: Partial<RequestAttributes> = {},
): RequestAttributes {
  return {
    user,
    verb,
    isResource: true,
    path: '',
    group: '',
    version: 'v1',
    resource,
    subresource: '',
    namespace: '',
    name: '',
    fieldSelector: '',
    labelSelector: '',
    ...more,
  };
}

function role(name: string, rules: PolicyRule[], namespace = ''): KubeObject {
  return { metadata: { name, ...(namespace ? { namespace } : {}) }, rules };
}

function binding(
  name: string,
  roleName: string,
  subject: object,
  namespace = '',
  roleKind = 'ClusterRole',
): KubeObject {
  return {
    metadata: { name, ...(namespace ? { namespace } : {}) },
    roleRef: { apiGroup: rbacGroup, kind: roleKind, name: roleName },
    subjects: [subject],
  };
}

const readPods: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'pods/log'] };

function setUp() {
  const view = new MemoryView();
  view.put(rbacGroup, 'clusterroles', role('pod-reader', [readPods]));
  view.put(
    rbacGroup,
    'clusterroles',
    role('health', [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/metrics/*'] }]),
  );
  view.put(
    rbacGroup,
    'roles',
    role(
      'one-secret',
      [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['s1'] }],
      'default',
    ),
  );
  view.put(rbacGroup, 'clusterrolebindings', binding('dev-health', 'health', { kind: 'Group', name: 'dev' }));
  view.put(
    rbacGroup,
    'rolebindings',
    binding('jane-reads', 'pod-reader', { kind: 'User', name: 'jane' }, 'default'),
  );
  view.put(
    rbacGroup,
    'rolebindings',
    binding('jane-secret', 'one-secret', { kind: 'User', name: 'jane' }, 'default', 'Role'),
  );
  view.put(
    rbacGroup,
    'rolebindings',
    binding('robots', 'pod-reader', { kind: 'ServiceAccount', name: 'robot' }, 'default'),
  );
  return { view, rbac: new RbacAuthorizer(view) };
}

describe('rbac', () => {
  test('allows by user, group and service account, with the reason', () => {
    const { rbac } = setUp();
    assert.deepEqual(rbac.authorize(ask(jane, 'list', 'pods', { namespace: 'default' })), {
      decision: 'allow',
      reason: 'RBAC: allowed by RoleBinding "jane-reads/default" of ClusterRole "pod-reader" to User "jane"',
    });
    assert.deepEqual(rbac.authorize(ask(jane, 'get', '', { isResource: false, path: '/metrics/cadvisor' })), {
      decision: 'allow',
      reason: 'RBAC: allowed by ClusterRoleBinding "dev-health" of ClusterRole "health" to Group "dev"',
    });
    const robot = { username: 'system:serviceaccount:default:robot', groups: [] };
    assert.deepEqual(
      rbac.authorize(ask(robot, 'get', 'pods', { namespace: 'default', subresource: 'log' })),
      {
        decision: 'allow',
        reason:
          'RBAC: allowed by RoleBinding "robots/default" of ClusterRole "pod-reader" to ServiceAccount "robot/default"',
      },
    );
  });

  test('has no opinion on the rest', () => {
    const { rbac } = setUp();
    const none = { decision: 'no-opinion', reason: '' };
    for (const attributes of [
      ask(jane, 'list', 'pods'),
      ask(jane, 'list', 'pods', { namespace: 'other' }),
      ask(jane, 'delete', 'pods', { namespace: 'default' }),
      ask(jane, 'list', 'pods', { namespace: 'default', group: 'metrics.k8s.io' }),
      ask(jane, 'get', 'pods', { namespace: 'default', subresource: 'exec' }),
      ask(jane, 'get', '', { isResource: false, path: '/metrics' }),
    ])
      assert.deepEqual(rbac.authorize(attributes), none);
  });

  test('resource names decide for each name', () => {
    const { rbac } = setUp();
    const get = (name: string) =>
      rbac.authorize(ask(jane, 'get', 'secrets', { namespace: 'default', name })).decision;
    assert.deepEqual([get('s1'), get('s2'), get('s1')], ['allow', 'no-opinion', 'allow']);
  });

  test('remembers decisions until something changes', () => {
    const { view, rbac } = setUp();
    const question = ask(jane, 'list', 'pods', { namespace: 'default' });
    const first = rbac.authorize(question);
    const { reads } = view;
    assert.equal(rbac.authorize({ ...question, name: 'x' }), first);
    assert.equal(view.reads, reads);
    view.put(rbacGroup, 'clusterroles', role('pod-reader', []));
    assert.equal(rbac.authorize(question).decision, 'no-opinion');
    view.put(rbacGroup, 'clusterroles', role('pod-reader', [readPods]));
    assert.equal(rbac.authorize(question).decision, 'allow');
    view.remove(rbacGroup, 'rolebindings', 'default', 'jane-reads');
    assert.equal(rbac.authorize(question).decision, 'no-opinion');
  });

  test('says which role is missing', () => {
    const { view, rbac } = setUp();
    view.put(rbacGroup, 'clusterrolebindings', binding('lost', 'ghost', { kind: 'User', name: 'jane' }));
    assert.equal(
      rbac.authorize(ask(jane, 'list', 'nodes')).reason,
      'RBAC: clusterrole.rbac.authorization.k8s.io "ghost" not found',
    );
    view.put(
      rbacGroup,
      'clusterroles',
      role('ghost', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]),
    );
    assert.equal(rbac.authorize(ask(jane, 'list', 'nodes')).decision, 'allow');
  });
});

describe('forbidden texts', () => {
  const text = (attributes: RequestAttributes, reason = '') => forbiddenRequest(attributes, reason).message;
  test('as upstream', () => {
    assert.equal(
      text(ask(jane, 'list', 'pods', { namespace: 'default' })),
      'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
    );
    assert.equal(
      text(
        ask(jane, 'get', 'deployments', {
          group: 'apps',
          namespace: 'default',
          name: 'web',
          subresource: 'scale',
        }),
      ),
      'deployments.apps "web" is forbidden: User "jane" cannot get resource "deployments/scale" in API group "apps" in the namespace "default"',
    );
    assert.equal(
      text(ask(jane, 'list', 'nodes')),
      'nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope',
    );
    assert.equal(
      text(ask(jane, 'get', '', { isResource: false, path: '/x' })),
      'forbidden: User "jane" cannot get path "/x"',
    );
    assert.equal(
      text(ask(jane, 'get', '', { isResource: false, path: '/<x>' }), 'RBAC: y'),
      'forbidden: User "jane" cannot get path "/&lt;x&gt;": RBAC: y',
    );
  });
});

describe('union', () => {
  test('system:masters pass, the others are asked in turn', async () => {
    const { rbac } = setUp();
    const union = unionAuthorizer([mastersAuthorizer, rbac]);
    assert.deepEqual(union.authorize(ask({ username: 'x', groups: ['system:masters'] }, 'delete', 'nodes')), {
      decision: 'allow',
      reason: '',
    });
    assert.deepEqual(union.authorize(ask(jane, 'list', 'nodes')), { decision: 'no-opinion', reason: '' });
    const slow = { authorize: async () => ({ decision: 'no-opinion', reason: 'a' }) as const };
    const denying = { authorize: () => ({ decision: 'deny', reason: 'never' }) as const };
    assert.deepEqual(await unionAuthorizer([slow, rbac, slow]).authorize(ask(jane, 'list', 'nodes')), {
      decision: 'no-opinion',
      reason: 'a\na',
    });
    assert.deepEqual(await unionAuthorizer([slow, denying, rbac]).authorize(ask(jane, 'list', 'pods')), {
      decision: 'deny',
      reason: 'never',
    });
  });
});

describe('impersonation', () => {
  const refused = (code: number, message: string) => (error: unknown) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.code, error.message], [code, message]);
    return true;
  };

  test('needs the verb for every part', async () => {
    const { view, rbac } = setUp();
    await assert.rejects(
      impersonate(jane, { 'impersonate-user': 'joe' }, rbac),
      refused(
        403,
        'users "joe" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster scope',
      ),
    );
    view.put(
      rbacGroup,
      'clusterroles',
      role('mimic', [{ verbs: ['impersonate'], apiGroups: [''], resources: ['users', 'serviceaccounts'] }]),
    );
    view.put(rbacGroup, 'clusterrolebindings', binding('mimic', 'mimic', { kind: 'User', name: 'jane' }));
    assert.deepEqual(await impersonate(jane, { 'impersonate-user': 'joe' }, rbac), {
      username: 'joe',
      groups: ['system:authenticated'],
    });
    assert.deepEqual(await impersonate(jane, { 'impersonate-user': 'system:serviceaccount:a:b' }, rbac), {
      username: 'system:serviceaccount:a:b',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated'],
    });
    await assert.rejects(
      impersonate(jane, { 'impersonate-user': 'joe', 'impersonate-group': 'ops' }, rbac),
      refused(
        403,
        'groups "ops" is forbidden: User "jane" cannot impersonate resource "groups" in API group "" at the cluster scope',
      ),
    );
    await assert.rejects(
      impersonate(jane, { 'impersonate-user': 'joe', 'impersonate-extra-scopes': 'view' }, rbac),
      refused(
        403,
        'userextras.authentication.k8s.io "view" is forbidden: User "jane" cannot impersonate resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope',
      ),
    );
  });

  test('takes groups, uid and extra', async () => {
    const headers = {
      'impersonate-user': 'joe',
      'impersonate-group': 'ops\nqa, and more',
      'impersonate-uid': 'u1',
      'impersonate-extra-acme.com%2fproject': 'x\ny',
    };
    assert.deepEqual(
      await impersonate({ username: 'root', groups: ['system:masters'] }, headers, mastersAuthorizer),
      {
        username: 'joe',
        uid: 'u1',
        groups: ['ops', 'qa, and more', 'system:authenticated'],
        extra: { 'acme.com/project': ['x', 'y'] },
      },
    );
    await assert.rejects(
      impersonate(jane, { 'impersonate-group': 'ops' }, mastersAuthorizer),
      /without impersonating a user/,
    );
  });
});

describe('reviews of access', () => {
  test('subject and self', async () => {
    const { rbac } = setUp();
    const resourceAttributes = { verb: 'list', resource: 'pods', namespace: 'default' };
    const own = await reviewSelfSubjectAccess({ metadata: {}, spec: { resourceAttributes } }, jane, rbac);
    assert.equal(own.status?.allowed, true);
    const other = await reviewSubjectAccess(
      { metadata: {}, spec: { user: 'joe', resourceAttributes } },
      rbac,
    );
    assert.deepEqual(other.status, { allowed: false });
    await assert.rejects(
      reviewSubjectAccess({ metadata: { name: 'x' }, spec: {} }, rbac),
      /spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified, metadata: Invalid value: .*: must be empty/,
    );
  });

  test('rules', () => {
    const { rbac } = setUp();
    const { status } = reviewSelfSubjectRules({ metadata: {}, spec: { namespace: 'default' } }, jane, rbac);
    assert.deepEqual(status, {
      resourceRules: [
        readPods,
        { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['s1'] },
      ],
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/metrics/*'] }],
      incomplete: false,
    });
  });
});

describe('rbac escalation', () => {
  const catalogue = builtInCatalogue();
  function writing(
    resourceName: string,
    object: KubeObject,
    more: Partial<AdmissionRequest> = {},
  ): AdmissionRequest {
    const resource = catalogue.lookup(rbacGroup, 'v1', resourceName);
    assert.ok(resource);
    const namespace = object.metadata.namespace ?? '';
    const name = object.metadata.name ?? '';
    return {
      operation: 'CREATE',
      attributes: ask(jane, 'create', resourceName, { group: rbacGroup, namespace }),
      resource,
      namespace,
      name,
      object,
      oldObject: undefined,
      options: {},
      dryRun: false,
      warn: () => {},
      ...more,
    };
  }

  test('a role with more than one holds', async () => {
    const { view, rbac } = setUp();
    const plugin = new RbacEscalation(rbac, rbac);
    await plugin.validate(writing('roles', role('same', [readPods], 'default')));
    const more: PolicyRule[] = [{ verbs: ['get', 'delete', 'create'], apiGroups: [''], resources: ['pods'] }];
    view.put(rbacGroup, 'clusterrolebindings', binding('lost', 'ghost', { kind: 'User', name: 'jane' }));
    await assert.rejects(async () => plugin.validate(writing('roles', role('more', more, 'default'))), {
      message:
        'roles.rbac.authorization.k8s.io "more" is forbidden: user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete" "create"]}; resolution errors: [roles.rbac.authorization.k8s.io "ghost" not found]',
    });
    assert.equal(
      plugin.handles(
        writing('roles', role('x', more), {
          attributes: ask({ username: 'root', groups: ['system:masters'] }, 'create', 'roles'),
        }),
      ),
      false,
    );
  });

  test('owners may be taken off what one does not hold', async () => {
    const { rbac } = setUp();
    const plugin = new RbacEscalation(rbac, rbac);
    const rules: PolicyRule[] = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
    const old = role('x', rules, 'default');
    const owned = { ...old, metadata: { ...old.metadata, finalizers: ['a/b'] } };
    await plugin.validate(writing('roles', old, { operation: 'UPDATE', oldObject: owned }));
    await assert.rejects(
      async () => plugin.validate(writing('roles', old, { operation: 'UPDATE', oldObject: old })),
      /not currently held/,
    );
  });

  test('a binding to more than one holds, unless one may bind', async () => {
    const { view, rbac } = setUp();
    view.put(
      rbacGroup,
      'clusterroles',
      role('strong', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]),
    );
    const plugin = new RbacEscalation(rbac, rbac);
    const bind = writing('rolebindings', binding('b', 'strong', { kind: 'User', name: 'joe' }, 'default'));
    await assert.rejects(async () => plugin.validate(bind), {
      message:
        'rolebindings.rbac.authorization.k8s.io "b" is forbidden: user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}',
    });
    await assert.rejects(
      async () =>
        plugin.validate(writing('clusterrolebindings', binding('b', 'ghost', { kind: 'User', name: 'joe' }))),
      {
        message: 'clusterrolebindings.rbac.authorization.k8s.io "ghost" not found',
      },
    );
    view.put(
      rbacGroup,
      'clusterroles',
      role('binder', [
        { verbs: ['bind'], apiGroups: [rbacGroup], resources: ['clusterroles'], resourceNames: ['strong'] },
      ]),
    );
    view.put(rbacGroup, 'clusterrolebindings', binding('binder', 'binder', { kind: 'User', name: 'jane' }));
    await plugin.validate(bind);
  });
});
