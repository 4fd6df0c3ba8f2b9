/** Makes the legacy Endpoints of Services, for clients that have not moved to EndpointSlices. */
import type { EndpointAddress, EndpointSubset, Endpoints, Pod, Service } from '../../api/types/core-v1.ts';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { endpoints, pods, services } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { isReady } from '../runtime/pod-state.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import { addressTypesOf, endpointPorts, isEndpoint, isHeadless, isNamedHost, podAddress } from './pod-endpoint.ts';
import { ServicePods, selectsPods } from './service-pods.ts';

const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const manager = 'endpoint-controller';
const headlessLabel = 'service.kubernetes.io/headless';
const overCapacityAnnotation = 'endpoints.kubernetes.io/over-capacity';
const addressesMax = 1000;
const gatherMs = 100;

export const endpointsController: ControllerFactory = (context) => {
  const { client } = context;
  const allServices = context.informers.get(services);
  const all = context.informers.get(endpoints);
  const servicePods = new ServicePods(allServices, context.informers.get(pods));
  const loop = reconciler(context, { name: 'endpoints', reconcile });
  enqueueChanges(allServices, loop.queue);
  servicePods.follow((key) => loop.queue.addAfter(key, gatherMs));
  all.addHandler({ onDelete: ({ metadata }) => loop.queue.add(`${metadata.namespace}/${metadata.name}`) });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const service = allServices.get(key);
    const found = all.get(key);
    if (!service) {
      if (found?.metadata.labels?.[managedByLabel] === manager) await remove(found, signal);
      return;
    }
    if (!selectsPods(service) || service.metadata.deletionTimestamp) return;
    const { subsets, overCapacity } = subsetsOf(service, servicePods.podsOf(service));
    const wanted = wantedEndpoints(service, found, subsets, overCapacity);
    if (found && equal(found.subsets ?? [], subsets) && equal(found.metadata.labels, wanted.metadata.labels) && equal(found.metadata.annotations, wanted.metadata.annotations)) return;
    try {
      if (found) await client.update(endpoints, wanted, { signal });
      else await client.create(endpoints, wanted, { signal });
    } catch (error) {
      if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
    }
  }

  async function remove({ metadata }: Endpoints, signal: AbortSignal): Promise<void> {
    await client.delete(endpoints, metadata, { preconditions: { uid: metadata.uid }, signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
};

function wantedEndpoints(service: Service, found: Endpoints | undefined, subsets: EndpointSubset[], overCapacity: boolean): Endpoints {
  const { namespace, name, labels = {} } = service.metadata;
  const { [overCapacityAnnotation]: _, ...annotations } = found?.metadata.annotations ?? {};
  const metadata = found?.metadata ?? { namespace, name };
  return {
    metadata: {
      ...metadata,
      labels: { ...labels, [managedByLabel]: manager, ...(isHeadless(service) ? { [headlessLabel]: '' } : {}) },
      ...(overCapacity ? { annotations: { ...annotations, [overCapacityAnnotation]: 'truncated' } } : found?.metadata.annotations ? { annotations } : {}),
    },
    ...(subsets.length > 0 ? { subsets } : {}),
  };
}

/** Pods that go have no place here; of the rest, those with the same ports share a subset. Ordered, so that equal pods give equal bytes. */
export function subsetsOf(service: Service, selected: readonly Pod[]): { subsets: EndpointSubset[]; overCapacity: boolean } {
  const [type = 'IPv4'] = addressTypesOf(service);
  const groups = new Map<string, { ports: EndpointSubset['ports']; addresses: EndpointAddress[]; notReadyAddresses: EndpointAddress[] }>();
  let count = 0;
  for (const pod of selected.toSorted(byReadyThenAddress)) {
    const ip = isEndpoint(pod) && !pod.metadata.deletionTimestamp ? podAddress(pod, type) : undefined;
    const ports = endpointPorts(service, pod);
    if (ip === undefined || (ports.length === 0 && !isHeadless(service))) continue;
    if (++count > addressesMax) continue;
    const identity = JSON.stringify(ports);
    let group = groups.get(identity);
    if (!group) {
      const named = ports.map(({ name, port = 0, protocol, appProtocol }) => ({ ...(name ? { name } : {}), port, protocol, ...(appProtocol ? { appProtocol } : {}) }));
      groups.set(identity, (group = { ports: named, addresses: [], notReadyAddresses: [] }));
    }
    const ready = service.spec.publishNotReadyAddresses === true || isReady(pod);
    (ready ? group.addresses : group.notReadyAddresses).push(addressOf(pod, service, ip));
  }
  const subsets = [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, { addresses, notReadyAddresses, ports }]) => ({
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
    ...(ports && ports.length > 0 ? { ports } : {}),
  }));
  return { subsets, overCapacity: count > addressesMax };
}

function addressOf(pod: Pod, service: Service, ip: string): EndpointAddress {
  const { namespace, name, uid } = pod.metadata;
  return {
    ip,
    ...(isNamedHost(pod, service) ? { hostname: pod.spec.hostname } : {}),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

/** Where there are too many, the ready ones are kept. */
function byReadyThenAddress(a: Pod, b: Pod): number {
  return Number(isReady(b)) - Number(isReady(a)) || ((a.status?.podIP ?? '') < (b.status?.podIP ?? '') ? -1 : 1);
}
