import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DaemonSet } from '../../api/types/apps-v1.ts';
import type { Pod, Taint } from '../../api/types/core-v1.ts';
import type { FakeApi } from '../../client/testing/fake-api.ts';
import { daemonSets } from '../../client/resources.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import { fitOf } from './node-fit.ts';
import { nodeOfDaemonPod, planDaemons } from './daemon-plan.ts';
import { FailedPodsBackoff } from './failed-pods-backoff.ts';
import { ManualClock } from '../../client/testing/manual-clock.ts';

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

  const rolled = (rollingUpdate: { maxSurge?: number; maxUnavailable?: number }, type = 'RollingUpdate'): DaemonSet => ({ ...set, spec: { ...set.spec!, updateStrategy: { type, rollingUpdate } } });
  const on = (name: string, hash: string, state: 'ready' | 'unready' | 'leaving' | 'Failed' | 'Succeeded' = 'ready'): Pod => ({
    metadata: { name: `${name}-${hash}-${state}`, creationTimestamp: hash, labels: { 'controller-revision-hash': hash }, ...(state === 'leaving' ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { containers: [], nodeName: name },
    status: { phase: state === 'Failed' || state === 'Succeeded' ? state : 'Running', conditions: [{ type: 'Ready', status: state === 'ready' ? 'True' : 'False', lastTransitionTime: '1970-01-01T00:00:00Z' }] },
  });
  const cases: [string, DaemonSet, Pod[], string[], string[]][] = [
    ['makes one for each node', set, [on('a', '2')], ['b', 'c'], []],
    ['waits for one that leaves', set, [on('a', '2'), on('b', '2'), on('c', '2', 'leaving')], [], []],
    ['keeps the oldest', set, [on('a', '2'), on('a', '3'), on('b', '2'), on('c', '2')], [], ['a-3-ready']],
    ['clears away what ended', set, [on('a', '2', 'Failed'), on('b', '2', 'Succeeded'), on('c', '2')], [], ['a-2-Failed', 'b-2-Succeeded']],
    ['replaces as many as may be missing', rolled({ maxUnavailable: 2 }), [on('a', '1'), on('b', '1'), on('c', '1')], [], ['a-1-ready', 'b-1-ready']],
    ['counts what is missing already', rolled({ maxUnavailable: 1 }), [on('a', '2', 'unready'), on('b', '1'), on('c', '1')], [], []],
    ['replaces at once what serves nothing', rolled({ maxUnavailable: 1 }), [on('a', '2', 'unready'), on('b', '1', 'unready'), on('c', '1')], [], ['b-1-unready']],
    ['replaces nothing OnDelete', rolled({}, 'OnDelete'), [on('a', '1'), on('b', '1'), on('c', '1')], [], []],
    ['surges', rolled({ maxSurge: 2, maxUnavailable: 0 }), [on('a', '1'), on('b', '1'), on('c', '1')], ['a', 'b'], []],
    ['surges no further than it may', rolled({ maxSurge: 1, maxUnavailable: 0 }), [on('a', '1'), on('a', '2', 'unready'), on('b', '1'), on('c', '1')], [], []],
    ['removes the old one when the new one serves', rolled({ maxSurge: 1, maxUnavailable: 0 }), [on('a', '1'), on('a', '2'), on('b', '1'), on('c', '1')], [], ['a-1-ready']],
    ['surges at once beside what serves nothing', rolled({ maxSurge: 1, maxUnavailable: 0 }), [on('a', '1', 'unready'), on('b', '1'), on('b', '2', 'unready'), on('c', '1')], ['a'], []],
  ];
  for (const [name, given, pods, create, remove] of cases) {
    test(name, () => {
      const plan = planDaemons({ set: given, nodes: ['a', 'b', 'c'].map((n) => node(n)), pods: Map.groupBy(pods, nodeOfDaemonPod), hash: '2', nowMs: 0, heldBack: () => false });
      assert.deepEqual([plan.create, plan.remove.map(({ metadata }) => metadata.name)], [create, remove]);
    });
  }

  test('failed pods are kept for longer and longer', async () => {
    const clock = new ManualClock();
    const backoff = new FailedPodsBackoff(clock);
    assert.equal(backoff.leftMs('x'), 0);
    backoff.next('x');
    assert.equal(backoff.leftMs('x'), 1000);
    await clock.advance(1000);
    assert.equal(backoff.leftMs('x'), 0);
    backoff.next('x');
    assert.equal(backoff.leftMs('x'), 2000);
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
