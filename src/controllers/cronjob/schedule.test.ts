import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseSchedule } from './schedule.ts';

function after(schedule: string, time: string, timeZone?: string): string | undefined {
  const parsed = parseSchedule(schedule, timeZone);
  assert.ok('schedule' in parsed, 'problem' in parsed ? parsed.problem : '');
  const next = parsed.schedule.next(Date.parse(time));
  return next === undefined ? undefined : new Date(next).toISOString().replace('.000Z', 'Z');
}

describe('schedules', () => {
  const cases: readonly (readonly [schedule: string, after: string, next: string | undefined, timeZone?: string])[] = [
    ['* * * * *', '2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'],
    ['* * * * *', '2026-01-01T00:00:59.500Z', '2026-01-01T00:01:00Z'],
    ['*/15 * * * *', '2026-01-01T00:46:00Z', '2026-01-01T01:00:00Z'],
    ['5/20 * * * *', '2026-01-01T00:26:00Z', '2026-01-01T00:45:00Z'],
    ['0 9-17/4 * * *', '2026-01-01T13:00:00Z', '2026-01-01T17:00:00Z'],
    ['30 6-16/4 * * 1-5', '2026-01-02T14:30:00Z', '2026-01-05T06:30:00Z'],
    ['0 0 1 * *', '2026-01-31T23:00:00Z', '2026-02-01T00:00:00Z'],
    ['0 0 29 feb *', '2026-03-01T00:00:00Z', '2028-02-29T00:00:00Z'],
    ['59 23 31 2 *', '2026-01-01T00:00:00Z', undefined],
    // Either day where both are restricted; a step is no restriction to be left out.
    ['0 0 13 * fri', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
    ['0 0 */2 * mon', '2026-01-01T00:00:00Z', '2026-01-03T00:00:00Z'],
    ['0 0 ? * MON', '2026-01-01T00:00:00Z', '2026-01-05T00:00:00Z'],
    ['@yearly', '2026-06-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['@weekly', '2026-01-01T00:00:00Z', '2026-01-04T00:00:00Z'],
    ['@hourly', '2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z'],
    ['@every 1h30m', '2026-01-01T00:00:00.700Z', '2026-01-01T01:30:00Z'],
    ['@every 10ms', '2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'],
    ['0 9 * * *', '2026-01-01T00:00:00Z', '2026-01-01T14:00:00Z', 'America/New_York'],
    ['TZ=Asia/Kolkata 0 9 * * *', '2026-01-01T00:00:00Z', '2026-01-01T03:30:00Z'],
    // New York skips 02:00-03:00 on 8 March 2026, and has 01:00-02:00 twice on 1 November.
    ['30 2 * * *', '2026-03-07T12:00:00Z', '2026-03-09T06:30:00Z', 'America/New_York'],
    ['0 0 * * *', '2026-03-08T05:00:00Z', '2026-03-09T04:00:00Z', 'America/New_York'],
    ['30 1 * * *', '2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z', 'America/New_York'],
    ['0 0 2 11 *', '2026-11-01T00:00:00Z', '2026-11-02T05:00:00Z', 'America/New_York'],
    // Beirut's clocks went from midnight to one on 30 March 2025.
    ['0 1 30 * *', '2025-03-29T12:00:00Z', '2025-03-29T22:00:00Z', 'Asia/Beirut'],
  ];
  for (const [schedule, from, next, timeZone] of cases)
    test(`${schedule} after ${from}${timeZone ? ` in ${timeZone}` : ''}`, () => assert.equal(after(schedule, from, timeZone), next));

  test('problems are told', () => {
    assert.deepEqual(parseSchedule('* * * *'), { problem: 'expected exactly 5 fields, found 4: [* * * *]' });
    assert.deepEqual(parseSchedule('* * * * *', 'Mars/Base'), { problem: 'provided bad location Mars/Base: unknown time zone Mars/Base' });
  });

  test('jumps skip nothing: the same as looking at every minute', () => {
    const minuteMs = 60_000;
    const zones = fc.constantFrom('UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Beirut');
    // Around the clock changes of 2025, and anywhere.
    const days = fc.oneof(fc.constantFrom('2025-03-08', '2025-03-29', '2025-04-05', '2025-10-04', '2025-10-25', '2025-11-01'), fc.constantFrom('2025-01-01', '2025-07-15'));
    fc.assert(
      fc.property(zones, days, fc.nat(24 * 60), fc.nat(59), fc.nat(4), (zone, day, startMinute, minute, hour) => {
        const parsed = parseSchedule(`${minute} ${hour} * * *`, zone);
        assert.ok('schedule' in parsed);
        const format = new Intl.DateTimeFormat('en', { timeZone: zone, hourCycle: 'h23', hour: 'numeric', minute: 'numeric' });
        const wanted = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
        const fromMs = Date.parse(`${day}T00:00:00Z`) + startMinute * minuteMs;
        let ms = fromMs + minuteMs;
        while (format.format(ms) !== wanted) ms += minuteMs;
        assert.equal(parsed.schedule.next(fromMs), ms);
      }),
      { numRuns: 60 },
    );
  });
});
