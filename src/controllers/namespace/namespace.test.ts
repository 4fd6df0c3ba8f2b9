import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConfigMap, Namespace, Secret, ServiceAccount } from '../../api/types/core-v1.ts';
import { configMaps, namespaces, pods, replicaSets } from '../../client/resources.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';

const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' }, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
const inTeam = (kind: string, name: string, more: object = {}) => ({ apiVersion: 'v1', kind, metadata: { name, namespace: 'team', ...more }, spec: { containers: [] } });

describe('namespace controller', () => {
  test('deletes the content, pods first, says what remains, and then the namespace', async () => {
    const { api, clock, client, stop } = await startWithFakeApi(['namespace'], (api) => {
      api.served = [namespaces, pods, configMaps, replicaSets];
      api.put('namespaces', namespace);
      api.put('pods', inTeam('Pod', 'p'));
      api.put('configmaps', inTeam('ConfigMap', 'held', { finalizers: ['example.com/hold'] }));
      api.put('configmaps', inTeam('ConfigMap', 'free'));
      api.put('configmaps', { ...inTeam('ConfigMap', 'other'), metadata: { name: 'other', namespace: 'default' } });
    });
    await client.delete(namespaces, { name: 'team' });
    await clock.advance(1000);
    const deletions = api.writes().filter((write) => write.startsWith('DELETE /api/v1/namespaces/team/'));
    assert.equal(deletions[0], 'DELETE /api/v1/namespaces/team/pods');
    assert.deepEqual(api.list<ConfigMap>('configmaps').map(({ metadata }) => metadata.name), ['held', 'other']);
    const { status } = api.get<Namespace>('namespaces', '', 'team')!;
    assert.equal(status?.phase, 'Terminating');
    const condition = (type: string) => status?.conditions?.find((found) => found.type === type);
    assert.equal(condition('NamespaceContentRemaining')?.message, 'Some resources are remaining: configmaps. has 1 resource instances');
    assert.equal(condition('NamespaceFinalizersRemaining')?.message, 'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances');
    assert.equal(condition('NamespaceDeletionDiscoveryFailure')?.reason, 'ResourcesDiscovered');
    await client.patch(configMaps, { namespace: 'team', name: 'held' }, { metadata: { finalizers: null } }, { type: 'merge' });
    await clock.advance(10_000);
    assert.equal(api.get('namespaces', '', 'team'), undefined);
    await stop();
  });
});

describe('what every namespace has', () => {
  test('a default ServiceAccount and the root certificate, again when they are deleted or changed', async () => {
    const { api, clock, stop } = await startWithFakeApi(['serviceaccount', 'root-ca-certificate-publisher'], (api) => api.put('namespaces', namespace));
    await clock.advance(100);
    assert.ok(api.get<ServiceAccount>('serviceaccounts', 'team', 'default'));
    assert.equal(api.get<ConfigMap>('configmaps', 'team', 'kube-root-ca.crt')?.data?.['ca.crt'], 'the authority');
    api.remove('serviceaccounts', 'team', 'default');
    api.put('configmaps', { ...api.get<ConfigMap>('configmaps', 'team', 'kube-root-ca.crt')!, data: { 'ca.crt': 'forged' } });
    await clock.advance(100);
    assert.ok(api.get<ServiceAccount>('serviceaccounts', 'team', 'default'));
    assert.equal(api.get<ConfigMap>('configmaps', 'team', 'kube-root-ca.crt')?.data?.['ca.crt'], 'the authority');
    await stop();
  });

  test('token secrets are filled while their account exists, and go with it', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/service-account-token', metadata: { name: 't', namespace: 'team', annotations: { 'kubernetes.io/service-account.name': 'robot' } } };
    const { api, clock, stop } = await startWithFakeApi(['serviceaccount-token'], (api) => {
      api.put('serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace: 'team', uid: 'robot-uid' } });
      api.put('secrets', secret);
    });
    await clock.advance(100);
    const filled = api.get<Secret>('secrets', 'team', 't');
    assert.equal(Buffer.from(filled?.data?.['token'] ?? '', 'base64').toString(), 'a token');
    assert.equal(filled?.metadata.annotations?.['kubernetes.io/service-account.uid'], 'robot-uid');
    api.remove('serviceaccounts', 'team', 'robot');
    await clock.advance(100);
    assert.equal(api.get('secrets', 'team', 't'), undefined);
    await stop();
  });
});
