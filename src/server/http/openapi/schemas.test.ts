import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reachableTypes, schemaOf, typeOfKind } from './schemas.ts';

const plain = (dialect: 'v2' | 'v3') => ({ dialect, description: undefined });

function propertyOf(type: string, name: string, dialect: 'v2' | 'v3'): unknown {
  return (schemaOf(type, plain(dialect))['properties'] as Record<string, unknown>)[name];
}

describe('schemas', () => {
  test('a reference with notes beside it is wrapped where the dialect ignores siblings', () => {
    const strategy = 'io.k8s.api.apps.v1.DeploymentStrategy';
    assert.deepEqual(propertyOf('io.k8s.api.apps.v1.DeploymentSpec', 'strategy', 'v3'), {
      'x-kubernetes-patch-strategy': 'retainKeys',
      allOf: [{ $ref: `#/components/schemas/${strategy}` }],
    });
    assert.deepEqual(propertyOf('io.k8s.api.apps.v1.DeploymentSpec', 'strategy', 'v2'), {
      $ref: `#/definitions/${strategy}`,
      'x-kubernetes-patch-strategy': 'retainKeys',
    });
  });

  test('lists say how they are merged', () => {
    assert.deepEqual(propertyOf('io.k8s.api.core.v1.PodSpec', 'containers', 'v3'), {
      type: 'array',
      items: { $ref: '#/components/schemas/io.k8s.api.core.v1.Container' },
      'x-kubernetes-list-map-keys': ['name'],
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-patch-merge-key': 'name',
      'x-kubernetes-patch-strategy': 'merge',
    });
  });

  test('leaves: numbers, bytes, the int-or-string of each dialect', () => {
    assert.deepEqual(propertyOf('io.k8s.api.core.v1.ContainerPort', 'containerPort', 'v3'), { type: 'integer', format: 'int32', default: 0 });
    assert.deepEqual(propertyOf('io.k8s.api.core.v1.ContainerPort', 'containerPort', 'v2'), { type: 'integer', format: 'int32' });
    assert.deepEqual(propertyOf('io.k8s.api.core.v1.Secret', 'data', 'v3'), { type: 'object', additionalProperties: { type: 'string', format: 'byte' } });
    const name = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
    assert.deepEqual(schemaOf(name, plain('v3')), { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] });
    assert.deepEqual(schemaOf(name, plain('v2')), { type: 'string', format: 'int-or-string' });
  });

  test('descriptions go to the type and its fields', () => {
    const description = { text: 'A pod.', field: (name: string) => (name === 'spec' ? 'What it runs.' : undefined) };
    const schema = schemaOf('io.k8s.api.core.v1.Pod', { dialect: 'v3', description });
    assert.equal(schema['description'], 'A pod.');
    assert.deepEqual((schema['properties'] as Record<string, unknown>)['spec'], {
      description: 'What it runs.',
      default: {},
      allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.PodSpec' }],
    });
  });

  test('a type that the table does not have takes anything', () => {
    assert.deepEqual(schemaOf('org.example.v1.Widget', plain('v3')), { type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
  });

  test('what a type holds is reachable, types that hold themselves included', () => {
    const types = reachableTypes(['io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps']);
    assert.ok(types.includes('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool'));
    assert.deepEqual(types, [...types].sort());
  });

  test('kinds lead to their types', () => {
    assert.equal(typeOfKind({ group: 'policy', version: 'v1', kind: 'Eviction' }), 'io.k8s.api.policy.v1.Eviction');
    assert.equal(typeOfKind({ group: '', version: 'v1', kind: 'PodExecOptions' }), undefined);
  });
});
