/** Which Services a pod belongs to, and which pods a Service selects, without looking at all of them. */
import type { Pod, Service } from '../../api/types/core-v1.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/resource.ts';
import { equal } from '../../base/equality.ts';
import { selectorOfLabels } from '../runtime/selector.ts';
import { endpointChanged } from './pod-endpoint.ts';

const selectorIndex = 'first-selector-pair';
export const namespaceIndex = 'namespace';

/** Services whose endpoints are made from pods. */
export function selectsPods({ spec }: Service): boolean {
  return spec.type !== 'ExternalName' && spec.selector !== undefined && Object.keys(spec.selector).length > 0;
}

export class ServicePods {
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;

  constructor(services: Informer<Service>, podInformer: Informer<Pod>) {
    this.#services = services;
    this.#pods = podInformer;
    // A pod that matches a selector has its first pair too: that finds all candidates by the pod's own labels.
    services.addIndex(selectorIndex, (service) => {
      const [first] = Object.entries(service.spec.selector ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
      return first && selectsPods(service) ? [pairIn(service.metadata.namespace, first[0], first[1])] : [];
    });
    podInformer.addIndex(namespaceIndex, ({ metadata }) => [metadata.namespace ?? '']);
  }

  servicesOf({ metadata }: Pod): Service[] {
    const found: Service[] = [];
    for (const [label, value] of Object.entries(metadata.labels ?? {})) {
      for (const service of this.#services.byIndex(selectorIndex, pairIn(metadata.namespace, label, value))) {
        if (selectorOfLabels(service.spec.selector ?? {}).matches(metadata.labels)) found.push(service);
      }
    }
    return found;
  }

  podsOf(service: Service): Pod[] {
    const selector = selectorOfLabels(service.spec.selector ?? {});
    return this.#pods.byIndex(namespaceIndex, service.metadata.namespace ?? '').filter(({ metadata }) => selector.matches(metadata.labels));
  }

  /** Calls `wake` with the key of every Service whose endpoints a change of a pod may change. */
  follow(wake: (serviceKey: string) => void): void {
    const wakeAll = (pod: Pod) => {
      for (const service of this.servicesOf(pod)) wake(keyOf(service));
    };
    this.#pods.addHandler({
      onAdd: wakeAll,
      onDelete: wakeAll,
      onUpdate: (old, pod) => {
        const relabeled = !equal(old.metadata.labels, pod.metadata.labels);
        if (relabeled) wakeAll(old);
        if (relabeled || endpointChanged(old, pod)) wakeAll(pod);
      },
    });
  }
}

function pairIn(namespace: string | undefined, label: string, value: string): string {
  return `${namespace ?? ''} ${label}=${value}`;
}
