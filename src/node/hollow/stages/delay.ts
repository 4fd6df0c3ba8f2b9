/** How long something takes: as stages say it, by numbers or by what the object says. */
import type { Random } from '../../../base/random.ts';
import { parseQuery, type Query } from './query.ts';

export interface DelaySpec {
  readonly durationMilliseconds?: number;
  readonly durationFrom?: FromSpec;
  readonly jitterDurationMilliseconds?: number;
  readonly jitterDurationFrom?: FromSpec;
}

export interface FromSpec {
  readonly expressionFrom?: string;
  readonly jq?: { readonly expression?: string };
  readonly cel?: unknown;
}

/** Milliseconds for this object, drawn between the duration and the jitter duration where both are given. */
export type Delay = (object: unknown, random: Random, nowMs: number) => number;

export const noDelay: Delay = () => 0;

export function parseDelay(spec: DelaySpec | undefined): Delay {
  if (spec === undefined) return noDelay;
  const duration = parseDuration(spec.durationMilliseconds, spec.durationFrom);
  const jitter = parseDuration(spec.jitterDurationMilliseconds, spec.jitterDurationFrom);
  return (object, random, nowMs) => {
    const ms = duration(object, nowMs) ?? 0;
    const upToMs = jitter(object, nowMs);
    if (upToMs === undefined) return Math.max(0, ms);
    // The jitter is the later end, and where it is sooner, the end.
    return Math.max(0, upToMs <= ms ? upToMs : ms + random.fraction() * (upToMs - ms));
  };
}

function parseDuration(fixedMs: number | undefined, from: FromSpec | undefined): (object: unknown, nowMs: number) => number | undefined {
  const query = from && parseFrom(from);
  if (!query) return () => fixedMs;
  return (object, nowMs) => {
    const [value] = query(object);
    return typeof value === 'string' ? (timeOrDurationMs(value, nowMs) ?? fixedMs) : fixedMs;
  };
}

export function parseFrom({ expressionFrom, jq, cel }: FromSpec): Query {
  if (cel !== undefined) throw new Error('expressions in CEL are not supported');
  return parseQuery(jq?.expression ?? expressionFrom ?? '');
}

/** A point in time (until then) or a duration in Go's form; undefined where it is neither. */
function timeOrDurationMs(text: string, nowMs: number): number | undefined {
  if (/^\d{4}-\d\d-\d\dT/.test(text)) {
    const at = Date.parse(text);
    return Number.isNaN(at) ? undefined : at - nowMs;
  }
  return parseGoDuration(text);
}

const unitsMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `1m30s`, `200ms`, `0`; undefined where it is no duration. */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^[+-]?(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) ms += Number(count) * (unitsMs[unit ?? ''] ?? 0);
  return text.startsWith('-') ? -ms : ms;
}
