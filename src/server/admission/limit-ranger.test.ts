import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { LimitRanger } from './limit-ranger.ts';
import { MemoryView } from './memory-view.testing.ts';
import { admit, asked, pod, refused } from './rig.testing.ts';

function withLimits(...limits: object[]): LimitRanger {
  return new LimitRanger(
    new MemoryView().put('', 'limitranges', {
      metadata: { name: 'l', namespace: 'default' },
      spec: { limits },
    }),
  );
}

function sized(requests: object, limits: object = {}) {
  return pod({ containers: [{ name: 'c', resources: { requests, limits } }] });
}

describe('LimitRanger', () => {
  test('fills in what containers do not say, and notes it', async () => {
    const plugin = withLimits({
      type: 'Container',
      default: { cpu: '500m', memory: '1Gi' },
      defaultRequest: { cpu: '100m' },
    });
    const admitted = await admit(
      plugin,
      asked(
        'pods',
        pod({
          containers: [{ name: 'c', resources: { limits: { memory: '2Gi' } } }],
          initContainers: [{ name: 'i' }],
        }),
      ),
    );
    const spec = admitted['spec'] as Record<string, object[]>;
    assert.deepEqual(spec['containers'], [
      { name: 'c', resources: { requests: { cpu: '100m' }, limits: { cpu: '500m', memory: '2Gi' } } },
    ]);
    assert.deepEqual(spec['initContainers'], [
      { name: 'i', resources: { requests: { cpu: '100m' }, limits: { cpu: '500m', memory: '1Gi' } } },
    ]);
    assert.equal(
      admitted.metadata.annotations?.['kubernetes.io/limit-ranger'],
      'LimitRanger plugin set: cpu request for container c; cpu limit for container c; cpu request for init container i; cpu, memory limit for init container i',
    );
  });

  const cases: [limit: object, object: ReturnType<typeof pod>, why: string | undefined][] = [
    [
      { type: 'Container', min: { cpu: '1' } },
      sized({}),
      'minimum cpu usage per Container is 1.  No request is specified',
    ],
    [
      { type: 'Container', min: { cpu: '1' } },
      sized({ cpu: '500m' }),
      'minimum cpu usage per Container is 1, but request is 500m',
    ],
    [
      { type: 'Container', max: { cpu: '1' } },
      sized({ cpu: '1' }),
      'maximum cpu usage per Container is 1.  No limit is specified',
    ],
    [
      { type: 'Container', max: { memory: '1Gi' } },
      sized({}, { memory: '2Gi' }),
      'maximum memory usage per Container is 1Gi, but limit is 2Gi',
    ],
    [{ type: 'Container', max: { cpu: '1' } }, sized({ cpu: '1' }, { cpu: '1' }), undefined],
    [
      { type: 'Pod', max: { cpu: '1' } },
      sized({ cpu: '1' }, { cpu: '1500m' }),
      'maximum cpu usage per Pod is 1, but limit is 1500m',
    ],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      sized({ cpu: '1' }, { cpu: '3' }),
      'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    ],
    [
      { type: 'Container', max: { cpu: '1', memory: '1Gi' } },
      sized({}, { cpu: '2', memory: '2Gi' }),
      '[maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but limit is 2Gi]',
    ],
  ];
  for (const [limit, object, why] of cases)
    test(`${JSON.stringify(limit)}: ${why ?? 'fits'}`, async () => {
      if (why === undefined) await admit(withLimits(limit), asked('pods', object));
      else await refused(withLimits(limit), asked('pods', object), `pods "web" is forbidden: ${why}`);
    });

  test('claims', async () => {
    const plugin = withLimits({
      type: 'PersistentVolumeClaim',
      min: { storage: '1Gi' },
      max: { storage: '5Gi' },
    });
    const claim = (storage: string) => ({
      metadata: { name: 'data', namespace: 'default' },
      spec: { resources: { requests: { storage } } },
    });
    await admit(plugin, asked('persistentvolumeclaims', claim('5Gi')));
    await refused(
      plugin,
      asked('persistentvolumeclaims', claim('6Gi')),
      'persistentvolumeclaims "data" is forbidden: maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 6Gi',
    );
  });

  test('costs nothing where there are no limits', () => {
    const view = new MemoryView();
    const plugin = new LimitRanger(view);
    plugin.handles(asked('pods', pod()));
    const { reads } = view;
    assert.equal(plugin.handles(asked('pods', pod())), false);
    assert.equal(view.reads, reads);
  });
});
