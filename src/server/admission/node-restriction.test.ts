import { describe, test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import { MemoryView } from './memory-view.testing.ts';
import { NodeRestriction } from './node-restriction.ts';
import { admit, asked, pod, refused } from './rig.testing.ts';
import type { Asked } from './rig.testing.ts';

const user = { username: 'system:node:n1', groups: ['system:nodes'] };
const view = new MemoryView()
  .put('', 'nodes', { metadata: { name: 'n1', uid: 'node-1' } })
  .put('', 'pods', {
    metadata: { name: 'own', namespace: 'default', uid: 'pod-1' },
    spec: { nodeName: 'n1' },
  })
  .put('', 'pods', {
    metadata: { name: 'foreign', namespace: 'default', uid: 'pod-2' },
    spec: { nodeName: 'n2' },
  });
const never = { authorize: () => ({ decision: 'no-opinion', reason: '' }) as const };
const plugin = new NodeRestriction(view, never, (pem) => ({ commonName: pem, organizations: [] }));

const byNode = (resource: string, object: KubeObject | undefined, more: Asked = {}) =>
  asked(resource, object, { user, ...more });
const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'node-1', controller: true };
const mirror = (metadata: object = {}, spec: object = {}) =>
  pod(
    { nodeName: 'n1', ...spec },
    { annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [owner], ...metadata },
  );
const tokenFor = (name: string, uid: string) => ({
  metadata: { name: 'robot' },
  spec: { audiences: [], boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid } },
});

describe('NodeRestriction', () => {
  test('others are not restricted', async () => {
    await admit(plugin, asked('pods', pod()));
  });

  test('mirror pods', async () => {
    await admit(plugin, byNode('pods', mirror()));
    const no = (object: KubeObject, why: string) =>
      refused(plugin, byNode('pods', object), `pods "web" is forbidden: ${why}`);
    await no(
      pod(),
      'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    );
    await no(
      mirror({}, { nodeName: 'n2' }),
      'node "n1" can only create pods with spec.nodeName set to itself',
    );
    await no(
      mirror({ ownerReferences: [] }),
      'node "n1" can only create pods with an owner reference set to itself',
    );
    await no(
      mirror({ ownerReferences: [{ ...owner, uid: 'x' }] }),
      'node n1 UID mismatch: expected x got node-1',
    );
    await no(
      mirror({}, { serviceAccountName: 'a' }),
      'node "n1" can not create pods that reference serviceaccounts',
    );
    await no(
      mirror({}, { volumes: [{ name: 'v', secret: { secretName: 's' } }] }),
      'node "n1" can not create pods that reference secrets',
    );
  });

  test('pods of its own', async () => {
    const deletion = (name: string) => byNode('pods', undefined, { operation: 'DELETE', name });
    await admit(plugin, deletion('own'));
    await refused(
      plugin,
      deletion('foreign'),
      'pods "foreign" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    );
    await refused(plugin, deletion('ghost'), 'pods "ghost" not found', 404);
    const own = pod({ nodeName: 'n1' });
    await admit(plugin, byNode('pods', own, { old: own, subresource: 'status' }));
    await refused(
      plugin,
      byNode('pods', pod({ nodeName: 'n1' }, { labels: { a: 'b' } }), { old: own, subresource: 'status' }),
      'pods "web" is forbidden: node "n1" cannot update labels through pod status',
    );
    await refused(
      plugin,
      byNode('pods', own, { old: own, subresource: 'exec' }),
      `pods "web" is forbidden: unexpected pod subresource "exec", only 'status' and 'eviction' are allowed`,
    );
  });

  test('itself, but for what keeps workloads off it', async () => {
    const node = (labels: Record<string, string> = {}, name = 'n1') => ({ metadata: { name, labels } });
    await admit(
      plugin,
      byNode(
        'nodes',
        node({ 'kubernetes.io/hostname': 'n1', 'example.com/a': 'b', 'node.kubernetes.io/x': 'y' }),
      ),
    );
    await refused(
      plugin,
      byNode('nodes', node({}, 'n2')),
      'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    );
    await refused(
      plugin,
      byNode('nodes', node({ 'node-restriction.kubernetes.io/a': 'b', 'foo.k8s.io/c': 'd' })),
      'nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: foo.k8s.io/c, node-restriction.kubernetes.io/a',
    );
    await refused(
      plugin,
      byNode('nodes', node(), { old: { ...node(), spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } } }),
      'nodes "n1" is forbidden: node "n1" is not allowed to modify taints',
    );
    await refused(
      plugin,
      byNode('nodes', node({ 'node-restriction.kubernetes.io/a': 'b' }), { old: node() }),
      'nodes "n1" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/a',
    );
  });

  test('tokens for its pods', async () => {
    const token = (request: KubeObject) =>
      byNode('serviceaccounts', request, { operation: 'CREATE', subresource: 'token', name: 'robot' });
    await refused(
      plugin,
      token(tokenFor('own', 'pod-1')),
      'serviceaccounts "robot" is forbidden: audience "" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
    );
    const volumes = [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }];
    view.put('', 'pods', {
      metadata: { name: 'own', namespace: 'default', uid: 'pod-1' },
      spec: { nodeName: 'n1', volumes },
    });
    await admit(plugin, token(tokenFor('own', 'pod-1')));
    await refused(
      plugin,
      token(tokenFor('foreign', 'pod-2')),
      'serviceaccounts "robot" is forbidden: node requested token bound to a pod scheduled on a different node',
    );
    await refused(
      plugin,
      token({ metadata: {}, spec: {} }),
      'serviceaccounts "robot" is forbidden: node requested token not bound to a pod',
    );
  });

  test('leases, CSINodes and certificate requests in its own name', async () => {
    const lease = (name: string, namespace: string) =>
      byNode('leases', { metadata: { name, namespace } }, { group: 'coordination.k8s.io' });
    await admit(plugin, lease('n1', 'kube-node-lease'));
    await refused(
      plugin,
      lease('n1', 'default'),
      'leases.coordination.k8s.io "n1" is forbidden: can only access leases in the "kube-node-lease" system namespace',
    );
    await refused(
      plugin,
      lease('n2', 'kube-node-lease'),
      'leases.coordination.k8s.io "n2" is forbidden: can only access node lease with the same name as the requesting node',
    );
    const csr = (commonName: string) =>
      byNode(
        'certificatesigningrequests',
        {
          metadata: { name: 'c' },
          spec: {
            signerName: 'kubernetes.io/kubelet-serving',
            request: Buffer.from(commonName).toString('base64'),
          },
        },
        { group: 'certificates.k8s.io' },
      );
    await admit(plugin, csr('system:node:n1'));
    await refused(
      plugin,
      csr('system:node:n2'),
      'certificatesigningrequests.certificates.k8s.io "c" is forbidden: can only create a node CSR with CN=system:node:n1',
    );
  });
});
