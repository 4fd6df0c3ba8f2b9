import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CronJob, CronJobSpec, CronJobStatus, Job } from '../../api/types/batch-v1.ts';
import type { Event } from '../../api/types/core-v1.ts';
import { startWithFakeApi } from '../testing/fake-cluster.ts';
import { decideStart, historyToRemove, jobFor, observeJobs } from './cronjob-decision.ts';

const minute = 60_000;
const created = '2026-01-01T00:00:00Z';
const at = (time: string) => Date.parse(`2026-01-01T${time}Z`);

function cronJob(spec: Partial<CronJobSpec> = {}, status: CronJobStatus = {}): CronJob {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'tick', namespace: 'default', uid: 'cron-uid', creationTimestamp: created },
    spec: {
      schedule: '*/10 * * * *',
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      jobTemplate: { metadata: { labels: { a: 'b' }, annotations: { c: 'd' } }, spec: { template: { spec: { containers: [] } } } },
      ...spec,
    },
    status,
  };
}

const reference = (name: string) => ({ kind: 'Job', apiVersion: 'batch/v1', namespace: 'default', name, uid: `uid-${name}` });

function job(name: string, end?: 'Complete' | 'Failed', times: { startTime?: string; completionTime?: string } = {}): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'tick', uid: 'cron-uid', controller: true }] },
    spec: { template: {} },
    status: { ...times, ...(end ? { conditions: [{ type: end, status: 'True' }] } : {}) },
  };
}

describe('when a job is started', () => {
  interface Expected {
    readonly scheduled?: string;
    readonly again?: string;
    readonly replace?: number;
    readonly reasons?: string[];
  }
  const running = { active: [reference('old')], lastScheduleTime: '2026-01-01T00:00:00Z' };
  const cases: [string, CronJob, string, Expected][] = [
    ['not before its time', cronJob(), '00:05:00', { again: '00:10:00.100' }],
    ['at its time', cronJob(), '00:10:00.1', { scheduled: '00:10:00', again: '00:20:00.100' }],
    ['once for a time', cronJob({}, { lastScheduleTime: '2026-01-01T00:10:00Z' }), '00:12:00', { again: '00:20:00.100' }],
    ['not while its job is known to be active', cronJob({}, { active: [reference('tick-29453770')] }), '00:12:00', { again: '00:20:00.100' }],
    ['the latest of several missed', cronJob(), '00:35:00', { scheduled: '00:30:00', again: '00:40:00.100' }],
    ['with a word about very many missed', cronJob({ schedule: '* * * * *' }), '03:00:30', { scheduled: '03:00:00', again: '03:01:00.100', reasons: ['TooManyMissedTimes'] }],
    ['a deadline bounds how far back is looked', cronJob({ schedule: '* * * * *', startingDeadlineSeconds: 90 }), '03:00:30', { scheduled: '03:00:00', again: '03:01:00.100' }],
    ['not after the deadline', cronJob({ schedule: '0 * * * *', startingDeadlineSeconds: 60 }), '01:05:00', { again: '02:00:00.100' }],
    ['not when suspended', cronJob({ suspend: true }), '00:35:00', {}],
    ['beside one that runs, where allowed', cronJob({}, running), '00:11:00', { scheduled: '00:10:00', again: '00:20:00.100' }],
    ['not beside one that runs, where forbidden', cronJob({ concurrencyPolicy: 'Forbid' }, running), '00:11:00', { again: '00:20:00.100', reasons: ['JobAlreadyActive'] }],
    ['in place of one that runs', cronJob({ concurrencyPolicy: 'Replace' }, running), '00:11:00', { scheduled: '00:10:00', again: '00:20:00.100', replace: 1 }],
    ['by the clocks of its zone', cronJob({ schedule: '0 6 * * *', timeZone: 'Asia/Kolkata' }), '00:31:00', { scheduled: '00:30:00', again: '24:30:00.100' }],
    ['not by those of a zone that there is not', cronJob({ timeZone: 'Mars/Base' }), '00:35:00', { reasons: ['UnknownTimeZone'] }],
    ['with a word about a zone in the schedule', cronJob({ schedule: 'TZ=UTC */10 * * * *' }), '00:05:00', { again: '00:10:00.100', reasons: ['UnsupportedSchedule'] }],
    ['not by what is no schedule', cronJob({ schedule: 'often' }), '00:35:00', { reasons: ['UnparseableSchedule'] }],
    ['never on a day that there is not', cronJob({ schedule: '59 23 31 2 *' }), '00:35:00', { reasons: ['InvalidSchedule'] }],
  ];
  for (const [name, given, time, expected] of cases)
    test(name, () => {
      const nowMs = at(time);
      const decision = decideStart(given, given.status?.active ?? [], nowMs);
      const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
      const again = expected.again?.startsWith('24:') ? at(expected.again.replace('24:', '00:')) + 1440 * minute : expected.again && at(expected.again);
      assert.equal(iso(decision.scheduledMs), iso(expected.scheduled === undefined ? undefined : at(expected.scheduled)));
      assert.equal(iso(decision.againMs === undefined ? undefined : nowMs + decision.againMs), iso(again || undefined));
      assert.equal(decision.replace.length, expected.replace ?? 0);
      assert.deepEqual(decision.notices.map(({ reason }) => reason), expected.reasons ?? []);
    });
});

describe('the job that is started', () => {
  test('is named by its minute and says when it was due', () => {
    const { metadata, spec } = jobFor(cronJob({ timeZone: 'Asia/Kolkata' }), at('00:10:00'));
    assert.equal(metadata.name, `tick-${at('00:10:00') / minute}`);
    assert.deepEqual(metadata.labels, { a: 'b' });
    assert.deepEqual(metadata.annotations, { c: 'd', 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T05:40:00+05:30' });
    assert.deepEqual(metadata.ownerReferences, [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'tick', uid: 'cron-uid', controller: true, blockOwnerDeletion: true }]);
    assert.deepEqual(spec, { template: { spec: { containers: [] } } });
    assert.equal(jobFor(cronJob(), at('00:10:00')).metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'], '2026-01-01T00:10:00Z');
  });
});

describe('what jobs come to', () => {
  test('ended ones leave the active list, the last success counts', () => {
    const seen = observeJobs(cronJob({}, { active: ['a', 'b', 'c', 'lost'].map(reference) }), [
      job('a', 'Complete', { completionTime: '2026-01-01T00:02:00Z' }),
      job('b', 'Failed'),
      job('c'),
      job('old', 'Complete', { completionTime: '2026-01-01T00:01:00Z' }),
      job('stranger'),
    ]);
    assert.deepEqual(seen.active.map(({ name }) => name), ['c', 'lost']);
    assert.equal(seen.lastSuccessfulTime, '2026-01-01T00:02:00Z');
    assert.deepEqual(seen.unexpected.map(({ metadata }) => metadata.name), ['stranger']);
    assert.deepEqual(seen.missing.map(({ name }) => name), ['lost']);
    assert.deepEqual(seen.notices.map(({ message }) => message), ['Saw completed job: a, condition: Complete', 'Saw completed job: b, condition: Failed']);
  });

  test('history beyond the limits goes, the oldest first', () => {
    const jobs = [
      job('s3', 'Complete', { startTime: '2026-01-01T00:03:00Z' }),
      job('s1', 'Complete', { startTime: '2026-01-01T00:01:00Z' }),
      job('s2', 'Complete', { startTime: '2026-01-01T00:02:00Z' }),
      job('f1', 'Failed', { startTime: '2026-01-01T00:01:00Z' }),
      job('f0', 'Failed'),
      job('running'),
    ];
    const names = (spec: Partial<CronJobSpec>) => historyToRemove(cronJob(spec), jobs).map(({ metadata }) => metadata.name);
    assert.deepEqual(names({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1 }), ['s1', 's2', 'f1']);
    assert.deepEqual(names({ successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: undefined }), ['s1', 's2', 's3']);
  });
});

describe('cronjob controller', () => {
  const statusOf = (api: { get<T>(resource: string, namespace: string, name: string): T | undefined }) => api.get<CronJob>('batch/cronjobs', 'default', 'tick')?.status;

  test('starts jobs as time goes, keeps the status and the history', async () => {
    const { api, clock, stop } = await startWithFakeApi(['cronjob'], (api) => api.put('batch/cronjobs', cronJob({ successfulJobsHistoryLimit: 2 })));
    for (let round = 1; round <= 4; round++) {
      await clock.advance(10 * minute + 200);
      const running = api.list<Job>('batch/jobs').filter(({ status }) => !status?.conditions);
      assert.deepEqual(running.map(({ metadata }) => metadata.name), [`tick-${at('00:00:00') / minute + 10 * round}`]);
      assert.deepEqual(statusOf(api)?.active?.map(({ name }) => name), running.map(({ metadata }) => metadata.name));
      const completionTime = new Date(clock.now()).toISOString();
      for (const ran of running) api.put('batch/jobs', { ...ran, status: { startTime: completionTime, completionTime, conditions: [{ type: 'Complete', status: 'True' }] } });
      await clock.advance(1000);
      assert.equal(statusOf(api)?.active, undefined);
      assert.equal(statusOf(api)?.lastSuccessfulTime, completionTime);
    }
    assert.equal(statusOf(api)?.lastScheduleTime, '2026-01-01T00:40:00Z');
    assert.equal(api.list('batch/jobs').length, 2);
    await clock.advance(1000);
    const reasons = new Set(api.list<Event>('events').map(({ reason }) => reason));
    assert.deepEqual([...reasons].sort(), ['SawCompletedJob', 'SuccessfulCreate', 'SuccessfulDelete']);
    await stop();
  });

  test('replaces what still runs, and forgets what has vanished', async () => {
    const { api, clock, stop } = await startWithFakeApi(['cronjob'], (api) => api.put('batch/cronjobs', cronJob({ concurrencyPolicy: 'Replace' }, { active: [reference('lost')] })));
    await clock.advance(10 * minute + 200);
    const [first] = api.list<Job>('batch/jobs');
    await clock.advance(10 * minute);
    const jobs = api.list<Job>('batch/jobs');
    assert.equal(jobs.length, 1);
    assert.notEqual(jobs[0]?.metadata.name, first?.metadata.name);
    assert.deepEqual(statusOf(api)?.active?.map(({ name }) => name), [jobs[0]?.metadata.name]);
    await clock.advance(1000);
    assert.ok(api.list<Event>('events').some(({ message }) => message === 'Active job went missing: lost'));
    await stop();
  });

  test('a new schedule does not make up for times before it', async () => {
    const { api, clock, stop } = await startWithFakeApi(['cronjob'], (api) => api.put('batch/cronjobs', cronJob({ schedule: '0 12 * * *' })));
    await clock.advance(35 * minute);
    api.put('batch/cronjobs', { ...api.get<CronJob>('batch/cronjobs', 'default', 'tick')!, spec: cronJob({ schedule: '30 * * * *' }).spec });
    await clock.advance(10 * minute);
    assert.equal(api.list('batch/jobs').length, 0);
    await clock.advance(46 * minute);
    assert.equal(api.list('batch/jobs').length, 1);
    await stop();
  });
});
