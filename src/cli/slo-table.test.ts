import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SloReading, SloReport } from '../api/slo.ts';
import { sloTable } from './slo-table.ts';

const reading = (more: Pick<SloReading, 'sli' | 'of'> & Partial<SloReading>, p99Seconds: number | null): SloReading => ({ last5Minutes: { count: 7, p50Seconds: 0.001, p99Seconds }, ...more });
const texts = (report: Partial<SloReport>) =>
  sloTable({ time: '', since: '', verdict: 'met', indicators: [], unmeasured: [], ...report }).map((row) => row.map(({ text }) => text).join(' | '));

test('a line for each kind, with the worst of it', () => {
  const mutating = { sli: 'api-call-latency-mutating', objectiveSeconds: 1, verdict: 'met' } as const;
  const startup = (phase: string, p99Seconds: number) => reading({ sli: 'pod-startup-latency', of: { phase }, ...(phase === 'pod_startup' ? { objectiveSeconds: 5, verdict: 'met' } : {}) }, p99Seconds);
  assert.deepEqual(
    texts({
      indicators: [
        reading({ ...mutating, of: { verb: 'POST', resource: 'pods' } }, 0.0123),
        reading({ ...mutating, of: { verb: 'PATCH', resource: 'pods/status' }, day: { windows: 12, bad: 0, p99Seconds: 0.25 } }, 0.00456),
        startup('pod_startup', 1.25),
        startup('create_to_schedule', 0.5),
        reading({ sli: 'watch-latency', of: { resource: 'pods' } }, 0.0004),
      ],
      unmeasured: [{ sli: 'network-programming-latency', reason: 'no proxy' }],
    }),
    [
      'SLI | objective | last 5 minutes | day | verdict',
      'API calls that change one object | ≤ 1 s | 4.6 ms  PATCH pods/status | 250 ms | met',
      'API reads of one object | ≤ 1 s | – | – | no data',
      'API lists of a namespace | ≤ 5 s | – | – | no data',
      'API lists of the cluster | ≤ 30 s | – | – | no data',
      'Pod start-up | ≤ 5 s | 1.25 s  7 pods | – | met',
      '  created to scheduled |  | 500 ms  7 pods | – | ',
      'Watch latency |  | 0.4 ms  pods | – | ',
      'Network programming |  | not measured: no proxy',
    ],
  );
});

test('every violation has a line', () => {
  const list = { sli: 'api-call-latency-readonly', objectiveSeconds: 5 } as const;
  const lines = texts({
    indicators: [
      reading({ ...list, of: { scope: 'namespace', resource: 'pods' }, verdict: 'violated' }, null),
      reading({ ...list, of: { scope: 'namespace', resource: 'events' }, verdict: 'violated', day: { windows: 200, bad: 3, p99Seconds: 6 } }, 0.1),
      reading({ ...list, of: { scope: 'namespace', resource: 'secrets' }, verdict: 'met' }, 0.2),
    ],
  }).filter((line) => line.includes('violated'));
  assert.deepEqual(lines, ['API lists of a namespace | ≤ 5 s | > 1024 s  pods | – | violated', ' | ≤ 5 s | 100 ms  events | 6 s, 3 of 200 windows bad | violated']);
});
