import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { formatQuantity } from '../quantity.ts';
import type { KubeObject } from '../object.ts';
import { podMatchesScope } from './scopes.ts';
import { usageRuleFor } from './usage.ts';

function usageOf(
  group: string,
  resource: string,
  object: KubeObject,
  now = 0,
): Record<string, string> | undefined {
  const usage = usageRuleFor(group, resource)?.usageOf(object, now);
  return (
    usage && Object.fromEntries([...usage].map(([name, amount]) => [name, formatQuantity(amount)]).sort())
  );
}

const metadata = { name: 'x' };

describe('quota usage', () => {
  test('pods: requests, limits and extended resources', () => {
    const resources = {
      requests: { cpu: '1', 'example.com/gpu': '2', 'hugepages-2Mi': '4Mi' },
      limits: { cpu: '2', memory: '1Gi' },
    };
    assert.deepEqual(usageOf('', 'pods', { metadata, spec: { containers: [{ name: 'c', resources }] } }), {
      'count/pods': '1',
      cpu: '1',
      'hugepages-2Mi': '4Mi',
      'limits.cpu': '2',
      'limits.memory': '1Gi',
      pods: '1',
      'requests.cpu': '1',
      'requests.example.com/gpu': '2',
      'requests.hugepages-2Mi': '4Mi',
    });
  });

  test('pods that are over are only counted', () => {
    const spec = { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] };
    assert.deepEqual(usageOf('', 'pods', { metadata, spec, status: { phase: 'Failed' } }), {
      'count/pods': '1',
    });
    const going = {
      metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 },
      spec,
    };
    assert.equal(usageOf('', 'pods', going, Date.parse('2026-01-01T00:00:59Z'))?.['pods'], '1');
    assert.equal(usageOf('', 'pods', going, Date.parse('2026-01-01T00:01:01Z'))?.['pods'], undefined);
  });

  test('services and claims', () => {
    const ports = [{ port: 1, nodePort: 30000 }, { port: 2 }];
    const service = (spec: object) => usageOf('', 'services', { metadata, spec: { ports, ...spec } });
    assert.deepEqual(service({ type: 'LoadBalancer' }), {
      'count/services': '1',
      services: '1',
      'services.loadbalancers': '1',
      'services.nodeports': '2',
    });
    assert.equal(
      service({ type: 'LoadBalancer', allocateLoadBalancerNodePorts: false })?.['services.nodeports'],
      '1',
    );
    assert.deepEqual(
      usageOf('', 'persistentvolumeclaims', {
        metadata,
        spec: { storageClassName: 'gold', resources: { requests: { storage: '1Gi' } } },
      }),
      {
        'count/persistentvolumeclaims': '1',
        'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
        'gold.storageclass.storage.k8s.io/requests.storage': '1Gi',
        persistentvolumeclaims: '1',
        'requests.storage': '1Gi',
      },
    );
  });

  test('anything else is counted, reviews and events are not', () => {
    assert.deepEqual(usageOf('', 'secrets', { metadata }), { 'count/secrets': '1', secrets: '1' });
    assert.deepEqual(usageOf('apps', 'deployments', { metadata }), { 'count/deployments.apps': '1' });
    assert.equal(usageRuleFor('', 'events'), undefined);
  });

  test('which names a rule counts', () => {
    const counts = (name: string) => usageRuleFor('', 'pods')?.counts(name);
    for (const name of ['pods', 'requests.cpu', 'limits.memory', 'hugepages-2Mi', 'requests.example.com/gpu'])
      assert.equal(counts(name), true, name);
    for (const name of ['services', 'example.com/gpu', 'requests.storage'])
      assert.equal(counts(name), false, name);
  });

  test('scopes', () => {
    const pod = { metadata, spec: { containers: [], priorityClassName: 'high' } };
    const matches = (scopeName: string, operator = 'Exists', values: string[] = []) =>
      podMatchesScope(pod, { scopeName, operator, values });
    assert.deepEqual(
      [
        matches('NotTerminating'),
        matches('BestEffort'),
        matches('NotBestEffort'),
        matches('CrossNamespacePodAffinity'),
      ],
      [true, true, false, false],
    );
    assert.deepEqual(
      [
        matches('PriorityClass', 'In', ['high']),
        matches('PriorityClass', 'In', ['low']),
        matches('PriorityClass', 'NotIn', ['low']),
      ],
      [true, false, true],
    );
    const preferredDuringSchedulingIgnoredDuringExecution = [
      { weight: 1, podAffinityTerm: { topologyKey: 'k', namespaces: ['a'] } },
    ];
    const reaching = {
      metadata,
      spec: {
        containers: [],
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [],
            preferredDuringSchedulingIgnoredDuringExecution,
          },
        },
      },
    };
    assert.equal(
      podMatchesScope(reaching, { scopeName: 'CrossNamespacePodAffinity', operator: 'Exists' }),
      true,
    );
  });
});
