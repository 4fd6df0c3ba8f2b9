import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../api/types/core-v1.ts';
import { cniConfigList } from './cni-config.ts';
import { isInNetwork, podTopology } from './pod-routes.ts';

function node(name: string, address: string, ...podCIDRs: string[]): Node {
  return { metadata: { name }, spec: { podCIDRs }, status: { addresses: [{ type: 'Hostname', address: name }, { type: 'InternalIP', address }] } };
}

test('a node has routes to the pods of those on its own network', () => {
  const all = [node('a', '10.0.0.1', '10.244.0.0/24'), node('b', '10.0.0.2', '10.244.1.0/24'), node('far', '10.9.0.3', '10.244.2.0/24'), node('new', '10.0.0.4')];
  assert.deepEqual(podTopology('a', all, ['10.0.0.1/24', 'fe80::1/64']), {
    own: ['10.244.0.0/24'],
    routes: [{ block: '10.244.1.0/24', via: '10.0.0.2' }],
    inside: ['10.244.0.0/24', '10.0.0.1', '10.244.1.0/24', '10.0.0.2', '10.0.0.4'],
  });
});

test('each family by its own addresses', () => {
  const dual = node('b', '10.0.0.2', '10.244.1.0/24', 'fd00:1::/64');
  dual.status?.addresses?.push({ type: 'InternalIP', address: 'fd00::2' });
  assert.deepEqual(podTopology('a', [dual], ['10.0.0.1/24']).routes, [{ block: '10.244.1.0/24', via: '10.0.0.2' }]);
  assert.deepEqual(podTopology('a', [dual], ['10.0.0.1/24', 'fd00::1/64']).routes, [
    { block: '10.244.1.0/24', via: '10.0.0.2' },
    { block: 'fd00:1::/64', via: 'fd00::2' },
  ]);
});

test('what is in a network', () => {
  const cases: readonly [string, string, boolean][] = [
    ['10.0.0.255', '10.0.0.1/24', true],
    ['10.0.1.0', '10.0.0.1/24', false],
    ['fd00::ff', 'fd00::1/64', true],
    ['10.0.0.1', 'fd00::1/64', false],
    ['nonsense', '10.0.0.1/24', false],
    ['1.2.3.4', '0.0.0.0/0', true],
  ];
  assert.deepEqual(cases.map(([address, network]) => isInNetwork(address, network)), cases.map(([, , is]) => is));
});

test('the network’s configuration has a range and a way out for each family', () => {
  const { plugins } = JSON.parse(cniConfigList({ podCidrs: ['10.244.0.0/24', 'fd00::/64'], mtu: 1400 })) as { plugins: { type: string; mtu?: number; ipam?: { ranges: unknown; routes: unknown } }[] };
  assert.deepEqual(plugins.map(({ type }) => type), ['bridge', 'portmap']);
  assert.deepEqual(plugins[0]?.ipam?.ranges, [[{ subnet: '10.244.0.0/24' }], [{ subnet: 'fd00::/64' }]]);
  assert.deepEqual(plugins[0]?.ipam?.routes, [{ dst: '0.0.0.0/0' }, { dst: '::/0' }]);
  assert.equal(plugins[0]?.mtu, 1400);
});
