import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { builtInCatalogue } from '../../../api/catalogue.ts';
import type { KubeObject } from '../../../api/object.ts';
import { seededRandom } from '../../../base/random.ts';
import type { StrategyContext } from '../strategy.ts';
import { InMemoryServiceAllocator } from './service-allocator.ts';
import { createStrategies } from './strategies.ts';

const catalogue = builtInCatalogue();
const strategyFor = createStrategies({ services: new InMemoryServiceAllocator(seededRandom(1)) });
const of = (resource: string) => strategyFor(catalogue.lookup('', 'v1', resource)!);
const context: StrategyContext = { user: { username: 'u', groups: [] }, namespace: 'default', dryRun: false, now: 0, warn: () => {} };
const object = (fields: object): KubeObject => ({ metadata: { name: 'x' }, ...structuredClone(fields) });

describe('pods', () => {
  const spec = { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '1' } } }] };

  test('begin pending, with their class of service', () => {
    const pod = object({ spec, status: { phase: 'Running', podIP: '1.2.3.4' } });
    of('pods').prepareForCreate!(pod, context);
    assert.deepEqual([pod['status'], pod.metadata.generation], [{ phase: 'Pending', qosClass: 'Burstable' }, 1]);
  });

  test('keep their status on update, their spec on update of the status', () => {
    const old = object({ metadata: { name: 'x', generation: 1 }, spec, status: { phase: 'Running', qosClass: 'Burstable' } });
    const changed = object({ metadata: { name: 'x', generation: 1 }, spec: { ...spec, nodeName: 'n' }, status: { phase: 'Failed' } });
    of('pods').prepareForUpdate!(changed, old, '', context);
    assert.deepEqual([changed['status'], changed.metadata.generation], [old['status'], 2]);
    const reported = object({ spec: {}, status: { phase: 'Failed' } });
    of('pods').prepareForUpdate!(reported, old, 'status', context);
    assert.deepEqual([reported['spec'], reported['status']], [spec, { phase: 'Failed', qosClass: 'Burstable', observedGeneration: undefined }]);
  });

  test('a resize touches amounts only', () => {
    const old = object({ metadata: { name: 'x', generation: 1, labels: { a: 'b' } }, spec, status: {} });
    const asked = object({
      metadata: { name: 'x', generation: 1 },
      spec: { containers: [{ name: 'c', image: 'other', resources: { requests: { cpu: '2' } } }], nodeName: 'n' },
    });
    of('pods').prepareForUpdate!(asked, old, 'resize', context);
    assert.deepEqual(asked['spec'], { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '2' } } }] });
    assert.deepEqual([asked.metadata.labels, asked.metadata.generation], [{ a: 'b' }, 2]);
  });

  const grace = (fields: object, asked?: number) => of('pods').gracePeriodSeconds!(object(fields), asked);
  test('nobody waits for a pod that does not run', () => {
    const placed = { nodeName: 'n', terminationGracePeriodSeconds: 30 };
    assert.equal(grace({ spec: { ...placed, nodeName: '' } }, 10), 0);
    assert.equal(grace({ spec: placed, status: { phase: 'Succeeded' } }), 0);
    assert.deepEqual([grace({ spec: placed }), grace({ spec: placed }, 5), grace({ spec: placed }, -1)], [30, 5, 1]);
  });

  test('warn of what hides and doubles', () => {
    const env = [{ name: 'A', value: '1' }, { name: 'A', value: '2' }];
    assert.deepEqual(of('pods').warnings!(object({ spec: { containers: [{ name: 'c', env }] } }), undefined), [
      'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    ]);
  });
});

describe('namespaces', () => {
  test('are active, finalized by the server and labelled with their name', () => {
    const namespace = object({ status: { phase: 'Terminating' } });
    of('namespaces').prepareForCreate!(namespace, context);
    assert.deepEqual(namespace, {
      metadata: { name: 'x', labels: { 'kubernetes.io/metadata.name': 'x' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  });

  test('lose their finalizers through finalize alone', () => {
    const old = object({ spec: { finalizers: ['kubernetes'] }, status: { phase: 'Terminating' } });
    const [plain, finalized] = [object({ spec: {}, status: {} }), object({ spec: {}, status: {} })];
    of('namespaces').prepareForUpdate!(plain, old, '', context);
    of('namespaces').prepareForUpdate!(finalized, old, 'finalize', context);
    assert.deepEqual([plain['spec'], finalized['spec'], finalized['status']], [{ finalizers: ['kubernetes'] }, {}, old['status']]);
  });
});

test('claims mirror their data source', () => {
  const claim = object({ spec: { dataSource: { kind: 'PersistentVolumeClaim', name: 'a' } } });
  of('persistentvolumeclaims').prepareForCreate!(claim, context);
  const source = { kind: 'PersistentVolumeClaim', name: 'a' };
  assert.deepEqual([claim['spec'], claim['status']], [{ dataSource: source, dataSourceRef: source }, { phase: 'Pending' }]);
});

test('the pods of a deleted replication controller stay unless asked otherwise', () => {
  assert.equal(of('replicationcontrollers').defaultPropagation, 'Orphan');
});
