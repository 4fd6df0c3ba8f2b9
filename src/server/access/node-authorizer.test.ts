import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import type { UserInfo } from '../../base/exchange.ts';
import { MemoryView } from '../admission/memory-view.testing.ts';
import type { RequestAttributes } from './contract.ts';
import { NodeAuthorizer } from './node-authorizer.ts';

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

describe('node authorizer', () => {
  const node: UserInfo = { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
  function withPods() {
    const view = new MemoryView();
    view.put('', 'pods', {
      metadata: { namespace: 'default', name: 'web', uid: '1' },
      spec: {
        nodeName: 'n1',
        serviceAccountName: 'robot',
        imagePullSecrets: [{ name: 'pull' }],
        containers: [
          { name: 'c', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'env', key: 'a' } } }] },
        ],
        volumes: [
          { name: 'v', projected: { sources: [{ configMap: { name: 'kube-root-ca.crt' } }] } },
          { name: 'd', persistentVolumeClaim: { claimName: 'data' } },
        ],
      },
    });
    view.put('', 'persistentvolumeclaims', {
      metadata: { namespace: 'default', name: 'data' },
      spec: { volumeName: 'pv1' },
    });
    view.put('', 'persistentvolumes', {
      metadata: { name: 'pv1' },
      spec: {
        claimRef: { namespace: 'default', name: 'data' },
        csi: { driver: 'x', volumeHandle: 'h', nodeStageSecretRef: { namespace: 'storage', name: 'stage' } },
      },
    });
    return {
      view,
      authorizer: new NodeAuthorizer(view, [
        { verbs: ['get', 'list'], apiGroups: [''], resources: ['services'] },
      ]),
    };
  }

  test('what its pods refer to', () => {
    const { authorizer } = withPods();
    const get = (
      resource: string,
      name: string,
      namespace = 'default',
      more: Partial<RequestAttributes> = {},
    ) => authorizer.authorize(ask(node, 'get', resource, { name, namespace, ...more }));
    for (const [resource, name] of [
      ['secrets', 'pull'],
      ['secrets', 'env'],
      ['configmaps', 'kube-root-ca.crt'],
      ['persistentvolumeclaims', 'data'],
      ['serviceaccounts', 'robot'],
      ['pods', 'web'],
    ] as const)
      assert.equal(get(resource, name).decision, 'allow', `${resource}/${name}`);
    assert.equal(get('persistentvolumes', 'pv1', '').decision, 'allow');
    assert.equal(get('secrets', 'stage', 'storage').decision, 'allow');
    assert.equal(get('services', 'x').decision, 'allow');
    assert.deepEqual(get('secrets', 'other'), {
      decision: 'no-opinion',
      reason: "no relationship found between node 'n1' and this object",
    });
    assert.equal(
      authorizer.authorize(
        ask({ ...node, username: 'system:node:n2' }, 'get', 'secrets', { namespace: 'default', name: 'env' }),
      ).decision,
      'no-opinion',
    );
    assert.equal(
      authorizer.authorize(
        ask(node, 'create', 'serviceaccounts', { namespace: 'default', name: 'robot', subresource: 'token' }),
      ).decision,
      'allow',
    );
    assert.equal(authorizer.authorize(ask({ username: 'jane', groups: [] }, 'get', 'secrets')).reason, '');
  });

  test('follows pods as they come, change and go', () => {
    const { view, authorizer } = withPods();
    const may = () =>
      authorizer.authorize(ask(node, 'get', 'secrets', { namespace: 'default', name: 'late' })).decision;
    assert.equal(may(), 'no-opinion');
    const pod = (spec: object) =>
      view.put('', 'pods', { metadata: { namespace: 'default', name: 'new' }, spec });
    const volumes = [{ name: 'v', secret: { secretName: 'late' } }];
    pod({ volumes });
    assert.equal(may(), 'no-opinion');
    pod({ volumes, nodeName: 'n1' });
    assert.equal(may(), 'allow');
    view.remove('', 'pods', 'default', 'new');
    assert.equal(may(), 'no-opinion');
    pod({ nodeName: 'n1' });
    assert.equal(may(), 'no-opinion');
    pod({ nodeName: 'n1', ephemeralContainers: [{ name: 'e', envFrom: [{ secretRef: { name: 'late' } }] }] });
    assert.equal(may(), 'allow');
  });

  test('its own objects and selectors', () => {
    const { authorizer } = withPods();
    const decide = (verb: string, resource: string, more: Partial<RequestAttributes> = {}) =>
      authorizer.authorize(ask(node, verb, resource, more));
    const lease = { group: 'coordination.k8s.io', namespace: 'kube-node-lease' };
    assert.equal(decide('update', 'leases', { ...lease, name: 'n1' }).decision, 'allow');
    assert.equal(
      decide('update', 'leases', { ...lease, name: 'n2' }).reason,
      'can only access node lease with the same name as the requesting node',
    );
    assert.equal(decide('list', 'pods', { fieldSelector: 'spec.nodeName=n1' }).decision, 'allow');
    assert.equal(
      decide('list', 'pods', { fieldSelector: 'spec.nodeName=n2' }).reason,
      'can only list/watch pods with spec.nodeName field selector',
    );
    assert.equal(decide('get', 'nodes', { name: 'n1' }).decision, 'allow');
    assert.equal(
      decide('get', 'nodes', { name: 'n2' }).reason,
      "node 'n1' cannot read 'n2', only its own Node object",
    );
    assert.equal(decide('list', 'nodes').reason, "node 'n1' cannot read all nodes, only its own Node object");
  });
});
