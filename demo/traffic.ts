/** Where the seconds of traffic come from. */
import type { Client } from '../src/client/client.ts';
import { apps, namespace } from './objects.ts';
import type { Second } from './workload/second.ts';

export interface Traffic {
  /** The seconds that nothing will be added to and that were not told before, in their order. */
  seconds(): Promise<readonly Second[]>;
}

/** Measured: what the bots have counted, from the aggregator in the cluster, through the API server's proxy. */
export class MeasuredTraffic implements Traffic {
  readonly #client: Client;
  #told: number;

  constructor(client: Client) {
    this.#client = client;
    this.#told = Math.floor(client.clock.now() / 1000);
  }

  async seconds(): Promise<readonly Second[]> {
    const target = `/api/v1/namespaces/${namespace}/services/${apps.aggregator}:http/proxy/?since=${this.#told}`;
    const seconds = await this.#client.json<Second[]>('GET', target, undefined, { retries: 0 });
    this.#told = seconds.at(-1)?.second ?? this.#told;
    return seconds;
  }
}
