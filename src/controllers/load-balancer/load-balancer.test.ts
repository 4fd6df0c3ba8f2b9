import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Service } from '../../api/types/core-v1.ts';
import { services } from '../../client/resources.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import { AddressPool } from './address-pool.ts';

const service = (name: string, spec: object = {}, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default', uid: name },
  spec: { type: 'LoadBalancer', clusterIP: '10.96.0.7', ipFamilies: ['IPv4'], ports: [{ port: 80 }], ...spec },
  ...more,
});

describe('pool of addresses', () => {
  test('hands out each address once, and those that are asked for', () => {
    const pool = new AddressPool(['192.0.2.0/30', '2001:db8::/127']);
    assert.deepEqual([pool.take('IPv4', 'a'), pool.take('IPv4', 'b'), pool.take('IPv4', 'c')], ['192.0.2.1', '192.0.2.2', undefined]);
    assert.equal(pool.claim('192.0.2.1', 'b'), false);
    assert.equal(pool.claim('198.51.100.1', 'b'), false);
    pool.release('a');
    assert.equal(pool.claim('192.0.2.1', 'b'), true);
    assert.equal(pool.take('IPv6', 'b'), '2001:db8::');
    assert.throws(() => new AddressPool(['192.0.2.0']), /no block/);
  });
});

describe('load balancers', () => {
  const rig = (prepare: Parameters<typeof startWithFakeApi>[1]) => startWithFakeApi(['service-lb-controller'], prepare, { loadBalancerPool: ['192.0.2.0/29', '2001:db8::/120'] });
  const ips = (of: Service | undefined) => of?.status?.loadBalancer?.ingress?.map(({ ip }) => ip);

  test('get addresses and a finalizer; those with a class, and other types, do not', async () => {
    const { api, clock, stop } = await rig((api) => {
      api.put('services', service('kept', {}, { status: { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] } } }));
      api.put('services', service('one'));
      api.put('services', service('dual', { ipFamilies: ['IPv4', 'IPv6'] }));
      api.put('services', service('asked', { loadBalancerIP: '192.0.2.6' }));
      api.put('services', service('theirs', { loadBalancerClass: 'example.com/lb' }));
      api.put('services', service('plain', { type: 'ClusterIP' }));
    });
    await clock.advance(100);
    const get = (name: string) => api.get<Service>('services', 'default', name);
    assert.deepEqual(['kept', 'one', 'dual', 'asked', 'theirs', 'plain'].map((name) => ips(get(name))), [['192.0.2.1'], ['192.0.2.2'], ['192.0.2.3', '2001:db8::'], ['192.0.2.6'], undefined, undefined]);
    assert.deepEqual(get('one')?.metadata.finalizers, ['service.kubernetes.io/load-balancer-cleanup']);
    assert.equal(get('one')?.status?.loadBalancer?.ingress?.[0]?.ipMode, 'VIP');
    assert.equal(get('plain')?.metadata.finalizers, undefined);
    const writes = api.writes().length;
    await clock.advance(10_000);
    assert.equal(api.writes().length, writes, 'at rest nothing is written');
    await stop();
  });

  test('give them back with their type, and with their end; whoever waits gets them then', async () => {
    const { api, client, clock, stop } = await rig((api) => {
      for (let i = 1; i <= 6; i++) api.put('services', service(`s${i}`));
      api.put('services', service('waiting'));
    });
    await clock.advance(100);
    assert.equal(ips(api.get<Service>('services', 'default', 'waiting')), undefined);
    await client.patch(services, { namespace: 'default', name: 's3' }, { spec: { type: 'ClusterIP' } }, { type: 'merge' });
    await clock.advance(100);
    assert.deepEqual(api.get<Service>('services', 'default', 's3')?.metadata.finalizers ?? [], []);
    assert.deepEqual(ips(api.get<Service>('services', 'default', 'waiting')), ['192.0.2.3']);
    await client.delete(services, { namespace: 'default', name: 's1' });
    await clock.advance(100);
    assert.equal(api.get('services', 'default', 's1'), undefined);
    await stop();
  });
});
