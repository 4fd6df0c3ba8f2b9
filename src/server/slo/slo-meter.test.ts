import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualClock } from '../../client/testing/manual-clock.ts';
import { Indicator, windowMs } from './indicator.ts';
import { SloMeter } from './slo-meter.ts';

const of = (verb: string, resource: string, scope: string, more: { group?: string; subresource?: string } = {}) => ({ verb, group: '', subresource: '', ...more, resource, scope });

describe('an indicator', () => {
  test('has no verdict before it has seen something', () => {
    assert.deepEqual(new Indicator(1).read(0), { objectiveSeconds: 1, verdict: 'noData' });
    assert.deepEqual(new Indicator().read(0), {});
  });

  test('one slow observation in two hundred is allowed, three are not', () => {
    const indicator = new Indicator(1);
    for (let i = 0; i < 198; i++) indicator.observe(0, 0.01);
    indicator.observe(0, 3);
    assert.equal(indicator.read(0).verdict, 'met');
    indicator.observe(0, 3);
    indicator.observe(0, 3);
    assert.equal(indicator.read(0).verdict, 'violated');
  });

  test('of the day’s windows 99 % have to be good, those without data do not count, and a day later all is forgotten', () => {
    const indicator = new Indicator(1);
    let now = 0;
    let number = 0;
    const window = (seconds: number | undefined) => {
      if (seconds !== undefined) indicator.observe(now, seconds);
      now += windowMs;
      // What was seen in the window's last slot is still in sight.
      indicator.closeWindow(now - 1, number++);
    };
    window(20);
    assert.deepEqual(indicator.read(now).day, { windows: 1, bad: 1, p99Seconds: 22 });
    for (let i = 0; i < 98; i++) window(0.1);
    assert.equal(indicator.read(now).verdict, 'violated', 'one in 99 is more than 1 %');
    for (let i = 0; i < 20; i++) window(undefined);
    window(0.1);
    const { verdict, day } = indicator.read(now);
    assert.deepEqual([verdict, day?.windows, day?.bad], ['met', 100, 1]);
    for (let i = 0; i < 288; i++) window(undefined);
    assert.deepEqual(indicator.read(now), { objectiveSeconds: 1, verdict: 'noData' });
  });

  test('what is beyond the range is told as such, and is a violation', () => {
    const indicator = new Indicator(5);
    indicator.observe(0, 1e5);
    const { last5Minutes, verdict } = indicator.read(0);
    assert.deepEqual([last5Minutes?.p99Seconds, verdict], [null, 'violated']);
  });
});

describe('the meter', () => {
  test('objectives are those of sig-scalability', () => {
    const clock = new ManualClock();
    const meter = new SloMeter(clock);
    const calls = [
      of('GET', 'pods', 'resource'),
      of('LIST', 'pods', 'namespace'),
      of('LIST', 'pods', 'cluster'),
      of('POST', 'pods', 'resource', { subresource: 'binding' }),
      of('APPLY', 'deployments', 'resource', { group: 'apps' }),
      of('DELETE', 'pods', 'namespace'),
      of('WATCH', 'pods', 'cluster'),
      of('CONNECT', 'pods', 'resource', { subresource: 'log' }),
    ];
    const now = clock.monotonic();
    for (const call of calls) meter.apiCalls(call)?.observe(now, 0.1);
    meter.podStartup('pod_startup').observe(now, 0.1);
    meter.podStartup('run_to_watch').observe(now, 0.1);
    meter.watchLatency('apps', 'deployments').observe(now, 0.1);
    const readings = meter.report().indicators.map(({ sli, of: what, objectiveSeconds }) => [sli, Object.values(what).join(' '), objectiveSeconds]);
    assert.deepEqual(readings, [
      ['api-call-latency-readonly', 'resource pods', 1],
      ['api-call-latency-readonly', 'namespace pods', 5],
      ['api-call-latency-readonly', 'cluster pods', 30],
      ['api-call-latency-mutating', 'POST pods/binding', 1],
      ['api-call-latency-mutating', 'APPLY deployments.apps', 1],
      ['pod-startup-latency', 'pod_startup', 5],
      ['pod-startup-latency', 'run_to_watch', undefined],
      ['watch-latency', 'deployments.apps', undefined],
    ]);
  });

  test('the cluster’s verdict is the worst of all, and what nobody used is left out', async () => {
    const clock = new ManualClock();
    const meter = new SloMeter(clock);
    const gets = meter.apiCalls(of('GET', 'pods', 'resource'));
    const lists = meter.apiCalls(of('LIST', 'pods', 'cluster'));
    meter.apiCalls(of('GET', 'nodes', 'resource'));
    assert.deepEqual([meter.report().verdict, meter.report().indicators], ['noData', []]);
    gets?.observe(clock.monotonic(), 0.5);
    assert.equal(meter.report().verdict, 'met');
    lists?.observe(clock.monotonic(), 31);
    assert.equal(meter.report().verdict, 'violated');
    await clock.advance(windowMs - 1);
    meter.closeWindow();
    await clock.advance(windowMs);
    const { verdict, indicators } = meter.report();
    assert.deepEqual([verdict, indicators.map(({ last5Minutes, day }) => [last5Minutes, day?.bad])], ['violated', [[undefined, 0], [undefined, 1]]]);
  });

  test('the same calls in two versions are one indicator', () => {
    const meter = new SloMeter(new ManualClock());
    assert.equal(meter.apiCalls(of('GET', 'events', 'resource')), meter.apiCalls(of('GET', 'events', 'resource')));
  });
});
