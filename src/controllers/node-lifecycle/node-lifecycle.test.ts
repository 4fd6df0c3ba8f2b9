import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import type { FakeApi } from '../../client/testing/fake-api.ts';
import type { ManualClock } from '../../client/testing/manual-clock.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import { evictionDelayMs } from '../taint-eviction/eviction-delay.ts';
import { wantedTaints } from './node-health.ts';
import { evictionRate } from './zone-disruption.ts';

const node = (name: string, ready = 'True'): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, uid: `uid-${name}` },
  spec: {},
  status: { conditions: [{ type: 'Ready', status: ready, lastHeartbeatTime: '2026-01-01T00:00:00Z' }] },
});
const lease = (name: string, renewTime: string) => ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: 'kube-node-lease', uid: `lease-${name}` }, spec: { renewTime } });
const pod = (name: string, nodeName: string, tolerations: Pod['spec']['tolerations'] = []): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: `uid-${name}` },
  spec: { nodeName, containers: [], tolerations },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
});

describe('taints', () => {
  test('follow conditions, and leave those of others alone', () => {
    const other = { key: 'example.com/mine', effect: 'NoSchedule' };
    const lost = { ...node('a', 'Unknown'), spec: { taints: [other] } };
    const taints = wantedTaints({ node: lost, mayEvict: true, nowMs: 0 });
    assert.deepEqual(taints?.map(({ key, effect }) => `${key}:${effect}`), [
      'example.com/mine:NoSchedule',
      'node.kubernetes.io/unreachable:NoSchedule',
      'node.kubernetes.io/unreachable:NoExecute',
    ]);
    assert.equal(wantedTaints({ node: { ...lost, spec: { taints } }, mayEvict: true, nowMs: 0 }), undefined);
    const back = { ...node('a'), spec: { taints } };
    assert.deepEqual(wantedTaints({ node: back, mayEvict: false, nowMs: 0 }), [other]);
  });

  test('how long a pod may stay', () => {
    const taint = { key: 'k', effect: 'NoExecute' };
    assert.equal(evictionDelayMs([taint], []), 0);
    assert.equal(evictionDelayMs([taint], [{ key: 'k', operator: 'Exists', tolerationSeconds: 30 }]), 30_000);
    assert.equal(evictionDelayMs([taint], [{ operator: 'Exists' }]), undefined);
    assert.equal(evictionDelayMs([taint, { key: 'l', effect: 'NoExecute' }], [{ key: 'k', operator: 'Exists' }]), 0);
    assert.equal(evictionDelayMs([{ key: 'k', effect: 'NoSchedule' }], []), undefined);
  });

  test('a zone that is mostly down is given up slowly, and none when all is dark', () => {
    assert.equal(evictionRate({ ready: 9, notReady: 1 }, false), 0.1);
    assert.equal(evictionRate({ ready: 20, notReady: 40 }, false), 0.01);
    assert.equal(evictionRate({ ready: 3, notReady: 7 }, false), 0);
    assert.equal(evictionRate({ ready: 0, notReady: 3 }, true), 0);
  });
});

describe('node lifecycle', () => {
  const start = () =>
    startWithFakeApi(['nodelifecycle', 'taint-eviction', 'podgc'], (api) => {
      for (const name of ['dead', 'alive']) {
        api.put('nodes', node(name));
        api.put('coordination.k8s.io/leases', lease(name, '0'));
      }
      api.put('pods', pod('short', 'dead'));
      api.put('pods', pod('patient', 'dead', [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }]));
      api.put('pods', pod('elsewhere', 'alive'));
    });
  const live = async (api: FakeApi, clock: ManualClock, ms: number) => {
    for (let passed = 0; passed < ms; passed += 10_000) {
      api.put('coordination.k8s.io/leases', lease('alive', `beat ${clock.now()}`));
      await clock.advance(10_000);
    }
  };

  test('a silent node becomes Unknown after its grace, its pods move when their patience ends', async () => {
    const { api, clock, stop } = await start();
    await live(api, clock, 40_000);
    const status = (name: string) => api.get<Node>('nodes', '', name)?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    assert.equal(status('dead'), 'True');
    await live(api, clock, 30_000);
    assert.equal(status('dead'), 'Unknown');
    assert.equal(status('alive'), 'True');
    assert.deepEqual(api.get<Node>('nodes', '', 'dead')?.spec?.taints?.map(({ effect }) => effect), ['NoSchedule', 'NoExecute']);
    assert.equal(api.get('pods', 'default', 'short'), undefined);
    assert.equal(api.get<Pod>('pods', 'default', 'patient')?.status?.conditions?.[0]?.status, 'False');
    await live(api, clock, 310_000);
    assert.deepEqual(api.list<Pod>('pods').map(({ metadata }) => metadata.name), ['elsewhere']);
    await stop();
  });

  test('pods of a node that is gone are collected', async () => {
    const { api, clock, stop } = await start();
    await live(api, clock, 10_000);
    api.remove('nodes', '', 'dead');
    await live(api, clock, 100_000);
    assert.deepEqual(api.list<Pod>('pods').map(({ metadata }) => metadata.name), ['elsewhere']);
    await stop();
  });
});
