/**
 * One thread that serves requests in the order they come, simulated: how long
 * they take from their arrival to the end of their service, at a given load.
 * Now and then the collector stops the thread.
 */
import type { Random } from '../../src/base/random.ts';
import { percentile } from '../lib/percentile.ts';

export interface Service {
  /** Milliseconds of the thread. */
  readonly ms: number;
  /** Of all requests, 0 to 1. */
  readonly share: number;
}

export interface Pauses {
  /** For so many milliseconds of work the thread stands still once. */
  readonly everyMs: number;
  readonly ms: number;
}

export interface QueueTimes {
  readonly p50: number;
  readonly p99: number;
}

/** `load`: the part of the time that the thread works, pauses aside, in (0, 1). Requests come at random (Poisson). */
export function simulateThread(services: readonly Service[], pauses: Pauses, load: number, requests: number, random: Random): QueueTimes {
  const meanMs = services.reduce((sum, { ms, share }) => sum + ms * share, 0);
  const times = new Float64Array(requests);
  let now = 0;
  let freeAt = 0;
  let workedMs = 0;
  for (let i = 0; i < requests; i++) {
    now += (-Math.log(1 - random.fraction()) * meanMs) / load;
    const { ms } = pick(services, random.fraction());
    workedMs += ms;
    let endsAt = Math.max(now, freeAt) + ms;
    if (workedMs >= pauses.everyMs) {
      workedMs -= pauses.everyMs;
      endsAt += pauses.ms;
    }
    freeAt = endsAt;
    times[i] = endsAt - now;
  }
  times.sort();
  return { p50: percentile(times, 50), p99: percentile(times, 99) };
}

function pick(services: readonly Service[], at: number): Service {
  let sum = 0;
  for (const service of services) {
    sum += service.share;
    if (at < sum) return service;
  }
  return services.at(-1) as Service;
}
