import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../../api/errors.ts';
import { applyDefaults } from '../../../api/defaulting/defaulters.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { ServiceSpec } from '../../../api/types/core-v1.ts';
import { seededRandom } from '../../../base/random.ts';
import type { StrategyContext } from '../strategy.ts';
import { serviceStrategies } from './core-service.ts';
import { InMemoryServiceAllocator, defaultServiceRanges } from './service-allocator.ts';

const context: StrategyContext = { user: { username: 'u', groups: [] }, namespace: 'default', dryRun: false, now: 0, warn: () => {} };

function cluster(ranges = defaultServiceRanges) {
  const allocator = new InMemoryServiceAllocator(seededRandom(1), ranges);
  const strategy = serviceStrategies(allocator)['/services']!;
  const write = (spec: ServiceSpec, old?: KubeObject) => {
    const service = { metadata: { name: 's' }, spec: structuredClone(spec) } as unknown as KubeObject;
    applyDefaults('', 'v1', 'Service', service);
    if (old) strategy.prepareForUpdate!(service, old, '', context);
    else strategy.prepareForCreate!(service, context);
    const undo = strategy.allocate!(service, old, context) as () => void;
    return { service, spec: service['spec'] as ServiceSpec, undo };
  };
  return { allocator, strategy, write };
}

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return error.message;
  }
  return 'nothing thrown';
}

describe('services', () => {
  test('get an address of the range and single-stack fields', () => {
    const { spec } = cluster().write({ ports: [{ port: 80 }] });
    assert.match(spec.clusterIP!, /^10\.(9[6-9]|10\d|11[01])\./);
    assert.deepEqual([spec.clusterIPs, spec.ipFamilies, spec.ipFamilyPolicy], [[spec.clusterIP], ['IPv4'], 'SingleStack']);
  });

  test('headless ones get none; without a selector they are ready for both families', () => {
    const { write } = cluster();
    assert.deepEqual(write({ clusterIP: 'None', selector: { a: 'b' } }).spec.clusterIPs, ['None']);
    assert.deepEqual(write({ clusterIP: 'None' }).spec.ipFamilies, ['IPv4', 'IPv6']);
  });

  test('what is taken is refused until it is released or undone', () => {
    const { write, strategy } = cluster();
    const ask = { clusterIP: '10.96.0.10', ports: [{ port: 80 }] };
    const first = write(ask);
    const refusal = 'Service "s" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated';
    assert.equal(messageOf(() => write(ask)), refusal);
    first.undo();
    const second = write(ask);
    strategy.release!(second.service);
    write(ask);
    assert.equal(messageOf(() => write(ask)), refusal);
  });

  test('out of range', () => {
    const { write } = cluster();
    assert.equal(
      messageOf(() => write({ clusterIP: '1.2.3.4', ports: [{ port: 80 }] })),
      'Service "s" is invalid: spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: the provided IP (1.2.3.4) is not in the valid range. The range of valid IPs is 10.96.0.0/12',
    );
    assert.equal(
      messageOf(() => write({ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })),
      'Service "s" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    );
  });

  test('TCP and UDP of one port share their node port', () => {
    const { spec } = cluster().write({
      type: 'NodePort',
      ports: [
        { port: 53, name: 'a', protocol: 'TCP', nodePort: 30053 },
        { port: 53, name: 'b', protocol: 'UDP' },
      ],
    });
    assert.deepEqual(spec.ports?.map(({ nodePort }) => nodePort), [30053, 30053]);
  });

  test('a change keeps what was given and frees what is no longer needed', () => {
    const { write, allocator } = cluster();
    const { service, spec } = write({ type: 'NodePort', ports: [{ port: 80, name: 'a' }] });
    const nodePort = spec.ports![0]!.nodePort!;
    const same = write({ type: 'NodePort', ports: [{ port: 81, name: 'a' }] }, service).spec;
    assert.deepEqual([same.clusterIP, same.ports?.[0]?.nodePort], [spec.clusterIP, nodePort]);
    const plain = write({ type: 'ClusterIP', ports: [{ port: 80, name: 'a', nodePort }] }, service);
    assert.equal(plain.spec.ports?.[0]?.nodePort, undefined);
    assert.equal(allocator.takePort(nodePort), undefined);
    allocator.freePort(nodePort);
    plain.undo();
    assert.equal(allocator.takePort(nodePort), 'provided port is already allocated');
  });

  test('the stored ones are known after a restart', () => {
    const { allocator } = cluster();
    allocator.rebuild([{ spec: { clusterIPs: ['10.96.0.7'], ports: [{ port: 1, nodePort: 30007 }], healthCheckNodePort: 30008 } }]);
    assert.deepEqual(
      [allocator.takeIp('10.96.0.7'), allocator.takePort(30007), allocator.takePort(30008), allocator.takePort(30009)],
      ['provided IP is already allocated', 'provided port is already allocated', 'provided port is already allocated', undefined],
    );
  });

  test('a range is handed out to the last, each once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 24, max: 29 }), fc.integer(), (length, seed) => {
        const allocator = new InMemoryServiceAllocator(seededRandom(seed), { cidrs: [`10.0.0.0/${length}`], firstNodePort: 30000, lastNodePort: 30010 });
        const usable = 2 ** (32 - length) - 2;
        const seen = new Set(Array.from({ length: usable }, () => allocator.nextIp('IPv4')));
        assert.equal(seen.size, usable);
        assert.equal(allocator.nextIp('IPv4'), undefined);
      }),
      { numRuns: 20 },
    );
  });

  test('IPv6 addresses are written as RFC 5952 has them', () => {
    const allocator = new InMemoryServiceAllocator(seededRandom(2), { cidrs: ['fd00::/120'], firstNodePort: 30000, lastNodePort: 30010 });
    assert.match(allocator.nextIp('IPv6')!, /^fd00::[0-9a-f]{1,2}$/);
  });
});
