import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { podRequestQuantities, podRequests } from './pod-resources.ts';
import { computeQos } from './qos.ts';
import { formatQuantity } from './quantity.ts';
import type { Container, Pod, PodSpec } from './types/core-v1.ts';

const asking = (cpu: string, more: Partial<Container> = {}): Container => ({ name: `c${cpu}`, resources: { requests: { cpu } }, ...more });
const pod = (spec: Partial<PodSpec>, status: Pod['status'] = undefined): Pod => ({ spec: { containers: [], ...spec }, status }) as Pod;
const cpuOf = (one: Pod) => podRequests(one).get('cpu');

describe('what a pod asks for', () => {
  test('the sum of its containers, cpu in thousandths', () => {
    const requests = podRequests(pod({ containers: [asking('100m'), { name: 'b', resources: { requests: { cpu: '1', memory: '1Ki' } } }] }));
    assert.deepEqual([...requests], [['cpu', 1100], ['memory', 1024]]);
  });

  test('or the largest init container', () => assert.equal(cpuOf(pod({ containers: [asking('1')], initContainers: [asking('3'), asking('2')] })), 3000));

  test('sidecars run beside both', () => {
    const sidecar = asking('1', { restartPolicy: 'Always' });
    assert.equal(cpuOf(pod({ containers: [asking('1')], initContainers: [sidecar, asking('3')] })), 4000);
    assert.equal(cpuOf(pod({ containers: [asking('5')], initContainers: [sidecar, asking('3')] })), 6000);
  });

  test('pod-level amounts stand for the sum, overhead comes on top', () => {
    assert.equal(cpuOf(pod({ containers: [asking('1')], resources: { requests: { cpu: '2' } }, overhead: { cpu: '250m' } })), 2250);
  });

  test('a resize counts with the highest until it is through', () => {
    const containerStatuses = [{ name: 'c1', resources: { requests: { cpu: '3' } }, allocatedResources: { cpu: '2' } }];
    assert.equal(cpuOf(pod({ containers: [asking('1')] }, { containerStatuses } as never)), 3000);
  });

  test('exactly, where it is asked exactly', () => {
    const exact = podRequestQuantities(pod({ containers: [asking('100m'), asking('200m')] })).get('cpu')!;
    assert.equal(formatQuantity(exact), '300m');
  });
});

describe('quality of service', () => {
  const all = { cpu: '1', memory: '1Gi' };
  const cases: readonly [string, Container['resources'], string][] = [
    ['nothing asked', {}, 'BestEffort'],
    ['equal limits and requests', { limits: all, requests: all }, 'Guaranteed'],
    ['only one limited', { limits: { cpu: '1' }, requests: { cpu: '1' } }, 'Burstable'],
    ['requests below limits', { limits: all, requests: { ...all, cpu: '500m' } }, 'Burstable'],
    ['other resources do not count', { requests: { 'ephemeral-storage': '1Gi' } }, 'BestEffort'],
  ];
  for (const [name, resources, expected] of cases) {
    test(name, () => assert.equal(computeQos(pod({ containers: [{ name: 'c', resources }] })), expected));
  }
});
