import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DaemonSet } from '../../api/types/apps-v1.ts';
import type { Pod, Taint } from '../../api/types/core-v1.ts';
import type { FakeApi } from '../../client/testing/fake-api.ts';
import { daemonSets } from '../../client/resources.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import { fitOf } from './node-fit.ts';
import { nodeOfDaemonPod } from './daemonset-controller.ts';

const labels = { app: 'agent' };
const set: DaemonSet = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'agent', namespace: 'default', uid: 'ds-uid', generation: 1 },
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'v1' }], nodeSelector: { os: 'linux' } } } },
};
const node = (name: string, os = 'linux', taints: Taint[] = []) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { os } }, spec: { taints } });

function makeReady(api: FakeApi): void {
  for (const pod of api.list<Pod>('pods')) {
    if (pod.status?.conditions) continue;
    api.put('pods', { ...pod, spec: { ...pod.spec, nodeName: nodeOfDaemonPod(pod) }, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] } });
  }
}

describe('daemonset', () => {
  test('which nodes it fits', () => {
    const spec = set.spec!.template.spec!;
    const fit = (taint?: Taint) => fitOf(spec, node('a', 'linux', taint ? [taint] : []));
    assert.deepEqual(fit(), { shouldRun: true, mayContinue: true });
    assert.deepEqual(fitOf(spec, node('a', 'windows')), { shouldRun: false, mayContinue: false });
    assert.deepEqual(fit({ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }), { shouldRun: true, mayContinue: true });
    assert.deepEqual(fit({ key: 'k', effect: 'NoSchedule' }), { shouldRun: false, mayContinue: true });
    assert.deepEqual(fit({ key: 'k', effect: 'NoExecute' }), { shouldRun: false, mayContinue: false });
  });

  test('one pod a node, also of nodes that come later, and rolls one at a time', async () => {
    const { api, clock, client, stop } = await startWithFakeApi(['daemonset'], (api) => {
      for (const name of ['a', 'b']) api.put('nodes', node(name));
      api.put('nodes', node('w', 'windows'));
      api.put('apps/daemonsets', set);
    });
    const run = async (each = () => {}) => {
      for (let i = 0; i < 12; i++) {
        await clock.advance(200);
        each();
        makeReady(api);
      }
    };
    await run();
    api.put('nodes', node('c'));
    await run();
    assert.deepEqual(api.list<Pod>('pods').map(({ spec }) => spec.nodeName).toSorted(), ['a', 'b', 'c']);
    assert.equal(api.get<DaemonSet>('apps/daemonsets', 'default', 'agent')?.status?.numberAvailable, 3);
    await client.patch(daemonSets, set.metadata, { spec: { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } } }, { type: 'merge' });
    await run(() => assert.ok(api.list<Pod>('pods').filter(({ status }) => status?.conditions).length >= 2));
    assert.deepEqual([...new Set(api.list<Pod>('pods').map(({ spec }) => spec.containers[0]?.image))], ['v2']);
    assert.equal(api.list('apps/controllerrevisions').length, 2);
    await stop();
  });
});
