import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StatefulSet } from '../../api/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import { statefulSets } from '../../client/resources.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import { isConflicting, isStale, wantedOwners } from './claim-retention.ts';
import { planStateful } from './stateful-plan.ts';

const labels = { app: 'db' };
const set: StatefulSet = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'default', uid: 'sts-uid', generation: 1 },
  spec: {
    replicas: 3,
    serviceName: 'db',
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'v1' }] } },
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }],
  },
};

type Spec = NonNullable<StatefulSet['spec']>;
const of = (spec: Partial<Spec>): StatefulSet => ({ ...set, spec: { ...(set.spec as Spec), ...spec } });
/** `2n!`: ordinal 2, of the new revision, not ready; `-`: being deleted. */
const pod = (text: string): Pod => {
  const [, ordinal, revision, state] = /^(\d+)([no])([!-]?)$/.exec(text) ?? [];
  return {
    metadata: { name: `db-${ordinal}`, uid: `uid-${ordinal}`, labels: { 'controller-revision-hash': revision === 'n' ? 'new' : 'old' }, ...(state === '-' ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { containers: [] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: state === '' ? 'True' : 'False', lastTransitionTime: '1970-01-01T00:00:00Z' }] },
  };
};

describe('what a StatefulSet does next', () => {
  const parallel = { podManagementPolicy: 'Parallel' };
  const cases: [string, Partial<Spec>, string, string[], string[]][] = [
    ['starts with the first', {}, '', ['0 new'], []],
    ['waits for it', {}, '0n!', [], []],
    ['all at once, if told', parallel, '', ['0 new', '1 new', '2 new'], []],
    ['from another ordinal on', { ordinals: { start: 5 } }, '5n', ['6 new'], []],
    ['replaces from the top', {}, '0o 1o 2o', [], ['db-2']],
    ['waits for what it replaced', {}, '0o 1o 2n!', [], []],
    ['down to the partition', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }, '0o 1o 2n', [], []],
    ['makes old ones below the partition', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }, '1o 2n', ['0 old'], []],
    ['replaces none OnDelete', { updateStrategy: { type: 'OnDelete' } }, '0o 1o 2o', [], []],
    ['parallel, goes on though a lower one does not serve', parallel, '0o! 1o 2o', [], ['db-2']],
    ['goes down from the top', { replicas: 1 }, '0n 1n 2n', [], ['db-2']],
    ['one at a time', { replicas: 1 }, '0n 1n 2n-', [], []],
    ['not past one that does not serve', { replicas: 1 }, '0n 1n! 2n!', [], []],
    ['unless that is the only one', { replicas: 1 }, '0n 1n 2n!', [], ['db-2']],
    ['not while one that stays does not serve', { replicas: 1 }, '0n! 1n 2n', [], []],
    ['all at once downwards', { ...parallel, replicas: 0 }, '0n 1n! 2n', [], ['db-2', 'db-1', 'db-0']],
  ];
  for (const [name, spec, pods, create, remove] of cases) {
    test(name, () => {
      const plan = planStateful(of(spec), pods === '' ? [] : pods.split(' ').map(pod), 'old', 'new', 0);
      assert.deepEqual([plan.create.map(({ ordinal, revision }) => `${ordinal} ${revision}`), plan.remove.map(({ metadata }) => metadata.name)], [create, remove]);
    });
  }
});

describe('who owns claims', () => {
  const ref = (kind: string, name: string, uid: string, controller = true) => ({ apiVersion: 'v1', kind, name, uid, controller });
  const ours = ref('StatefulSet', 'db', 'sts-uid');
  const other = ref('Deployment', 'x', 'x-uid');
  const cases: [string, string, string, number, ReturnType<typeof ref>[], string[] | undefined][] = [
    ['nobody', 'Retain', 'Retain', 3, [], undefined],
    ['nobody any more', 'Retain', 'Retain', 3, [ours], []],
    ['the set', 'Delete', 'Retain', 3, [], ['sts-uid']],
    ['the set, as controller', 'Delete', 'Retain', 3, [{ ...ours, controller: false }], ['sts-uid']],
    ['nobody while the pod is wanted', 'Retain', 'Delete', 3, [], undefined],
    ['the pod that was scaled away', 'Retain', 'Delete', 1, [], ['uid-1']],
    ['that pod in place of the set', 'Delete', 'Delete', 1, [ours], ['uid-1']],
    ['another controller: left to it', 'Delete', 'Delete', 3, [other], undefined],
    ['another controller beside us: we step back', 'Delete', 'Delete', 3, [other, ours], ['x-uid']],
    ['a set of the past: left alone', 'Delete', 'Delete', 3, [ref('StatefulSet', 'db', 'old-uid')], undefined],
  ];
  for (const [name, whenDeleted, whenScaled, replicas, ownerReferences, expected] of cases) {
    test(name, () => {
      const owner = of({ replicas, persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } });
      const claim = { metadata: { name: 'data-db-1', ownerReferences } };
      assert.deepEqual(wantedOwners(owner, pod('1n'), claim)?.map(({ uid }) => uid), expected);
      assert.equal(isConflicting(owner, pod('1n'), claim), ownerReferences.some(({ uid }) => uid === 'x-uid' || uid === 'old-uid'));
    });
  }

  test('a claim that goes with a pod of the past is not used again', () => {
    const claim = { metadata: { name: 'data-db-1', ownerReferences: [ref('Pod', 'db-1', 'gone')] } };
    assert.equal(isStale(of({ persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete' } }), 'db-1', claim), true);
    assert.equal(isStale(set, 'db-1', claim), false);
  });
});

describe('statefulset', () => {
  test('creates in order with claims, rolls from the top, scales down from the top and keeps the claims', async () => {
    const { api, clock, client, stop } = await startWithFakeApi(['statefulset'], (api) => api.put('apps/statefulsets', set));
    const names = () => api.list<Pod>('pods').map(({ metadata }) => metadata.name);
    const history: string[] = [];
    const run = async () => {
      for (let i = 0; i < 16; i++) {
        await clock.advance(100);
        history.push(names().toSorted().join());
        for (const pod of api.list<Pod>('pods')) {
          if (!pod.status?.conditions) api.put('pods', { ...pod, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] } });
        }
      }
    };
    await run();
    assert.deepEqual([...new Set(history)], ['db-0', 'db-0,db-1', 'db-0,db-1,db-2']);
    const [first] = api.list<Pod>('pods');
    assert.equal(first?.spec.hostname, 'db-0');
    assert.equal(first?.spec.volumes?.[0]?.persistentVolumeClaim?.claimName, 'data-db-0');
    assert.equal(api.list<PersistentVolumeClaim>('persistentvolumeclaims').length, 3);

    history.length = 0;
    await client.patch(statefulSets, set.metadata, { spec: { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } } }, { type: 'merge' });
    await run();
    assert.ok(api.list<Pod>('pods').every(({ spec }) => spec.containers[0]?.image === 'v2'));
    const { status } = api.get<StatefulSet>('apps/statefulsets', 'default', 'db')!;
    assert.equal(status?.currentRevision, status?.updateRevision);
    assert.equal(status?.updatedReplicas, 3);

    await client.patch(statefulSets, set.metadata, { spec: { replicas: 1 } }, { type: 'merge' });
    await run();
    assert.deepEqual(names(), ['db-0']);
    assert.equal(api.list('persistentvolumeclaims').length, 3);
    await stop();
  });
});
