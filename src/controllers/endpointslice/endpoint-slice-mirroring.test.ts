import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Endpoints, EndpointSubset } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import { mirroredSlices } from './mirrored-slices.ts';

const port = (number: number, name = '') => ({ port: number, name, protocol: 'TCP' });
const made = (...subsets: EndpointSubset[]): Endpoints => ({ apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'db', namespace: 'default', uid: 'e-uid', labels: { team: 'a' } }, subsets });

describe('mirrored slices', () => {
  const cases: [string, Endpoints, [type: string, ports: (number | undefined)[], endpoints: string[]][]][] = [
    ['one for each set of ports', made({ addresses: [{ ip: '10.0.0.1' }], ports: [port(80)] }, { addresses: [{ ip: '10.0.0.2' }], ports: [port(81)] }), [['IPv4', [80], ['10.0.0.1']], ['IPv4', [81], ['10.0.0.2']]]],
    ['one for each type of addresses', made({ addresses: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], ports: [port(80)] }), [['IPv4', [80], ['10.0.0.1']], ['IPv6', [80], ['fd00::1']]]],
    ['ports of the same addresses together', made({ addresses: [{ ip: '10.0.0.1' }], ports: [port(80)] }, { addresses: [{ ip: '10.0.0.1' }], ports: [port(443, 's')] }), [['IPv4', [80, 443], ['10.0.0.1']]]],
    ['not ready wins', made({ addresses: [{ ip: '10.0.0.1' }], ports: [port(80)] }, { notReadyAddresses: [{ ip: '10.0.0.1' }], ports: [port(80)] }), [['IPv4', [80], ['10.0.0.1 not ready']]]],
    ['without ports', made({ addresses: [{ ip: '10.0.0.1' }] }), [['IPv4', [], ['10.0.0.1']]]],
  ];
  for (const [name, endpoints, expected] of cases) {
    test(name, () => {
      const found = mirroredSlices(endpoints).map((slice) => [slice.addressType, slice.ports.map((p) => p.port), slice.endpoints.map(({ addresses, conditions }) => `${addresses[0]}${conditions?.ready ? '' : ' not ready'}`)]);
      assert.deepEqual(found, expected);
    });
  }
});

test('follows its Endpoints, and only where the Service has no selector', async () => {
  const service = (selector?: Record<string, string>) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'db', namespace: 'default' }, spec: selector ? { selector } : {} });
  const { api, clock, stop } = await startWithFakeApi(['endpointslicemirroring'], (fake) => {
    fake.put('services', service());
    fake.put('endpoints', made({ addresses: [{ ip: '10.0.0.1' }], ports: [port(80)] }));
  });
  const slices = async () => {
    await clock.advance(2000);
    return api.list<EndpointSlice>('discovery.k8s.io/endpointslices');
  };
  const [first, ...others] = await slices();
  assert.equal(others.length, 0);
  assert.deepEqual(first?.metadata.labels, { team: 'a', 'kubernetes.io/service-name': 'db', 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' });
  api.put('endpoints', made({ addresses: [{ ip: '10.0.0.9' }], ports: [port(90)] }));
  const [changed] = await slices();
  assert.deepEqual([changed?.metadata.name, changed?.ports?.[0]?.port, changed?.endpoints?.[0]?.addresses], [first?.metadata.name, 90, ['10.0.0.9']]);
  api.put('services', service({ app: 'db' }));
  assert.equal((await slices()).length, 0);
  api.put('services', service());
  assert.equal((await slices()).length, 1);
  api.put('endpoints', { ...made(), metadata: { ...made().metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } });
  assert.equal((await slices()).length, 0);
  await stop();
});
