import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import type { KubeObject } from '../../api/object.ts';
import type { ClusterRole } from '../../api/types/rbac-v1.ts';
import { MemoryView } from '../../server/admission/memory-view.testing.ts';
import { RbacAuthorizer } from '../../server/access/rbac.ts';
import { bootstrapObjects } from './bootstrap-objects.ts';
import { parseRule } from './policy-notation.ts';

const options = {
  now: Date.parse('2026-01-02T03:04:05Z'),
  serviceAddress: '10.96.0.1',
  serviceCidrs: ['10.96.0.0/12'],
  apiServerPort: 6443,
  advertiseAddress: '192.0.2.1',
  clientAuthority: 'client',
  frontProxyAuthority: 'front',
};

function find(resource: string, name: string) {
  const found = bootstrapObjects(options).find(
    (entry) => entry.resource === resource && entry.object.metadata.name === name,
  );
  assert.ok(found, `${resource}/${name}`);
  return found;
}

describe('rule notation', () => {
  test('resources, names and paths', () => {
    assert.deepEqual(parseRule('read,delete core,apps pods,*/scale'), {
      apiGroups: ['', 'apps'],
      resources: ['pods', '*/scale'],
      verbs: ['delete', 'get', 'list', 'watch'],
    });
    assert.deepEqual(parseRule('get core configmaps x'), {
      apiGroups: [''],
      resourceNames: ['x'],
      resources: ['configmaps'],
      verbs: ['get'],
    });
    assert.deepEqual(parseRule('get paths /healthz,/livez'), {
      nonResourceURLs: ['/healthz', '/livez'],
      verbs: ['get'],
    });
  });
});

describe('bootstrap objects', () => {
  test('each is there once, namespaces before what is in them', () => {
    const seen = new Set<string>();
    const known = new Set<string>();
    for (const { resource, object } of bootstrapObjects(options)) {
      const { namespace = '', name = '' } = object.metadata;
      assert.ok(!seen.has(`${resource}/${namespace}/${name}`), `${resource}/${namespace}/${name}`);
      seen.add(`${resource}/${namespace}/${name}`);
      if (resource === 'namespaces') known.add(name);
      if (namespace !== '') assert.ok(known.has(namespace), namespace);
    }
  });

  test('admin has everything of edit, and edit everything of view', () => {
    const rules = (name: string) =>
      ((find('clusterroles', name).object as unknown as ClusterRole).rules ?? []).map((rule) =>
        JSON.stringify(rule),
      );
    const [admin, edit, view] = [rules('admin'), rules('edit'), rules('view')];
    assert.ok(view.length > 10);
    assert.ok(view.every((rule) => edit.includes(rule)) && edit.every((rule) => admin.includes(rule)));
  });

  test('the anonymous user may look at health and version, and nothing else', () => {
    const view = new MemoryView();
    for (const { group, resource, object } of bootstrapObjects(options)) view.put(group, resource, object);
    const rbac = new RbacAuthorizer(view);
    const base = {
      isResource: false,
      group: '',
      version: '',
      resource: '',
      subresource: '',
      namespace: '',
      name: '',
      fieldSelector: '',
      labelSelector: '',
    };
    const may = (groups: string[], path: string) =>
      rbac.authorize({ ...base, user: { username: 'x', groups }, verb: 'get', path }).decision === 'allow';
    for (const path of ['/healthz', '/livez', '/readyz', '/version'])
      assert.ok(may(['system:unauthenticated'], path), path);
    for (const path of ['/', '/api', '/apis', '/metrics', '/openapi/v2', '/healthz/etcd'])
      assert.ok(!may(['system:unauthenticated'], path), path);
    assert.ok(may(['system:authenticated'], '/openapi/v3') && !may(['system:authenticated'], '/metrics'));
  });
});

describe('reconciliation', () => {
  test('leaves alone what is as it should be, or protected', () => {
    for (const { object, reconcile } of bootstrapObjects(options))
      assert.deepEqual(reconcile(structuredClone(object)), { action: 'none' });
    const { object, reconcile } = find('clusterroles', 'system:discovery');
    const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
    assert.deepEqual(reconcile({ ...object, metadata: { ...object.metadata, annotations }, rules: [] }), {
      action: 'none',
    });
  });

  test('adds missing rules, labels and subjects, keeps added ones', () => {
    const role = find('clusterroles', 'system:basic-user');
    const own = parseRule('get core pods');
    const result = role.reconcile({
      ...role.object,
      metadata: { name: 'system:basic-user', labels: { mine: '1' } },
      rules: [own],
    });
    assert.equal(result.action, 'update');
    const { metadata, rules } = (result as { object: KubeObject }).object as unknown as ClusterRole;
    assert.deepEqual(metadata.labels, { mine: '1', 'kubernetes.io/bootstrapping': 'rbac-defaults' });
    assert.deepEqual(rules?.[0], own);
    assert.equal(rules?.length, 4);
    const binding = find('clusterrolebindings', 'cluster-admin');
    const extra = { kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' };
    const bound = binding.reconcile({ ...binding.object, subjects: [extra] });
    assert.deepEqual((bound as { object: KubeObject }).object['subjects'], [
      extra,
      ...(binding.object['subjects'] as object[]),
    ]);
  });

  test('a binding to another role is made anew; ports and certificates follow', () => {
    const binding = find('clusterrolebindings', 'cluster-admin');
    assert.deepEqual(
      binding.reconcile({ ...binding.object, roleRef: { kind: 'ClusterRole', name: 'view' } }),
      { action: 'recreate' },
    );
    const service = find('services', 'kubernetes');
    const moved = { ...service.object, spec: { ...(service.object['spec'] as object), ports: [] } };
    assert.deepEqual(service.reconcile(moved), { action: 'update', object: service.object });
  });
});
