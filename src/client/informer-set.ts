/** The informers that a process's components share: one for each resource. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Client } from './client.ts';
import { Informer } from './informer.ts';
import type { ApiObject, Resource } from './resource.ts';

export interface InformerSetOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class InformerSet {
  readonly #client: Client;
  readonly #options: InformerSetOptions;
  readonly #informers = new Map<string, Informer<ApiObject>>();
  readonly #running: Promise<void>[] = [];
  #signal: AbortSignal | undefined;

  constructor(client: Client, options: InformerSetOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** The one informer of the resource, over all namespaces. Made at first need; runs once the set has started. */
  get<T extends ApiObject>(resource: Resource<T>): Informer<T> {
    const name = nameOf(resource);
    const found = this.#informers.get(name);
    if (found) return found as unknown as Informer<T>;
    const informer = new Informer<T>(this.#client, resource, this.#options);
    this.#informers.set(name, informer as unknown as Informer<ApiObject>);
    if (this.#signal) this.#running.push(informer.run(this.#signal));
    return informer;
  }

  /** The informer of the resource where somebody has asked for it. */
  find(resource: Resource): Informer<ApiObject> | undefined {
    return this.#informers.get(nameOf(resource));
  }

  /** Runs all informers, and those asked for later, until `signal` aborts. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    for (const informer of this.#informers.values()) this.#running.push(informer.run(signal));
  }

  async synced(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced(signal)));
  }

  /** Resolves when every informer has stopped. */
  async stopped(): Promise<void> {
    await Promise.all(this.#running);
  }
}

function nameOf({ group, version, resource }: Resource): string {
  return `${group}/${version}/${resource}`;
}
