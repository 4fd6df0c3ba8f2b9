import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Event } from '../api/types/core-v1.ts';
import { silentLogger } from '../base/logger.ts';
import { Client } from './client.ts';
import { EventRecorder } from './event-recorder.ts';
import { FakeApi } from './testing/fake-api.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { exchangeTransport } from './transports/exchange.ts';

function setUp(queueMax = 1000) {
  const api = new FakeApi();
  const clock = new ManualClock();
  const client = new Client(exchangeTransport(api.handler, { username: 'test', groups: [] }), { clock });
  const recorder = new EventRecorder(client, { clock, logger: silentLogger, component: 'test-controller', queueMax });
  const subject = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', namespace: 'default', name, uid: `uid-of-${name}` });
  return { api, clock, recorder, subject };
}

describe('event recorder', () => {
  test('the same event again raises the count of the first', async () => {
    const { api, clock, recorder, subject } = setUp();
    recorder.event(subject('a'), 'Warning', 'BackOff', 'again');
    await clock.advance(10);
    recorder.event(subject('a'), 'Warning', 'BackOff', 'again');
    recorder.event(subject('a'), 'Warning', 'BackOff', 'again');
    await clock.advance(10);
    const [event, ...others] = api.list<Event>('events');
    assert.equal(others.length, 0);
    assert.equal(event?.count, 3);
    assert.equal(event?.source?.component, 'test-controller');
    recorder.close();
  });

  test('many similar ones are combined, and one object cannot flood', async () => {
    const { api, clock, recorder, subject } = setUp();
    for (let i = 0; i < 40; i++) recorder.event(subject('a'), 'Normal', 'Made', `thing ${i}`);
    await clock.advance(100);
    const events = api.list<Event>('events');
    assert.equal(events.length, 10);
    const combined = events.find(({ message }) => message?.startsWith('(combined from similar events): '));
    assert.equal(combined?.count, 16);
    assert.equal(recorder.dropped, 15);
    recorder.close();
  });

  test('never grows beyond its queue, and drops what comes after close', () => {
    const { recorder, subject } = setUp(5);
    for (let i = 0; i < 100; i++) recorder.event(subject(`p${i}`), 'Normal', 'Made', 'x');
    assert.ok(recorder.dropped >= 85);
    recorder.close();
    const before = recorder.dropped;
    recorder.event(subject('z'), 'Normal', 'Made', 'x');
    assert.equal(recorder.dropped, before + 1);
  });
});
