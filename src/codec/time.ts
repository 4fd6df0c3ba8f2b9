/** metav1.Time and MicroTime as texts: RFC 3339, read with Go's strictness and in Go's words, written in UTC. */

export class TimeError extends Error {
  override readonly name = 'TimeError';
}

const secondsLayout = '2006-01-02T15:04:05Z07:00';
const microLayout = '2006-01-02T15:04:05.000000Z07:00';
const canonicalSeconds = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;

/** `2024-01-01T02:00:00.5+02:00` -> `2024-01-01T00:00:00Z`. Throws TimeError. */
export function canonicalTime(text: string): string {
  if (canonicalSeconds.test(text)) return text;
  return formatTime(parseTime(text, secondsLayout).seconds);
}

/** With microseconds: `2024-01-01T00:00:00.000000Z`; six digits are a must. Throws TimeError. */
export function canonicalMicroTime(text: string): string {
  const { seconds, nanos } = parseTime(text, microLayout);
  return formatMicroTime(seconds, nanos);
}

export interface Instant {
  /** Since 1970. */
  readonly seconds: number;
  readonly nanos: number;
}

/** Of a canonical or any RFC 3339 text. Throws TimeError. */
export function instantOf(text: string): Instant {
  return canonicalSeconds.test(text) ? { seconds: Date.parse(text) / 1000, nanos: 0 } : parseTime(text, secondsLayout);
}

export function formatTime(seconds: number): string {
  const text = new Date(seconds * 1000).toISOString();
  return `${text.slice(0, text.lastIndexOf('.'))}Z`;
}

export function formatMicroTime(seconds: number, nanos: number): string {
  const text = formatTime(seconds);
  return `${text.slice(0, -1)}.${Math.trunc(nanos / 1000).toString().padStart(6, '0')}Z`;
}

const parts: [layout: string, pattern: RegExp][] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d\d/],
  ['-', /^-/],
  ['02', /^\d\d/],
  ['T', /^T/],
  ['15', /^\d\d/],
  [':', /^:/],
  ['04', /^\d\d/],
  [':', /^:/],
  ['05', /^\d\d/],
];

function parseTime(text: string, layout: string): Instant {
  let rest = text;
  const numbers: number[] = [];
  const fail = (element: string): never => {
    throw new TimeError(`parsing time ${JSON.stringify(text)} as "${layout}": cannot parse ${JSON.stringify(rest)} as "${element}"`);
  };
  const outOfRange = (what: string): never => {
    throw new TimeError(`parsing time ${JSON.stringify(text)}: ${what} out of range`);
  };
  const take = (pattern: RegExp, element: string): string => {
    const found = pattern.exec(rest)?.[0] ?? fail(element);
    rest = rest.slice(found.length);
    return found;
  };
  for (const [element, pattern] of parts) {
    const found = take(pattern, element);
    if (element !== '-' && element !== 'T' && element !== ':') numbers.push(Number(found));
  }
  let fraction = '';
  if (layout === microLayout) fraction = take(/^\.\d{6}/, '.000000').slice(1);
  else fraction = (/^[.,]\d+/.exec(rest)?.[0] ?? '.').slice(1);
  if (layout === secondsLayout && fraction !== '') rest = rest.slice(fraction.length + 1);
  const zone = take(/^(Z|[+-]\d\d:\d\d)/, 'Z07:00');
  if (rest !== '') throw new TimeError(`parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(rest)}`);

  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  if (month < 1 || month > 12) outOfRange('month');
  if (hour > 23) outOfRange('hour');
  if (minute > 59) outOfRange('minute');
  if (second > 59) outOfRange('second');
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month - 1, day);
  if (day < 1 || midnight.getUTCDate() !== day) outOfRange('day');
  let seconds = midnight.getTime() / 1000 + hour * 3600 + minute * 60 + second;
  if (zone !== 'Z') {
    const offset = Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(4, 6)) * 60;
    seconds -= zone.startsWith('-') ? -offset : offset;
  }
  return { seconds, nanos: Number(fraction.slice(0, 9).padEnd(9, '0')) };
}
