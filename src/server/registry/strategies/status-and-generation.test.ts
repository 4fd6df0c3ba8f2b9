import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../../api/object.ts';
import type { Strategy } from '../strategy.ts';
import { strategies as apps } from './apps.ts';
import { strategies as batch } from './batch.ts';
import { strategies as certificates } from './certificates.ts';
import { strategies as coordination } from './coordination.ts';
import { strategies as storage } from './storage.ts';

const table: Readonly<Record<string, Strategy>> = {
  ...apps,
  ...batch,
  ...certificates,
  ...coordination,
  ...storage,
};
const context = {
  user: { username: 'jane', groups: ['dev'] },
  namespace: 'default',
  dryRun: false,
  now: Date.parse('2026-02-10T12:00:00Z'),
  warn() {},
};

function created(key: string, object: KubeObject): KubeObject {
  table[key]?.prepareForCreate?.(object, context);
  return object;
}

function changed(key: string, object: KubeObject, old: KubeObject, subresource = ''): KubeObject {
  table[key]?.prepareForUpdate?.(object, old, subresource, context);
  return object;
}

const deployment = () => ({
  metadata: { name: 'web', generation: 3, labels: { a: 'b' } },
  spec: { replicas: 1, template: {} },
  status: { replicas: 1 },
});

describe('status and generation', () => {
  test('a new object has the first generation and an empty status', () => {
    const object = created('apps/deployments', { metadata: {}, spec: {}, status: { replicas: 5 } });
    assert.deepEqual(object, { metadata: { generation: 1 }, spec: {}, status: {} });
  });

  test('the spec counts, the status is put back', () => {
    const object = { ...deployment(), spec: { replicas: 2, template: {} }, status: { replicas: 9 } };
    const { metadata, status } = changed('apps/deployments', object, deployment());
    assert.equal(metadata.generation, 4);
    assert.deepEqual(status, { replicas: 1 });
  });

  test('annotations of a deployment count, those of a replica set do not', () => {
    const annotated = () => ({
      ...deployment(),
      metadata: { ...deployment().metadata, annotations: { x: 'y' } },
    });
    assert.equal(changed('apps/deployments', annotated(), deployment()).metadata.generation, 4);
    assert.equal(changed('apps/replicasets', annotated(), deployment()).metadata.generation, 3);
  });

  test('the status subresource changes the status and the metadata it may', () => {
    const object = {
      metadata: { name: 'web', generation: 3, labels: { z: 'z' }, annotations: { q: 'q' } },
      spec: { replicas: 77 },
      status: { replicas: 2 },
    };
    assert.deepEqual(changed('apps/deployments', object, deployment(), 'status'), {
      metadata: { name: 'web', generation: 3, labels: { a: 'b' }, annotations: { q: 'q' } },
      spec: { replicas: 1, template: {} },
      status: { replicas: 2 },
    });
  });

  test('a driver gets its first generation by its first change', () => {
    const driver = created('storage.k8s.io/csidrivers', { metadata: {}, spec: {} });
    assert.equal(driver.metadata.generation, undefined);
    const update = changed(
      'storage.k8s.io/csidrivers',
      { metadata: {}, spec: { podInfoOnMount: true } },
      driver,
    );
    assert.equal(update.metadata.generation, 1);
  });
});

describe('what is particular', () => {
  test('the template generation of a daemon set follows its template', () => {
    const key = 'deprecated.daemonset.template.generation';
    const daemonSet = (image: string): KubeObject => ({
      metadata: {},
      spec: { template: { spec: { image } } },
    });
    const old = created('apps/daemonsets', daemonSet('a'));
    assert.equal(old.metadata.annotations?.[key], '1');
    assert.equal(changed('apps/daemonsets', daemonSet('a'), old).metadata.annotations?.[key], '1');
    assert.equal(changed('apps/daemonsets', daemonSet('b'), old).metadata.annotations?.[key], '2');
  });

  test('a job selects its pods by its uid', () => {
    const job = created('batch/jobs', {
      metadata: { name: 'j', uid: 'u' },
      spec: { template: { spec: {} } },
    });
    const labels = {
      'job-name': 'j',
      'batch.kubernetes.io/job-name': 'j',
      'controller-uid': 'u',
      'batch.kubernetes.io/controller-uid': 'u',
    };
    assert.deepEqual(job.metadata.labels, labels);
    assert.deepEqual(job['spec'], {
      template: { spec: {}, metadata: { labels } },
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } },
    });
    assert.equal(table['batch/jobs']?.defaultPropagation, 'Orphan');
  });

  test('who asks for a certificate is said by the server', () => {
    const request = created('certificates.k8s.io/certificatesigningrequests', {
      metadata: {},
      spec: { username: 'root', groups: ['system:masters'], extra: { a: ['b'] } },
    });
    assert.deepEqual(request['spec'], { username: 'jane', groups: ['dev'] });
  });

  test('approving sets conditions, with their times, and nothing else', () => {
    const old = { metadata: {}, spec: { signerName: 'a/b' }, status: { certificate: 'AA==' } };
    const object = { metadata: {}, spec: {}, status: { conditions: [{ type: 'Approved', status: 'True' }] } };
    const now = '2026-02-10T12:00:00Z';
    assert.deepEqual(changed('certificates.k8s.io/certificatesigningrequests', object, old, 'approval'), {
      metadata: {},
      spec: { signerName: 'a/b' },
      status: {
        certificate: 'AA==',
        conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: now, lastTransitionTime: now }],
      },
    });
  });

  test('names that make bad host names are warned of', () => {
    const warnings = table['apps/deployments']?.warnings?.(
      { metadata: { name: 'a.b' }, spec: {} },
      undefined,
    );
    assert.deepEqual(warnings, [
      'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]',
    ]);
  });

  test('leases are taken by PUT, and never overwritten unseen', () => {
    const { allowCreateOnUpdate, allowUnconditionalUpdate } = table['coordination.k8s.io/leases'] ?? {};
    assert.deepEqual([allowCreateOnUpdate, allowUnconditionalUpdate], [true, false]);
  });
});
