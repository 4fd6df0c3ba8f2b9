/** Times as people read them: `5m`, `2d3h`. The steps of precision are upstream's (apimachinery util/duration). */

const secondsOf = { minute: 60, hour: 3600, day: 86_400, year: 365 * 86_400 };

/** A duration in milliseconds, with two units at most. Clocks that differ by a second are forgiven. */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  const minutes = Math.trunc(seconds / secondsOf.minute);
  const hours = Math.trunc(seconds / secondsOf.hour);
  const days = Math.trunc(seconds / secondsOf.day);
  const years = Math.trunc(seconds / secondsOf.year);
  if (minutes < 2) return `${Math.abs(seconds)}s`;
  if (minutes < 10) return twoUnits(minutes, 'm', seconds % 60, 's');
  if (hours < 3) return `${minutes}m`;
  if (hours < 8) return twoUnits(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (days < 8) return twoUnits(days, 'd', hours % 24, 'h');
  if (years < 2) return `${days}d`;
  if (years < 8) return twoUnits(years, 'y', days % 365, 'd');
  return `${years}y`;
}

function twoUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}

/** How long ago a time of the API was; `<unknown>` for one that is not set. */
export function since(time: string | undefined, now: number): string {
  return time ? humanDuration(now - Date.parse(time)) : '<unknown>';
}
