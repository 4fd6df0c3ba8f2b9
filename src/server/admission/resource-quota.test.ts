import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import type { KubeObject } from '../../api/object.ts';
import { systemClock } from '../../base/clock.ts';
import { MemoryView } from './memory-view.testing.ts';
import { ResourceQuotaAdmission } from './resource-quota.ts';
import { admit, asked, pod, refused } from './rig.testing.ts';

type Amounts = Record<string, string>;

function setUp(hard: Amounts, used: Amounts, spec: object = {}) {
  const view = new MemoryView().put('', 'resourcequotas', {
    metadata: { name: 'q', namespace: 'default' },
    spec: { hard, ...spec },
    status: { hard, used },
  });
  const plugin = new ResourceQuotaAdmission(view, () => view, systemClock());
  const usedNow = () =>
    (view.get('', 'resourcequotas', 'default', 'q') as unknown as { status: { used: Amounts } }).status.used;
  return { view, plugin, usedNow };
}

function sized(requests: Amounts, limits: Amounts = {}): KubeObject {
  return pod({ containers: [{ name: 'c', resources: { requests, limits } }] });
}

describe('ResourceQuota', () => {
  test('charges, and refuses what has no room', async () => {
    const { plugin, usedNow } = setUp(
      { pods: '2', 'requests.cpu': '3', 'count/pods': '5' },
      { pods: '0', 'requests.cpu': '0', 'count/pods': '0' },
    );
    await admit(plugin, asked('pods', sized({ cpu: '1500m' })));
    assert.deepEqual(usedNow(), { pods: '1', 'requests.cpu': '1500m', 'count/pods': '1' });
    await refused(
      plugin,
      asked('pods', sized({ cpu: '2' })),
      'pods "web" is forbidden: exceeded quota: q, requested: requests.cpu=2, used: requests.cpu=1500m, limited: requests.cpu=3',
    );
    await admit(plugin, asked('pods', sized({ cpu: '1500m' })));
    await refused(
      plugin,
      asked('pods', sized({ cpu: '1' })),
      'pods "web" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=1, used: pods=2,requests.cpu=3, limited: pods=2,requests.cpu=3',
    );
  });

  test('never gives the same room twice, and shares writes', async () => {
    const { view, plugin, usedNow } = setUp({ pods: '10' }, { pods: '0' });
    let writes = 0;
    view.onChange('', 'resourcequotas', () => writes++);
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, () => admit(plugin, asked('pods', pod()))),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 10);
    assert.deepEqual(usedNow(), { pods: '10' });
    assert.ok(writes <= 3, `${writes} writes`);
  });

  test('a lost race is run again on the fresh quota', async () => {
    const { view, plugin, usedNow } = setUp({ pods: '2' }, { pods: '0' });
    const admitted = admit(plugin, asked('pods', pod()));
    view.put('', 'resourcequotas', {
      metadata: { name: 'q', namespace: 'default' },
      spec: {},
      status: { hard: { pods: '2' }, used: { pods: '1' } },
    });
    await admitted;
    assert.deepEqual(usedNow(), { pods: '2' });
  });

  test('dry runs are asked, not charged', async () => {
    const { plugin, usedNow } = setUp({ pods: '1' }, { pods: '0' });
    await admit(plugin, asked('pods', pod(), { dryRun: true }));
    assert.deepEqual(usedNow(), { pods: '0' });
    await admit(plugin, asked('pods', pod()));
    await refused(
      plugin,
      asked('pods', pod(), { dryRun: true }),
      'pods "web" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
    );
  });

  test('demands what it counts', async () => {
    const { plugin } = setUp({ 'limits.memory': '1Gi', cpu: '1' }, { 'limits.memory': '0', cpu: '0' });
    await refused(
      plugin,
      asked('pods', pod()),
      'pods "web" is forbidden: failed quota: q: must specify cpu for: c; limits.memory for: c',
    );
  });

  test('without a status it lets nothing pass that it counts', async () => {
    const { view, plugin } = setUp({}, {});
    view.put('', 'resourcequotas', {
      metadata: { name: 'q', namespace: 'default' },
      spec: {},
      status: { hard: { pods: '1' } },
    });
    await refused(
      plugin,
      asked('pods', pod()),
      'pods "web" is forbidden: status unknown for quota: q, resources: pods',
    );
  });

  test('scopes', async () => {
    const { plugin, usedNow } = setUp({ pods: '0' }, { pods: '0' }, { scopes: ['Terminating'] });
    await admit(plugin, asked('pods', pod()));
    await refused(
      plugin,
      asked('pods', pod({ activeDeadlineSeconds: 5 })),
      'pods "web" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
    );
    assert.deepEqual(usedNow(), { pods: '0' });
  });

  test('objects of any kind, services and claims', async () => {
    const { plugin, usedNow } = setUp(
      {
        configmaps: '1',
        'count/deployments.apps': '0',
        'services.nodeports': '1',
        'gold.storageclass.storage.k8s.io/requests.storage': '5Gi',
      },
      {
        configmaps: '0',
        'count/deployments.apps': '0',
        'services.nodeports': '0',
        'gold.storageclass.storage.k8s.io/requests.storage': '0',
      },
    );
    const named = (more: object = {}) => ({ metadata: { name: 'x', namespace: 'default' }, ...more });
    await admit(plugin, asked('configmaps', named()));
    await refused(
      plugin,
      asked('configmaps', named()),
      'configmaps "x" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=1, limited: configmaps=1',
    );
    await refused(
      plugin,
      asked('deployments', named(), { group: 'apps' }),
      'deployments.apps "x" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=0, limited: count/deployments.apps=0',
    );
    const service = (type: string, ports: number) =>
      named({ spec: { type, ports: Array.from({ length: ports }, () => ({ port: 1 })) } });
    await admit(plugin, asked('services', service('NodePort', 1), { old: service('ClusterIP', 1) }));
    await refused(
      plugin,
      asked('services', service('NodePort', 1)),
      'services "x" is forbidden: exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1',
    );
    const claim = (storage: string) =>
      named({ spec: { storageClassName: 'gold', resources: { requests: { storage } } } });
    await admit(plugin, asked('persistentvolumeclaims', claim('3Gi')));
    await admit(plugin, asked('persistentvolumeclaims', claim('5Gi'), { old: claim('3Gi') }));
    assert.equal(usedNow()['gold.storageclass.storage.k8s.io/requests.storage'], '5Gi');
  });

  test('is not concerned where there is no quota', () => {
    const view = new MemoryView();
    assert.equal(
      new ResourceQuotaAdmission(view, () => view, systemClock()).handles(asked('pods', pod())),
      false,
    );
  });
});
