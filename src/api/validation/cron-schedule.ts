/**
 * Is a text a schedule in cron's form? Five fields (minute, hour, day of month,
 * month, day of week) or a descriptor (`@daily`, `@every 5m`). Messages are
 * those of the parser that upstream uses.
 */

interface FieldRange {
  readonly low: number;
  readonly high: number;
  readonly names?: readonly string[];
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const fieldRanges: readonly FieldRange[] = [
  { low: 0, high: 59 },
  { low: 0, high: 23 },
  { low: 1, high: 31 },
  { low: 1, high: 12, names: monthNames },
  { low: 0, high: 6, names: dayNames },
];

const descriptors = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];
const duration = /^[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/;

/** What is wrong with it; undefined for a good one. */
export function scheduleProblem(text: string): string | undefined {
  if (text === '') return 'empty spec string';
  // A leading time zone is refused elsewhere, with a better message.
  const schedule = /^(CRON_)?TZ=/.test(text) ? text.slice(text.indexOf(' ')).trim() : text;
  if (schedule.startsWith('@')) return descriptorProblem(schedule);
  const fields = schedule.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== fieldRanges.length)
    return `expected exactly ${fieldRanges.length} fields, found ${fields.length}: [${fields.join(' ')}]`;
  for (const [index, field] of fields.entries())
    for (const part of field.split(',').filter((item) => item !== '')) {
      const problem = partProblem(part, fieldRanges[index] as FieldRange);
      if (problem !== undefined) return problem;
    }
  return undefined;
}

function descriptorProblem(descriptor: string): string | undefined {
  if (descriptors.includes(descriptor)) return undefined;
  if (!descriptor.startsWith('@every ')) return `unrecognized descriptor: ${descriptor}`;
  const given = descriptor.slice('@every '.length);
  return duration.test(given)
    ? undefined
    : `failed to parse duration ${descriptor}: time: invalid duration "${given}"`;
}

/** `*`, `5`, `1-5`, `mon`, each with `/step`. */
function partProblem(part: string, range: FieldRange): string | undefined {
  const [limits = '', stepText, ...moreSteps] = part.split('/');
  const [from = '', to, ...moreLimits] = limits.split('-');
  const anything = from === '*' || from === '?';
  const start = anything ? range.low : numberIn(from, range.names);
  if (typeof start === 'string') return start;
  if (!anything && moreLimits.length > 0) return `too many hyphens: ${part}`;
  const last = anything ? range.high : to === undefined ? start : numberIn(to, range.names);
  if (typeof last === 'string') return last;
  if (moreSteps.length > 0) return `too many slashes: ${part}`;
  const step = stepText === undefined ? 1 : numberIn(stepText);
  if (typeof step === 'string') return step;
  const end = stepText !== undefined && to === undefined ? range.high : last;
  if (start < range.low) return `beginning of range (${start}) below minimum (${range.low}): ${part}`;
  if (end > range.high) return `end of range (${end}) above maximum (${range.high}): ${part}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${part}`;
  return step === 0 ? `step of range should be a positive number: ${part}` : undefined;
}

/** The number, or the message of what is wrong. */
function numberIn(text: string, names: readonly string[] = []): number | string {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return names === monthNames ? named + 1 : named;
  if (!/^[+-]?\d+$/.test(text))
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  const value = Number(text);
  return value < 0 ? `negative number (${value}) not allowed: ${text}` : value;
}
