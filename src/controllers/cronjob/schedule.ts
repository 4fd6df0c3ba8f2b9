/**
 * When a schedule comes round: five fields of cron (minute, hour, day of month,
 * month, day of week), `@daily` and its like, `@every 90m`. A time is due when
 * its wall-clock reading in the schedule's time zone matches all fields: a
 * reading that a clock change skips does not come, one that it repeats comes
 * twice. Where both days are restricted, either will do.
 */
import { assert } from '../../base/assert.ts';
import { scheduleProblem } from '../../api/validation/cron-schedule.ts';

export interface Schedule {
  /** The first time after `afterMs`; undefined where none comes within five years (31 February). */
  next(afterMs: number): number | undefined;
}

export type ParsedSchedule = { readonly schedule: Schedule } | { readonly problem: string };

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const horizonMs = 5 * 366 * dayMs;

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, 'μs': 1e-3, ms: 1, s: 1000, m: minuteMs, h: hourMs };

/** `timeZone` is an IANA name, UTC where left out; a `TZ=` in the text goes before it. */
export function parseSchedule(text: string, timeZone = 'UTC'): ParsedSchedule {
  const problem = scheduleProblem(text);
  if (problem !== undefined) return { problem };
  const prefix = /^(?:CRON_)?TZ=(\S+)\s+/.exec(text);
  const zone = prefix?.[1] ?? timeZone;
  if (!isTimeZone(zone)) return { problem: `provided bad location ${zone}: unknown time zone ${zone}` };
  const fields = prefix ? text.slice(prefix[0].length).trim() : text;
  if (fields.startsWith('@every ')) return { schedule: every(durationMs(fields.slice('@every '.length))) };
  return { schedule: new CronSchedule(descriptors[fields] ?? fields, zone) };
}

export function isTimeZone(name: string): boolean {
  try {
    offsets(name);
    return true;
  } catch {
    return false;
  }
}

/** Whole seconds, at least one. */
function every(givenMs: number): Schedule {
  const periodMs = Math.max(1000, Math.floor(givenMs / 1000) * 1000);
  return { next: (afterMs) => Math.floor(afterMs / 1000) * 1000 + periodMs };
}

function durationMs(text: string): number {
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g)) sum += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  return text.startsWith('-') ? -sum : sum;
}

/** The values that a field allows. */
interface Field {
  readonly values: ReadonlySet<number>;
  /** Says nothing: `*` or `?`. */
  readonly open: boolean;
}

const limits: readonly (readonly [low: number, high: number, names: readonly string[]])[] = [
  [0, 59, []],
  [0, 23, []],
  [1, 31, []],
  [1, 12, ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']],
  [0, 6, ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']],
];

/** Of a text that `scheduleProblem` has found no fault with. */
function parseField(text: string, index: number): Field {
  const [low, high, names] = limits[index] ?? [0, 0, []];
  const numberOf = (value: string) => (names.includes(value.toLowerCase()) ? names.indexOf(value.toLowerCase()) : Number(value));
  const values = new Set<number>();
  let open = false;
  for (const part of text.split(',')) {
    if (part === '') continue;
    const [span = '', stepText] = part.split('/');
    const [from = '', to] = span.split('-');
    const any = from === '*' || from === '?';
    const step = stepText === undefined ? 1 : Number(stepText);
    const first = any ? low : numberOf(from);
    const last = any || (stepText !== undefined && to === undefined) ? high : to === undefined ? first : numberOf(to);
    for (let value = first; value <= last; value += step) values.add(value);
    if (any && step === 1) open = true;
  }
  return { values, open };
}

class CronSchedule implements Schedule {
  readonly #minutes: Field;
  readonly #hours: Field;
  readonly #days: Field;
  readonly #months: Field;
  readonly #weekdays: Field;
  readonly #offsetAt: (ms: number) => number;

  constructor(text: string, timeZone: string) {
    const [minutes, hours, days, months, weekdays] = text.split(/\s+/).filter((field) => field !== '').map(parseField);
    assert(minutes && hours && days && months && weekdays, 'a schedule has five fields');
    this.#minutes = minutes;
    this.#hours = hours;
    this.#days = days;
    this.#months = months;
    this.#weekdays = weekdays;
    this.#offsetAt = offsets(timeZone);
  }

  next(afterMs: number): number | undefined {
    let candidateMs = (Math.floor(afterMs / minuteMs) + 1) * minuteMs;
    const endMs = candidateMs + horizonMs;
    while (candidateMs < endMs) {
      const wall = this.#wall(candidateMs);
      if (!this.#dayMatches(wall)) candidateMs = this.#nextDay(candidateMs, wall);
      else if (!this.#hours.values.has(wall.getUTCHours())) candidateMs += hourMs - wall.getUTCMinutes() * minuteMs;
      else if (!this.#minutes.values.has(wall.getUTCMinutes())) candidateMs += minuteMs;
      else return candidateMs;
    }
    return undefined;
  }

  /** A date whose UTC reading is what the clock on the wall shows. */
  #wall(ms: number): Date {
    return new Date(ms + this.#offsetAt(ms));
  }

  #dayMatches(wall: Date): boolean {
    if (!this.#months.values.has(wall.getUTCMonth() + 1)) return false;
    const day = this.#days.values.has(wall.getUTCDate());
    const weekday = this.#weekdays.values.has(wall.getUTCDay());
    return this.#days.open || this.#weekdays.open ? day && weekday : day || weekday;
  }

  /** The next midnight; if the clock is set between, perhaps an hour before it, never after the day's first minute. */
  #nextDay(ms: number, wall: Date): number {
    const thereMs = ms + dayMs - timeOfDayMs(wall);
    const lateMs = timeOfDayMs(this.#wall(thereMs));
    if (lateMs === 0 || lateMs > dayMs / 2) return thereMs;
    // Some zones set their clocks at midnight: then there is none, and the day begins here.
    return timeOfDayMs(this.#wall(thereMs - lateMs)) === 0 ? thereMs - lateMs : thereMs;
  }
}

function timeOfDayMs(wall: Date): number {
  return wall.getUTCHours() * hourMs + wall.getUTCMinutes() * minuteMs;
}

/** How far a zone's clocks are ahead of UTC, by time. Throws RangeError for an unknown zone. */
export function offsets(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
  if (format.resolvedOptions().timeZone === 'UTC') return () => 0;
  return (ms) => {
    const [, sign, hours = '0', minutes = '0'] = /GMT([+-])(\d+):(\d+)/.exec(format.format(ms)) ?? [];
    const aheadMs = Number(hours) * hourMs + Number(minutes) * minuteMs;
    return sign === '-' ? -aheadMs : aheadMs;
  };
}
