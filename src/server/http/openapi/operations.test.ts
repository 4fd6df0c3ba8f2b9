import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { builtInCatalogue } from '../../../api/catalogue.ts';
import type { ResourceInfo } from '../../../api/catalogue.ts';
import { groupWord, pathsOf, type Operation } from './operations.ts';

const catalogue = builtInCatalogue();

function resource(group: string, version: string, name: string): ResourceInfo {
  const found = catalogue.lookup(group, version, name);
  assert.ok(found);
  return found;
}

function operationsAt(of: ResourceInfo, path: string): readonly Operation[] {
  return pathsOf(of).find((item) => item.path === path)?.operations ?? [];
}

function idsAt(of: ResourceInfo, path: string): string[] {
  return operationsAt(of, path).map(({ id }) => id);
}

describe('operations', () => {
  test('a namespaced resource has a collection, one over all namespaces, items and subresources', () => {
    const deployments = resource('apps', 'v1', 'deployments');
    const collection = '/apis/apps/v1/namespaces/{namespace}/deployments';
    assert.deepEqual(idsAt(deployments, collection), ['listAppsV1NamespacedDeployment', 'createAppsV1NamespacedDeployment', 'deleteAppsV1CollectionNamespacedDeployment']);
    assert.deepEqual(idsAt(deployments, '/apis/apps/v1/deployments'), ['listAppsV1DeploymentForAllNamespaces']);
    assert.deepEqual(idsAt(deployments, `${collection}/{name}/scale`), [
      'readAppsV1NamespacedDeploymentScale',
      'replaceAppsV1NamespacedDeploymentScale',
      'patchAppsV1NamespacedDeploymentScale',
    ]);
    assert.equal(operationsAt(deployments, `${collection}/{name}/scale`)[0]?.answers[0]?.type, 'io.k8s.api.autoscaling.v1.Scale');
  });

  test('a resource of the cluster has no namespace in its paths', () => {
    assert.deepEqual(
      pathsOf(resource('', 'v1', 'nodes')).map(({ path }) => path),
      ['/api/v1/nodes', '/api/v1/nodes/{name}', '/api/v1/nodes/{name}/proxy', '/api/v1/nodes/{name}/proxy/{path}', '/api/v1/nodes/{name}/status'],
    );
  });

  test('a patch can be validated, tried and forced: clients look for these parameters', () => {
    const patch = operationsAt(resource('', 'v1', 'pods'), '/api/v1/namespaces/{namespace}/pods/{name}').find(({ method }) => method === 'patch');
    assert.deepEqual(patch?.parameters.map(({ name }) => name), ['dryRun', 'fieldManager', 'fieldValidation', 'force']);
    assert.deepEqual(patch.kind, { group: '', version: 'v1', kind: 'Pod' });
  });

  test('streams connect', () => {
    const exec = operationsAt(resource('', 'v1', 'pods'), '/api/v1/namespaces/{namespace}/pods/{name}/exec');
    assert.deepEqual(exec.map(({ id, action }) => [id, action]), [
      ['connectCoreV1GetNamespacedPodExec', 'connect'],
      ['connectCoreV1PostNamespacedPodExec', 'connect'],
    ]);
  });

  test('no two operations of the whole API have the same id', () => {
    const ids = [...catalogue.all()].flatMap(pathsOf).flatMap(({ operations }) => operations.map(({ id }) => id));
    assert.equal(new Set(ids).size, ids.length);
  });

  test('groups in one word', () => {
    assert.equal(groupWord(''), 'core');
    assert.equal(groupWord('rbac.authorization.k8s.io'), 'rbacAuthorization');
    assert.equal(groupWord('apps'), 'apps');
  });
});
