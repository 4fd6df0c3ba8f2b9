/**
 * The cluster's own measure of its service levels, as sig-scalability defines
 * them (kubernetes/community, sig-scalability/slos/slos.md). Those who can tell
 * an indicator's values ask for it once, keep it and observe into it.
 */
import { sloObjectives, type SloReading, type SloReport, type SloVerdict } from '../../api/slo.ts';
import type { Clock } from '../../base/clock.ts';
import { Indicator } from './indicator.ts';

/** As they are named in upstream's load tests. `pod_startup` is the whole, and the SLI; the others are its parts. */
export const startupPhases = ['pod_startup', 'create_to_schedule', 'schedule_to_run', 'run_to_watch'] as const;
export type StartupPhase = (typeof startupPhases)[number];

/** What sig-scalability also defines, and nothing here could measure. */
const unmeasured = [
  { sli: 'network-programming-latency', reason: 'no proxy' },
  { sli: 'dns-programming-latency', reason: 'no DNS' },
  { sli: 'in-cluster-network-latency', reason: 'no proxy' },
  { sli: 'in-cluster-dns-latency', reason: 'no DNS' },
];

export interface ApiCalls {
  /** POST, PUT, PATCH, APPLY, DELETE, GET or LIST; others have no objective. */
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly scope: string;
}

interface Known {
  readonly sli: SloReading['sli'];
  readonly of: SloReading['of'];
  readonly indicator: Indicator;
}

export class SloMeter {
  readonly #clock: Clock;
  readonly #since: number;
  readonly #known = new Map<string, Known>();
  #windows = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  /** Calls of one kind: mutating ones of single objects by verb, reads by scope. Undefined for those that have no objective. */
  apiCalls({ verb, group, resource, subresource, scope }: ApiCalls): Indicator | undefined {
    const what = resourceText(group, resource, subresource);
    if (verb === 'GET' || verb === 'LIST') return this.#indicator('api-call-latency-readonly', { scope, resource: what }, sloObjectives.reading[scope as keyof typeof sloObjectives.reading]);
    if (scope !== 'resource' || !['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE'].includes(verb)) return undefined;
    return this.#indicator('api-call-latency-mutating', { verb, resource: what }, sloObjectives.mutating);
  }

  podStartup(phase: StartupPhase): Indicator {
    return this.#indicator('pod-startup-latency', { phase }, phase === 'pod_startup' ? sloObjectives.podStartup : undefined);
  }

  /** From when a change is stored until it has been sent to all who watch. */
  watchLatency(group: string, resource: string): Indicator {
    return this.#indicator('watch-latency', { resource: resourceText(group, resource, '') }, undefined);
  }

  report(): SloReport {
    const now = this.#clock.monotonic();
    const indicators = Array.from(this.#known.values(), ({ sli, of, indicator }) => ({ sli, of, ...indicator.read(now) })).filter((reading) => reading.last5Minutes ?? reading.day);
    return {
      time: new Date(this.#clock.now()).toISOString(),
      since: new Date(this.#since).toISOString(),
      verdict: worst(indicators),
      indicators,
      unmeasured,
    };
  }

  /** To be called every five minutes: what the day is made of. */
  closeWindow(): void {
    const now = this.#clock.monotonic();
    const number = this.#windows++;
    for (const { indicator } of this.#known.values()) indicator.closeWindow(now, number);
  }

  #indicator(sli: SloReading['sli'], of: SloReading['of'], objectiveSeconds: number | undefined): Indicator {
    const key = [sli, ...Object.values(of)].join('\0');
    let known = this.#known.get(key);
    if (!known) this.#known.set(key, (known = { sli, of, indicator: new Indicator(objectiveSeconds) }));
    return known.indicator;
  }
}

function resourceText(group: string, resource: string, subresource: string): string {
  return `${resource}${group === '' ? '' : `.${group}`}${subresource === '' ? '' : `/${subresource}`}`;
}

function worst(readings: readonly Omit<SloReading, 'sli' | 'of'>[]): SloVerdict {
  const verdicts = readings.map(({ verdict }) => verdict);
  return verdicts.includes('violated') ? 'violated' : verdicts.includes('met') ? 'met' : 'noData';
}
