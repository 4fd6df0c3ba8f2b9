import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Job, JobSpec, JobStatus } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { jobs, pods as podResource } from '../../client/resources.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import { formatIndexes, parseIndexes } from './completion-indexes.ts';
import { nextBackoff, noBackoff, remainingMs } from './failure-backoff.ts';
import { decideJob } from './job-decision.ts';
import { jobPod } from './job-pod.ts';
import { failureVerdict } from './pod-failure-policy.ts';
import { trackingFinalizer } from './tracking.ts';

const labels = { 'batch.kubernetes.io/controller-uid': 'job-uid' };
const job = (spec: Partial<JobSpec> = {}, status: JobStatus = {}): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'work', namespace: 'default', uid: 'job-uid' },
  spec: { completions: 3, parallelism: 2, backoffLimit: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c' }] } }, ...spec },
  status,
});
let pods = 0;
interface PodTraits {
  index?: number;
  deleting?: boolean;
  exit?: number;
  condition?: string;
  failures?: number;
  restarts?: number;
}
const pod = (phase: string, { index, deleting, exit, condition, failures, restarts }: PodTraits = {}): Pod => ({
  metadata: {
    name: `p-${++pods}`,
    namespace: 'default',
    uid: `uid-${pods}`,
    finalizers: [trackingFinalizer],
    ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    annotations: {
      ...(index === undefined ? {} : { 'batch.kubernetes.io/job-completion-index': String(index) }),
      ...(failures === undefined ? {} : { 'batch.kubernetes.io/job-index-failure-count': String(failures) }),
    },
  },
  spec: { containers: [] },
  status: {
    phase,
    ...(condition ? { conditions: [{ type: condition, status: 'True' }] } : {}),
    containerStatuses: [{ name: 'c', image: '', imageID: '', ready: false, restartCount: restarts ?? 0, state: exit === undefined ? {} : { terminated: { exitCode: exit, finishedAt: '1970-01-01T00:00:00Z' } } }],
  },
});
const exitRule = (action: string, values: number[]) => ({ rules: [{ action, onExitCodes: { operator: 'In', values } }] });
const indexed = { completionMode: 'Indexed' };

describe('job decision', () => {
  const cases: [string, Job, Pod[], { create?: (number | undefined)[]; remove?: number; outcome?: string; message?: string; againMs?: number }][] = [
    ['starts as many as may run', job(), [], { create: [undefined, undefined] }],
    ['never more than are still needed', job(), [pod('Succeeded'), pod('Succeeded')], { create: [undefined] }],
    ['counts what the status has counted', job({}, { succeeded: 1, uncountedTerminatedPods: { succeeded: ['a'] } }), [], { create: [undefined] }],
    ['gives up after too many failures', job(), [pod('Failed'), pod('Failed'), pod('Failed')], { outcome: 'BackoffLimitExceeded' }],
    ['gives up after too many restarts', job({ template: { spec: { restartPolicy: 'OnFailure', containers: [] } } }), [pod('Running', { restarts: 2 })], { outcome: 'BackoffLimitExceeded', remove: 1 }],
    ['takes the lowest free indexes', job(indexed), [pod('Succeeded', { index: 0 }), pod('Running', { index: 1 })], { create: [2] }],
    ['lets one of two with the same index go', job(indexed), [pod('Running', { index: 1 }), pod('Running', { index: 1 })], { remove: 1 }],
    ['stops what runs when suspended', job({ suspend: true }), [pod('Running'), pod('Running')], { remove: 2 }],
    ['does nothing for a Job that is being deleted', { ...job(), metadata: { ...job().metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }, [], {}],
    ['replaces a pod that is being deleted', job(), [pod('Running'), pod('Running', { deleting: true })], { againMs: 10_000 }],
    ['or waits until it has failed', job({ podReplacementPolicy: 'Failed' }), [pod('Running'), pod('Running', { deleting: true })], {}],
    ['ends at the deadline', job({ activeDeadlineSeconds: 5 }, { startTime: '1969-12-31T23:59:55Z' }), [pod('Running')], { outcome: 'DeadlineExceeded', remove: 1 }],
    ['stays with what was decided', job({}, { conditions: [{ type: 'FailureTarget', status: 'True', reason: 'PodFailurePolicy' }] }), [pod('Running')], { outcome: 'PodFailurePolicy', remove: 1 }],
    ['fails by policy', job({ podFailurePolicy: exitRule('FailJob', [3]) }), [pod('Failed', { exit: 3 }), pod('Running')], { outcome: 'PodFailurePolicy', remove: 1 }],
    ['ignores by policy', job({ backoffLimit: 0, podFailurePolicy: exitRule('Ignore', [3]) }), [pod('Failed', { exit: 3 })], { againMs: 10_000 }],
    ['limits each index for itself', job({ ...indexed, backoffLimitPerIndex: 1 }), [pod('Failed', { index: 0, failures: 1 }), pod('Failed', { index: 1, exit: 1 })], { create: [2] }],
    ['fails with too many failed indexes', job({ ...indexed, backoffLimitPerIndex: 0, maxFailedIndexes: 1 }), [pod('Failed', { index: 0 }), pod('Failed', { index: 1 })], { outcome: 'MaxFailedIndexesExceeded' }],
    ['fails when all indexes ended and some failed', job({ ...indexed, completions: 2, backoffLimitPerIndex: 0 }), [pod('Failed', { index: 0 }), pod('Succeeded', { index: 1 })], { outcome: 'FailedIndexes' }],
    ['fails an index by policy', job({ ...indexed, completions: 1, backoffLimitPerIndex: 5, podFailurePolicy: exitRule('FailIndex', [3]) }), [pod('Failed', { index: 0, exit: 3 })], { outcome: 'FailedIndexes' }],
    ['has succeeded by policy', job({ ...indexed, successPolicy: { rules: [{ succeededIndexes: '0,2', succeededCount: 1 }] } }), [pod('Succeeded', { index: 2 }), pod('Running', { index: 0 })], { outcome: 'SuccessPolicy', remove: 1 }],
  ];
  for (const [name, given, owned, expected] of cases) {
    test(name, () => {
      const decision = decideJob({ job: given, pods: owned, released: new Set(), backoff: noBackoff, settled: true, nowMs: 0 });
      assert.deepEqual(decision.create.map(({ index }) => index), expected.create ?? []);
      assert.equal(decision.remove.length, expected.remove ?? 0);
      assert.equal(decision.outcome?.reason, expected.outcome);
      if (expected.againMs !== undefined) assert.ok((decision.againMs ?? 0) > 0, 'after a failure it waits');
    });
  }

  test('waits twice as long after each failure, and a success ends that', () => {
    const failed = pod('Failed', { exit: 1 });
    const twice = nextBackoff(nextBackoff(noBackoff, [], [failed]), [], [failed]);
    assert.deepEqual([remainingMs(noBackoff, 0), remainingMs(twice, 0), remainingMs(twice, 15_000)], [0, 20_000, 5000]);
    assert.deepEqual(nextBackoff(twice, [pod('Succeeded', { exit: 0 })], []), noBackoff);
  });

  test('reads and writes indexes', () => {
    assert.equal(formatIndexes([3, 0, 1, 2, 5, 7, 8]), '0-3,5,7,8');
    assert.deepEqual([...parseIndexes('0-3,5,nonsense,7,8', 8)], [0, 1, 2, 3, 5, 7]);
  });

  test('says which rule of the policy matched, in upstream’s words', () => {
    const failed = pod('Failed', { exit: 3, condition: 'DisruptionTarget' });
    const { name } = failed.metadata;
    assert.equal(failureVerdict(exitRule('FailJob', [3]), failed).message, `Container c for pod default/${name} failed with exit code 3 matching FailJob rule at index 0`);
    const conditions = { rules: [{ action: 'Ignore', onExitCodes: { operator: 'NotIn', values: [3] } }, { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }] };
    assert.equal(failureVerdict(conditions, failed).message, `Pod default/${name} has condition DisruptionTarget matching FailJob rule at index 1`);
    assert.deepEqual(failureVerdict(exitRule('FailJob', [4]), failed), { counts: true });
  });

  test('makes pods with their index and the failures of it so far', () => {
    const made = jobPod(job({ ...indexed, backoffLimitPerIndex: 3, podFailurePolicy: exitRule('Ignore', [3]) }), { index: 1, replaced: pod('Failed', { index: 1, exit: 3, failures: 2 }) });
    assert.deepEqual(made.metadata.finalizers, [trackingFinalizer]);
    assert.equal(made.metadata.generateName, 'work-1-');
    assert.equal(made.spec.hostname, 'work-1');
    assert.equal(made.spec.containers[0]?.env?.[0]?.name, 'JOB_COMPLETION_INDEX');
    assert.deepEqual(made.metadata.annotations, {
      'batch.kubernetes.io/job-completion-index': '1',
      'batch.kubernetes.io/job-index-failure-count': '2',
      'batch.kubernetes.io/job-index-ignored-failure-count': '1',
    });
  });
});

describe('job controller', () => {
  const start = async (given: Job, end: (pod: Pod) => NonNullable<Pod['status']> | undefined = () => ({ phase: 'Succeeded' })) => {
    const cluster = await startWithFakeApi(['job'], (api) => api.put('batch/jobs', given));
    const { api, clock } = cluster;
    const run = async (rounds = 15) => {
      for (let i = 0; i < rounds; i++) {
        await clock.advance(1000);
        for (const running of api.list<Pod>('pods')) {
          const status = running.status?.phase ? undefined : end(running);
          if (status) api.put('pods', { ...running, status });
        }
      }
    };
    return { ...cluster, run, get: () => api.get<Job>('batch/jobs', 'default', 'work')!, conditions: () => api.get<Job>('batch/jobs', 'default', 'work')?.status?.conditions?.map(({ type }) => type) ?? [] };
  };

  test('runs pods to completion, and lets go of each once it is counted', async () => {
    const { api, run, get, conditions, stop } = await start(job());
    await run();
    assert.equal(api.list('pods').length, 3);
    const { status } = get();
    assert.equal(status?.succeeded, 3);
    assert.deepEqual(status?.uncountedTerminatedPods, {});
    assert.ok(status?.completionTime);
    assert.deepEqual(conditions(), ['SuccessCriteriaMet', 'Complete']);
    assert.ok(api.list<Pod>('pods').every(({ metadata }) => !metadata.finalizers?.length));
    await stop();
  });

  test('counts pods that are deleted as soon as they have ended', async () => {
    const { api, client, run, get, stop } = await start(job({ completions: 5, parallelism: 5 }));
    await run(1);
    for (const { metadata } of api.list<Pod>('pods')) await client.delete(podResource, metadata);
    assert.equal(api.list('pods').length, 5, 'the finalizer keeps them');
    await run();
    assert.equal(get().status?.succeeded, 5);
    assert.equal(api.list('pods').length, 0);
    await stop();
  });

  test('a Job that fails takes what still runs with it', async () => {
    const { run, get, conditions, stop } = await start(job({ backoffLimit: 0 }), ({ metadata }) => (metadata.name?.endsWith('1') ? { phase: 'Failed' } : undefined));
    await run();
    assert.deepEqual(conditions(), ['FailureTarget', 'Failed']);
    assert.deepEqual([get().status?.failed, get().status?.active, get().status?.terminating], [2, undefined, 0]);
    await stop();
  });

  test('is suspended and resumed', async () => {
    const { api, client, run, get, conditions, stop } = await start(job(), () => undefined);
    await run(3);
    await client.patch(jobs, get().metadata, { spec: { suspend: true } }, { type: 'merge' });
    await run(3);
    assert.deepEqual([api.list('pods').length, get().status?.startTime, get().status?.failed], [0, undefined, undefined]);
    await client.patch(jobs, get().metadata, { spec: { suspend: false } }, { type: 'merge' });
    await run(3);
    assert.equal(api.list('pods').length, 2);
    assert.deepEqual(conditions(), ['Suspended']);
    assert.equal(get().status?.conditions?.[0]?.reason, 'JobResumed');
    await stop();
  });

  test('takes back a pod that lost its owner, and lets one go that no longer matches', async () => {
    const { api, client, run, stop } = await start(job(), () => undefined);
    await run(2);
    const [{ metadata }] = api.list<Pod>('pods') as [Pod];
    const now = () => api.get<Pod>('pods', 'default', metadata.name ?? '')?.metadata;
    await client.patch(podResource, metadata, { metadata: { ownerReferences: null } }, { type: 'merge' });
    await run(2);
    assert.deepEqual([now()?.ownerReferences?.[0]?.uid, now()?.finalizers], ['job-uid', [trackingFinalizer]]);
    await client.patch(podResource, metadata, { metadata: { labels: null } }, { type: 'merge' });
    await run(2);
    assert.deepEqual(now()?.finalizers, []);
    assert.equal(api.list('pods').length, 3);
    await stop();
  });

  test('lets go of the pods of a Job that is gone', async () => {
    const { api, run, stop } = await start(job(), () => undefined);
    await run(2);
    assert.ok(api.list<Pod>('pods').every(({ metadata }) => metadata.finalizers?.length === 1));
    api.remove('batch/jobs', 'default', 'work');
    await run(2);
    assert.ok(api.list<Pod>('pods').every(({ metadata }) => !metadata.finalizers?.length));
    await stop();
  });
});
