import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Endpoints } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';

const service = (spec = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default', uid: 'svc-uid', labels: { tier: 'front' } },
  spec: { selector: { app: 'web' }, clusterIP: '10.0.0.1', ipFamilies: ['IPv4'], ports: [{ name: 'http', port: 80, targetPort: 'web', protocol: 'TCP' }], ...spec },
});
const pod = (name: string, ready: boolean, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: `uid-${name}`, labels: { app: 'web' }, ...more },
  spec: { nodeName: 'n1', containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 8080 }] }] },
  status: { phase: 'Running', podIP: `10.1.0.${name.length}`, podIPs: [{ ip: `10.1.0.${name.length}` }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'z1' } }, spec: {} };

describe('endpointslice and endpoints controllers', () => {
  test('make the endpoints of a Service and follow its pods', async () => {
    const { api, clock, stop } = await startWithFakeApi(['endpointslice', 'endpoints'], (api) => {
      api.put('nodes', node);
      api.put('services', service());
      api.put('pods', pod('a', true));
      api.put('pods', pod('bb', false));
    });
    await clock.advance(500);
    const [slice, ...others] = api.list<EndpointSlice>('discovery.k8s.io/endpointslices');
    assert.equal(others.length, 0);
    assert.deepEqual(slice?.metadata.labels, {
      tier: 'front',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
    assert.deepEqual(slice?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
    assert.deepEqual(slice?.endpoints?.[0], {
      addresses: ['10.1.0.1'],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: 'n1',
      targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
      zone: 'z1',
    });
    assert.deepEqual(slice?.endpoints?.[1]?.conditions, { ready: false, serving: false, terminating: false });
    const legacy = api.get<Endpoints>('endpoints', 'default', 'web');
    assert.deepEqual(legacy?.subsets?.[0]?.addresses?.map(({ ip }) => ip), ['10.1.0.1']);
    assert.deepEqual(legacy?.subsets?.[0]?.notReadyAddresses?.map(({ ip }) => ip), ['10.1.0.2']);

    api.put('pods', pod('a', true, { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    await clock.advance(500);
    assert.deepEqual(api.list<EndpointSlice>('discovery.k8s.io/endpointslices')[0]?.endpoints?.[0]?.conditions, { ready: false, serving: true, terminating: true });
    assert.equal(api.get<Endpoints>('endpoints', 'default', 'web')?.subsets?.[0]?.addresses, undefined);
    const writes = api.writes().length;
    await clock.advance(10_000);
    assert.equal(api.writes().length, writes, 'at rest nothing is written');
    await stop();
  });

  test('hint at the near ones where the Service asks for it, in both families', async () => {
    const { api, clock, stop } = await startWithFakeApi(['endpointslice'], (api) => {
      api.put('nodes', node);
      api.put('services', service({ trafficDistribution: 'PreferSameNode', ipFamilies: ['IPv4', 'IPv6'] }));
      const ready = pod('a', true);
      api.put('pods', { ...ready, status: { ...ready.status, podIPs: [{ ip: '10.1.0.1' }, { ip: 'fd00::1' }] } });
      api.put('pods', pod('bb', false));
    });
    await clock.advance(500);
    const slices = () => api.list<EndpointSlice>('discovery.k8s.io/endpointslices').toSorted((a, b) => (a.addressType < b.addressType ? -1 : 1));
    assert.deepEqual(slices().map(({ addressType, endpoints }) => [addressType, endpoints?.map(({ addresses }) => addresses[0])]), [['IPv4', ['10.1.0.1', '10.1.0.2']], ['IPv6', ['fd00::1']]]);
    assert.deepEqual(slices()[0]?.endpoints?.map(({ hints }) => hints), [{ forZones: [{ name: 'z1' }], forNodes: [{ name: 'n1' }] }, undefined]);
    api.put('services', service({ trafficDistribution: 'PreferClose', ipFamilies: ['IPv4', 'IPv6'] }));
    await clock.advance(500);
    assert.deepEqual(slices()[1]?.endpoints?.[0]?.hints, { forZones: [{ name: 'z1' }] });
    await stop();
  });
});
