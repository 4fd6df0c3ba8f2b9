import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { blockRange, canonicalIp, formatRange, rangesWithout } from './address.ts';
import { chooseEndpoints } from './endpoint-choice.ts';
import type { Endpoint } from './endpoint-choice.ts';
import { familyWords } from './nft/service-base.ts';
import { portParts } from './nft/service-rules.ts';
import { portModels } from './service-model.ts';
import { parseFlows, staleFlows } from './udp-flows.ts';

const here = { nodeName: 'node', zone: 'near' };
const one = (ip: string, more: Partial<Endpoint> = {}): Endpoint => ({ ip, port: 80, ready: true, serving: true, terminating: false, local: false, nodeHints: [], zoneHints: [], ...more });
const leaving = { ready: false, terminating: true };
const ips = (list: readonly { readonly ip: string }[]) => list.map(({ ip }) => ip).join(' ');

describe('endpoints for a node', () => {
  const cases: Record<string, { endpoints: Endpoint[]; cluster: string; local: string; any: boolean }> = {
    none: { endpoints: [], cluster: '', local: '', any: false },
    'only the ready ones': { endpoints: [one('a', { local: true }), one('b', { ready: false, serving: false })], cluster: 'a', local: 'a', any: true },
    'those that leave, when there are no others': { endpoints: [one('a', leaving), one('b', { ready: false, serving: false })], cluster: 'a', local: '', any: true },
    'here those that leave, elsewhere a ready one': { endpoints: [one('a', { ...leaving, local: true }), one('b')], cluster: 'b', local: 'a', any: true },
    'hints for this zone': { endpoints: [one('a', { zoneHints: ['near'] }), one('b', { zoneHints: ['far'] })], cluster: 'a', local: '', any: true },
    'hints for no zone of ours': { endpoints: [one('a', { zoneHints: ['far'] }), one('b', { zoneHints: ['far'] })], cluster: 'a b', local: '', any: true },
    'hints that some lack': { endpoints: [one('a', { zoneHints: ['near'] }), one('b')], cluster: 'a b', local: '', any: true },
    'a node hint before a zone hint': { endpoints: [one('a', { zoneHints: ['near'], nodeHints: ['other'] }), one('b', { zoneHints: ['near'], nodeHints: ['node'] })], cluster: 'b', local: '', any: true },
    'a zone hint where no node hint is for us': { endpoints: [one('a', { zoneHints: ['near'], nodeHints: ['x'] }), one('b', { zoneHints: ['far'], nodeHints: ['y'] })], cluster: 'a', local: '', any: true },
  };
  for (const [name, { endpoints, cluster, local, any }] of Object.entries(cases)) {
    test(name, () => {
      const choice = chooseEndpoints(endpoints, { cluster: true, local: true }, here);
      assert.deepEqual([ips(choice.cluster), ips(choice.local), choice.any], [cluster, local, any]);
    });
  }
});

const service = (spec: Service['spec'], more: Partial<Service> = {}): Service => ({ metadata: { name: 'web', namespace: 'default' }, spec, ...more });
const slice = (name: string, addresses: string[], more: Partial<EndpointSlice> = {}): EndpointSlice => ({
  metadata: { name },
  addressType: 'IPv4',
  ports: [{ name: '', port: 8080 }],
  endpoints: addresses.map((ip) => ({ addresses: [ip], nodeName: 'node' })),
  ...more,
});

describe('service models', () => {
  test('Services that are none for proxies have none', () => {
    const ports = [{ port: 80 }];
    for (const spec of [{ type: 'ExternalName', ports }, { clusterIP: 'None', ports }, { clusterIP: '', ports }]) assert.deepEqual(portModels(service(spec), [], 'IPv4', here), []);
    assert.deepEqual(portModels(service({ clusterIP: '10.0.0.1', ports }), [], 'IPv6', here), []);
    assert.deepEqual(portModels({ ...service({ clusterIP: '10.0.0.1', ports }), metadata: { name: 'x', labels: { 'service.kubernetes.io/service-proxy-name': 'other' } } }, [], 'IPv4', here), []);
  });

  test('slices are put together by port name and family, each endpoint once, in order', () => {
    const spec = { clusterIP: '10.0.0.1', ports: [{ name: 'a', port: 80 }, { name: 'b', port: 81 }] };
    const ports = [{ name: 'a', port: 8080 }];
    const slices = [slice('1', ['10.1.0.2', '10.1.0.1'], { ports }), slice('2', ['10.1.0.1', '10.1.0.3'], { ports }), slice('3', ['fd00::1'], { ports, addressType: 'IPv6' })];
    const [a, b] = portModels(service(spec), slices, 'IPv4', here);
    assert.equal(ips(a!.cluster), '10.1.0.1 10.1.0.2 10.1.0.3');
    assert.equal(a!.cluster[0]!.port, 8080);
    assert.equal(b!.anyEndpoints, false);
  });

  test('one change of an endpoint is one element in nftables', () => {
    const spec = { clusterIP: '10.0.0.1', ports: [{ port: 80 }] };
    const partsOf = (addresses: string[]) => portParts(familyWords.IPv4, portModels(service(spec), [slice('1', addresses)], 'IPv4', here)[0]!, { clusterCidrs: [], nodeIps: [] });
    const text = (addresses: string[]) => new Set(partsOf(addresses).map(({ place, key, value }) => `${place} ${key} ${value}`));
    const before = text(['10.1.0.1', '10.1.0.2']);
    const after = text(['10.1.0.1', '10.1.0.3']);
    const changed = [...after].filter((part) => !before.has(part) && !part.includes('hairpin'));
    assert.deepEqual(changed, ['ip element tcp-endpoints 10.0.0.1 . 80 . 1 10.1.0.3 . 8080']);
  });
});

describe('addresses', () => {
  test('have one spelling', () => {
    assert.equal(canonicalIp('2001:DB8:0:0::1'), '2001:db8::1');
    assert.equal(canonicalIp('::ffff:1.2.3.4') !== undefined, true);
    assert.equal(canonicalIp('no'), undefined);
    assert.equal(formatRange(blockRange('10.1.2.3/8')!), '10.0.0.0/8');
  });

  test('blocks without their exceptions', () => {
    const without = (blocks: string[], holes: string[]) => rangesWithout(blocks.map((block) => blockRange(block)!), holes.map((hole) => blockRange(hole)!)).map(formatRange).join(' ');
    assert.equal(without(['10.0.0.0/24'], ['10.0.0.0/25']), '10.0.0.128/25');
    assert.equal(without(['10.0.0.0/24'], ['10.0.0.1/32', '10.0.0.255']), '10.0.0.0 10.0.0.2-10.0.0.254');
    assert.equal(without(['10.0.0.0/24', '10.0.1.0/24', '10.0.0.7'], []), '10.0.0.0/23');
    assert.equal(without(['10.0.0.0/24'], ['10.0.0.0/8']), '');
    assert.equal(without(['fd00::/64'], ['fd00::/65']), 'fd00::8000:0:0:0/65');
  });
});

describe('UDP flows', () => {
  test('are stale when they go where their Service has no endpoint', () => {
    const line = (to: string, port: number, answers: string) => `udp      17 29 src=10.1.0.9 dst=${to} sport=4000 dport=${port} [UNREPLIED] src=${answers} dst=10.1.0.9 sport=53 dport=4000 mark=0 use=1`;
    const flows = parseFlows([line('10.96.0.1', 53, '10.1.0.1'), line('10.96.0.1', 53, '10.1.0.2'), line('192.0.2.1', 30053, '10.1.0.2'), line('8.8.8.8', 53, '8.8.8.8'), ''].join('\n'));
    assert.equal(flows.length, 4);
    const destinations = new Map([['10.96.0.1 53', new Set(['10.1.0.1 53'])], ['* 30053', new Set(['10.1.0.1 53'])]]);
    assert.deepEqual(staleFlows(flows, destinations, ['192.0.2.1']).map(({ destination, answering }) => `${destination} ${answering}`), ['10.96.0.1 10.1.0.2 53', '192.0.2.1 10.1.0.2 53']);
  });
});
