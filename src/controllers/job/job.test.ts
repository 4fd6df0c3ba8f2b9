import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Job } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import { decideJob, formatIndexes } from './job-decision.ts';

const labels = { 'batch.kubernetes.io/controller-uid': 'job-uid' };
const job = (spec: Partial<NonNullable<Job['spec']>> = {}): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'work', namespace: 'default', uid: 'job-uid' },
  spec: { completions: 3, parallelism: 2, backoffLimit: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [] } }, ...spec },
});
const pod = (phase: string, index?: number): Pod => ({
  metadata: { name: `p-${phase}-${index}`, ...(index === undefined ? {} : { annotations: { 'batch.kubernetes.io/job-completion-index': String(index) } }) },
  spec: { containers: [] },
  status: { phase },
});

describe('job decision', () => {
  const cases: [string, Job, Pod[], { create?: unknown[]; remove?: number; end?: string }][] = [
    ['starts as many as may run', job(), [], { create: [undefined, undefined] }],
    ['never more than are still needed', job(), [pod('Succeeded'), pod('Succeeded')], { create: [undefined] }],
    ['is complete', job(), [pod('Succeeded'), pod('Succeeded'), pod('Succeeded')], { end: 'CompletionsReached' }],
    ['gives up after too many failures', job(), [pod('Failed'), pod('Failed'), pod('Failed')], { end: 'BackoffLimitExceeded' }],
    ['takes the lowest free indexes', job({ completionMode: 'Indexed' }), [pod('Succeeded', 0), pod('Running', 1)], { create: [2] }],
    ['stops what runs when suspended', job({ suspend: true }), [pod('Running'), pod('Running')], { remove: 2 }],
    ['without completions, the first success ends it', job({ completions: undefined }), [pod('Succeeded')], { end: 'CompletionsReached' }],
  ];
  for (const [name, given, pods, expected] of cases) {
    test(name, () => {
      const decision = decideJob(given, pods, 0);
      assert.deepEqual(decision.create, expected.create ?? []);
      assert.equal(decision.remove.length, expected.remove ?? 0);
      assert.equal(decision.end?.reason, expected.end);
    });
  }

  test('formats indexes', () => {
    assert.equal(formatIndexes([3, 0, 1, 2, 5, 7, 8]), '0-3,5,7,8');
  });
});

describe('job controller', () => {
  test('runs pods to completion', async () => {
    const { api, clock, stop } = await startWithFakeApi(['job'], (api) => api.put('batch/jobs', job()));
    for (let i = 0; i < 10; i++) {
      await clock.advance(500);
      for (const running of api.list<Pod>('pods')) if (!running.status?.phase) api.put('pods', { ...running, status: { phase: 'Succeeded' } });
    }
    assert.equal(api.list('pods').length, 3);
    const { status } = api.get<Job>('batch/jobs', 'default', 'work')!;
    assert.equal(status?.succeeded, 3);
    assert.ok(status?.completionTime);
    assert.deepEqual(status?.conditions?.map(({ type }) => type), ['SuccessCriteriaMet', 'Complete']);
    await stop();
  });
});
