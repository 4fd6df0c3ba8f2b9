import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod, ResourceQuota } from '../../api/types/core-v1.ts';
import { configMaps, deployments, pods } from '../../client/resources.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';

const quota = (name: string, spec: ResourceQuota['spec']): ResourceQuota => ({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name, namespace: 'team' }, spec });
const pod = (name: string, more: Partial<Pod> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'team' },
  spec: { containers: [{ name: 'c', resources: { requests: { cpu: '250m', memory: '1Gi' }, limits: { cpu: '1' } } }] },
  ...more,
});
const other = (kind: string, name: string, namespace = 'team') => ({ apiVersion: 'v1', kind, metadata: { name, namespace } });

describe('resource quota controller', () => {
  test('adds up what is there, by scope, and again when something goes', async () => {
    const { api, clock, stop } = await startWithFakeApi(['resourcequota'], (api) => {
      api.served = [pods, configMaps, deployments];
      const hard = { pods: '10', 'requests.cpu': '4', memory: '8Gi', 'limits.cpu': '8', 'count/pods': '9', configmaps: '3', 'count/deployments.apps': '5' };
      api.put('resourcequotas', quota('all', { hard }));
      api.put('resourcequotas', quota('cheap', { hard: { pods: '2' }, scopes: ['BestEffort'] }));
      api.put('pods', pod('a'));
      api.put('pods', pod('b'));
      api.put('pods', pod('done', { status: { phase: 'Succeeded' } }));
      api.put('pods', pod('free', { spec: { containers: [{ name: 'c' }] } }));
      api.put('configmaps', other('ConfigMap', 'c'));
      api.put('configmaps', other('ConfigMap', 'c', 'elsewhere'));
      api.put('apps/deployments', other('Deployment', 'd'));
    });
    await clock.advance(1000);
    const used = (name: string) => api.get<ResourceQuota>('resourcequotas', 'team', name)?.status?.used;
    assert.deepEqual(used('all'), { pods: '3', 'requests.cpu': '500m', memory: '2Gi', 'limits.cpu': '2', 'count/pods': '4', configmaps: '1', 'count/deployments.apps': '1' });
    assert.deepEqual(used('cheap'), { pods: '1' });
    api.remove('pods', 'team', 'a');
    await clock.advance(1000);
    assert.equal(used('all')?.['requests.cpu'], '250m');
    await stop();
  });
});
