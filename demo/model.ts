/**
 * Traffic of a fleet without containers: worked out each second from what the
 * API says, not measured. The bots that are Ready offer their rate; it spreads
 * evenly over the endpoints of the Service that are ready at that moment; each
 * server is a queue with exponential times (M/M/1) of a given rate. What cannot
 * be served fails, and all of it does while there is no endpoint.
 */
import type { Clock } from '../src/base/clock.ts';
import { apps } from './objects.ts';
import type { ClusterMap } from './cluster-map.ts';
import type { Traffic } from './traffic.ts';
import { LatencyCounts } from './workload/latency.ts';
import type { Second } from './workload/second.ts';

export interface Model {
  readonly perBot: number;
  /** What a server can answer a second. */
  readonly perServer: number;
}

/** Wires and kernels. */
const networkMs = 0.2;
/** Parts of equal weight that a distribution is told in. */
const parts = 1000;
/** A server is never told to be busier: behind that it refuses. */
const busiest = 0.95;

export class ModelledTraffic implements Traffic {
  readonly #map: ClusterMap;
  readonly #model: Model;
  readonly #clock: Clock;
  #told: number;

  constructor(map: ClusterMap, model: Model, clock: Clock) {
    this.#map = map;
    this.#model = model;
    this.#clock = clock;
    this.#told = Math.floor(clock.now() / 1000);
  }

  /** Of a second that was not looked at nothing is known: the one that has just ended stands for those missed. */
  seconds(): Promise<readonly Second[]> {
    const last = Math.floor(this.#clock.now() / 1000) - 1;
    const seconds: Second[] = [];
    for (let second = this.#told + 1; second <= last; second++) seconds.push(modelSecond(second, this.#map.ready(apps.bots), this.#map.servingVersions(), this.#model));
    this.#told = Math.max(this.#told, last);
    return Promise.resolve(seconds);
  }
}

export function modelSecond(second: number, bots: number, serving: ReadonlyMap<string, number>, { perBot, perServer }: Model): Second {
  const servers = [...serving.values()].reduce((sum, count) => sum + count, 0);
  const offered = bots * perBot;
  const succeeded = Math.min(offered, Math.floor(servers * perServer * busiest));
  const failed = offered - succeeded;
  const latencies = new LatencyCounts();
  const utilisation = servers === 0 ? 0 : succeeded / (servers * perServer);
  const meanMs = 1000 / (perServer * (1 - utilisation));
  for (let part = 0; part < parts && succeeded > 0; part++) latencies.add(networkMs - Math.log(1 - (part + 0.5) / parts) * meanMs);
  const scale = succeeded / parts;
  const versions = Object.fromEntries([...serving].map(([version, count]) => [version, Math.round((succeeded * count) / Math.max(1, servers))]));
  return {
    second,
    bots,
    succeeded,
    failed,
    sumMs: (networkMs + meanMs) * succeeded,
    latencies: latencies.buckets().map(([bucket, count]) => [bucket, count * scale]),
    versions,
    failures: failed > 0 ? { [servers === 0 ? 'no endpoint' : 'no room']: failed } : {},
  };
}
