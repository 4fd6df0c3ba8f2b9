/** What all charts share: scales, ticks, numbers as text, and escaping. */

export interface Scale {
  (value: number): number;
  readonly ticks: readonly number[];
}

export const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character] as string);

/** From `low` to `high`, widened to round ticks, onto `from`..`to`. */
export function linearScale(low: number, high: number, from: number, to: number, tickCount = 5): Scale {
  const step = roundStep(Math.max(high - low, 1e-9) / tickCount);
  const first = Math.floor(low / step) * step;
  const last = Math.ceil(high / step - 1e-9) * step || step;
  const ticks: number[] = [];
  for (let at = 0; first + at * step <= last + step / 2; at++) ticks.push(Number((first + at * step).toPrecision(12)));
  const span = (ticks.at(-1) as number) - first;
  return Object.assign((value: number) => from + ((value - first) / span) * (to - from), { ticks });
}

/** The ends as they are, ticks inside them, round in multiples of `unit`. */
export function exactScale(low: number, high: number, from: number, to: number, unit = 1, tickCount = 6): Scale {
  const span = Math.max(high - low, 1e-9);
  const step = roundStep(span / unit / tickCount) * unit;
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + 1e-9; tick += step) ticks.push(Number(tick.toPrecision(12)));
  return Object.assign((value: number) => from + ((value - low) / span) * (to - from), { ticks });
}

/** Powers of ten around `low`..`high`. */
export function logScale(low: number, high: number, from: number, to: number): Scale {
  const first = Math.floor(Math.log10(low));
  const last = Math.max(first + 1, Math.ceil(Math.log10(high) - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
  return Object.assign((value: number) => from + ((Math.log10(Math.max(value, 10 ** first)) - first) / (last - first)) * (to - from), { ticks });
}

/** 1, 2 or 5 times a power of ten. */
function roundStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  const share = raw / power;
  return (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10) * power;
}

/** Short: 1.2k, 350, 0.05. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 10_000) return `${Number((value / 1000).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

export const milliseconds = (ms: number): string => (ms >= 1000 ? `${short(ms / 1000)} s` : ms >= 1 || ms === 0 ? `${short(ms)} ms` : `${short(ms * 1000)} µs`);

/** What an axis of so many seconds counts in. */
export const timeUnit = (span: number): number => (span <= 180 ? 1 : span <= 3 * 3600 ? 60 : 3600);

/** As an axis of time says it. */
export function seconds(value: number, span: number): string {
  const unit = timeUnit(span);
  return `${short(value / unit)} ${unit === 1 ? 's' : unit === 60 ? 'min' : 'h'}`;
}

/** With one digit behind the point: a tenth of a pixel is enough. */
export const px = (value: number): string => String(Math.round(value * 10) / 10);
