import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Event } from '../api/types/core-v1.ts';
import { silentLogger } from '../base/logger.ts';
import { Client } from './client.ts';
import { EventRecorder } from './event-recorder.ts';
import { FakeApi } from './testing/fake-api.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { exchangeTransport } from './transports/exchange.ts';

function setUp(queueMax = 1000, sendersMax = 8) {
  const api = new FakeApi();
  const clock = new ManualClock();
  const transport = exchangeTransport(api.handler, { username: 'test', groups: [] });
  const recorder = new EventRecorder(new Client(transport, { clock }), { clock, logger: silentLogger, component: 'test-controller', queueMax, sendersMax });
  const subject = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', namespace: 'default', name, uid: `uid-of-${name}` });
  return { api, clock, transport, recorder, subject };
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

  test('two components may tell of one object in the same moment', async () => {
    const { api, clock, transport, recorder, subject } = setUp();
    const other = new EventRecorder(new Client(transport, { clock }), { clock, logger: silentLogger, component: 'another-controller' });
    recorder.event(subject('a'), 'Normal', 'Asked', 'please');
    other.event(subject('a'), 'Warning', 'Refused', 'no');
    await clock.advance(10);
    assert.deepEqual(api.list<Event>('events').map(({ reason }) => reason).sort(), ['Asked', 'Refused']);
    recorder.close();
    other.close();
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

  test('what happens again while it is sent is sent once more; a server that cannot be reached is tried again', async () => {
    const { api, clock, transport, recorder, subject } = setUp();
    const breaking = new Error('connection lost');
    const { request } = transport;
    let breaks = 3;
    transport.request = (sent) => (breaks-- > 0 ? Promise.reject(breaking) : request(sent));
    recorder.event(subject('a'), 'Warning', 'BackOff', 'again');
    recorder.event(subject('a'), 'Warning', 'BackOff', 'again');
    await clock.advance(60_000);
    assert.deepEqual(api.list<Event>('events').map(({ count }) => count), [2]);
    assert.equal(recorder.dropped, 0);
    breaks = Infinity;
    recorder.event(subject('b'), 'Warning', 'BackOff', 'again');
    await clock.advance(120_000);
    assert.equal(recorder.dropped, 1);
    breaks = 0;
    recorder.event(subject('c'), 'Warning', 'BackOff', 'again');
    await clock.advance(10);
    assert.equal(api.list<Event>('events').length, 2);
    recorder.close();
  });

  test('an event that has expired is made anew', async () => {
    const { api, clock, recorder, subject } = setUp();
    recorder.event(subject('a'), 'Normal', 'Made', 'x');
    await clock.advance(10);
    const [event] = api.list<Event>('events');
    api.remove('events', 'default', event?.metadata.name ?? '');
    recorder.event(subject('a'), 'Normal', 'Made', 'x');
    await clock.advance(10);
    assert.deepEqual(api.list<Event>('events').map(({ count }) => count), [2]);
    recorder.close();
  });

  test('events about an object come one after the other where there is one sender', async () => {
    const { api, clock, recorder, subject } = setUp(1000, 1);
    for (let i = 0; i < 9; i++) recorder.event(subject('a'), 'Normal', `Made${i}`, 'x');
    await clock.advance(100);
    assert.deepEqual(api.list<Event>('events').map(({ reason }) => reason), Array.from({ length: 9 }, (_, i) => `Made${i}`));
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
