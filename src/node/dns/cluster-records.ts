/** Keeps a zone's index at what the API says of Services, EndpointSlices and namespaces. */
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { Informer, InformerHandler } from '../../client/informer.ts';
import type { InformerSet } from '../../client/informer-set.ts';
import { formatKey, keyOf } from '../../client/resource.ts';
import { endpointSlices, namespaces, services } from '../../client/resources.ts';
import { serviceRecords } from './service-records.ts';
import type { Zone } from './zone.ts';

const serviceNameLabel = 'kubernetes.io/service-name';
const byService = 'dns-service';

export class ClusterRecords {
  readonly #zone: Zone;
  readonly #ttlSeconds: number;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  /** Services of which something in this batch has changed. */
  readonly #changed = new Set<string>();

  constructor(zone: Zone, ttlSeconds: number, informers: InformerSet) {
    this.#zone = zone;
    this.#ttlSeconds = ttlSeconds;
    this.#services = informers.get(services);
    this.#slices = informers.get(endpointSlices);
    this.#slices.addIndex(byService, (slice) => serviceOf(slice));
    this.#services.addHandler(this.#handler((service) => [keyOf(service)]));
    this.#slices.addHandler(this.#handler(serviceOf));
    informers.get(namespaces).addHandler({
      onAdd: ({ metadata }) => zone.index.replace(`namespace/${metadata.name}`, new Map([[`${metadata.name}.svc.${zone.name}`, []], [`${metadata.name}.pod.${zone.name}`, []]])),
      onDelete: ({ metadata }) => zone.index.replace(`namespace/${metadata.name}`, undefined),
    });
  }

  /** Each change concerns some Services; they are worked out once for all changes that came together. */
  #handler<T>(concerned: (object: T) => readonly string[]): InformerHandler<T> {
    const note = (object: T) => concerned(object).forEach((key) => this.#changed.add(key));
    return {
      onAdd: note,
      onUpdate: (old, current) => {
        note(old);
        note(current);
      },
      onDelete: note,
      onBatchEnd: () => {
        for (const key of this.#changed) this.#renew(key);
        this.#changed.clear();
      },
    };
  }

  #renew(key: string): void {
    const service = this.#services.get(key);
    this.#zone.index.replace(key, service && serviceRecords(service, this.#slices.byIndex(byService, key), this.#zone.name, this.#ttlSeconds));
  }
}

function serviceOf({ metadata }: EndpointSlice): readonly string[] {
  const name = metadata.labels?.[serviceNameLabel];
  return name ? [formatKey({ namespace: metadata.namespace, name })] : [];
}
