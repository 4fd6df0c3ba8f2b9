import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterDnsAddress } from '../../api/cluster-dns.ts';
import type { Node, Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';

const node = (name: string, address: string | undefined, ready = 'True') => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, uid: `uid-${name}`, ...(address ? { annotations: { 'dns.coxswain.dev/address': address } } : {}) },
  spec: {},
  status: { conditions: [{ type: 'Ready', status: ready }] },
});
const slices = 'discovery.k8s.io/endpointslices';
const ranges = { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/12'] } };

test('the servers of nodes become the endpoints of kube-dns, and follow the nodes', async () => {
  const { api, clock, stop } = await startWithFakeApi(['cluster-dns'], (api) => {
    api.put('networking.k8s.io/servicecidrs', ranges);
    api.put('nodes', node('hollow', undefined));
  });
  await clock.advance(1000);
  assert.deepEqual(api.writes(), [], 'nothing where no node serves');

  api.put('nodes', node('a', '172.16.0.1,fd00::1'));
  api.put('nodes', node('b', '172.16.0.2', 'False'));
  await clock.advance(1000);
  assert.equal(api.get<Service>('services', 'kube-system', 'kube-dns')?.spec.clusterIP, '10.96.0.10');
  const told = (family: string) => api.get<EndpointSlice>(slices, 'kube-system', `kube-dns-nodes-${family}`)?.endpoints?.map(({ addresses, nodeName, conditions }) => [addresses[0], nodeName, conditions?.ready]);
  assert.deepEqual(told('ipv4'), [['172.16.0.1', 'a', true], ['172.16.0.2', 'b', false]]);
  assert.deepEqual(told('ipv6'), [['fd00::1', 'a', true]]);

  const writes = api.writes().length;
  api.put('nodes', { ...api.get<Node>('nodes', '', 'a'), status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-01T00:05:00Z' }] } });
  await clock.advance(1000);
  assert.equal(api.writes().length, writes, 'a heartbeat is no change');
  api.remove('nodes', '', 'a');
  await clock.advance(1000);
  assert.deepEqual([told('ipv4'), told('ipv6')], [[['172.16.0.2', 'b', false]], []]);
  await stop();
});

test('a DNS that runs as pods is left alone', async () => {
  const { api, clock, stop } = await startWithFakeApi(['cluster-dns'], (api) => {
    api.put('services', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'kube-dns', namespace: 'kube-system' }, spec: { selector: { 'k8s-app': 'kube-dns' }, clusterIP: '10.96.0.10' } });
    api.put('nodes', node('a', '172.16.0.1'));
  });
  await clock.advance(1000);
  assert.deepEqual(api.writes(), []);
  await stop();
});

test('the tenth address of a range', () => {
  assert.equal(clusterDnsAddress('10.96.0.0/12'), '10.96.0.10');
  assert.equal(clusterDnsAddress('fd00:10:96::/112'), 'fd00:10:96::a');
  assert.equal(clusterDnsAddress('10.96.0.0/30'), undefined);
  assert.equal(clusterDnsAddress('nonsense'), undefined);
});
