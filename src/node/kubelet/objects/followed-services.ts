/** All Services of the cluster by namespace, for the environment of containers. */
import type { Service } from '../../../api/types/core-v1.ts';
import { Reflector } from '../../../client/reflector.ts';
import { services } from '../../../client/resources.ts';
import type { NodeObjectsOptions } from './node-objects.ts';

export class FollowedServices {
  readonly #byNamespace = new Map<string, Map<string, Service>>();
  readonly #listed: Promise<void>;

  constructor(options: NodeObjectsOptions) {
    const { client, clock, random, logger, signal } = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#listed = promise;
    const reflector = new Reflector<Service>(
      client,
      services,
      {
        replace: (all) => {
          this.#byNamespace.clear();
          for (const service of all) this.#put(service);
          resolve();
        },
        apply: (events) => {
          for (const { type, object } of events) {
            if (type === 'DELETED') this.#byNamespace.get(object.metadata.namespace ?? '')?.delete(object.metadata.name ?? '');
            else this.#put(object);
          }
        },
      },
      { clock, random, logger },
    );
    void reflector.run(signal);
  }

  async of(namespace: string): Promise<readonly Service[]> {
    await this.#listed;
    return [...(this.#byNamespace.get(namespace)?.values() ?? [])];
  }

  #put(service: Service): void {
    const { namespace = '', name = '' } = service.metadata;
    let named = this.#byNamespace.get(namespace);
    if (!named) this.#byNamespace.set(namespace, (named = new Map()));
    named.set(name, service);
  }
}
