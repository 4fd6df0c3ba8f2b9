/** Makes the EndpointSlices of Services from the pods they select. */
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { formatKey } from '../../client/resource.ts';
import { endpointSlices, nodes, pods, services } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { controllerReference } from '../runtime/owner.ts';
import { messageOf } from '../runtime/pod-control.ts';
import { podCondition } from '../runtime/pod-state.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import { addressTypesOf, endpointOf, endpointPorts, isEndpoint, isHeadless, podAddress } from './pod-endpoint.ts';
import type { AddressType } from './pod-endpoint.ts';
import { ServicePods, selectsPods } from './service-pods.ts';
import { planSlices } from './slice-plan.ts';
import type { EndpointGroup } from './slice-plan.ts';

const serviceLabel = 'kubernetes.io/service-name';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const manager = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const triggerAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';
/** Not copied from the Service. */
const reservedLabels = new Set([serviceLabel, managedByLabel, headlessLabel]);
const serviceIndex = 'service';
/** Pods come and go in bursts; their changes are gathered this long. */
const gatherMs = 50;

export const endpointSliceController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const recorder = context.recorder('endpoint-slice-controller');
  const allServices = context.informers.get(services);
  const allSlices = context.informers.get(endpointSlices);
  const allNodes = context.informers.get(nodes);
  const servicePods = new ServicePods(allServices, context.informers.get(pods));
  const loop = reconciler(context, { name: 'endpointslice', reconcile, queue: { baseDelayMs: 1000, maxDelayMs: 100_000 } });
  /** The latest cause of change that each Service's slices tell of. */
  const told = new Map<string, number>();

  allSlices.addIndex(serviceIndex, ({ metadata }) =>
    metadata.labels?.[managedByLabel] === manager ? [formatKey({ namespace: metadata.namespace, name: metadata.labels[serviceLabel] })] : [],
  );
  enqueueChanges(allServices, loop.queue);
  servicePods.follow((key) => loop.queue.addAfter(key, gatherMs));
  const repair = (slice: EndpointSlice) => {
    const name = slice.metadata.labels?.[serviceLabel];
    if (name && slice.metadata.labels?.[managedByLabel] === manager) loop.queue.addAfter(formatKey({ namespace: slice.metadata.namespace, name }), 1000);
  };
  // Our own writes come back here too, and cost one look that finds nothing to do.
  allSlices.addHandler({ onDelete: repair, onUpdate: (old, slice) => (old.metadata.generation === slice.metadata.generation ? undefined : repair(slice)) });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const service = allServices.get(key);
    if (!service) told.delete(key);
    if (!service || !selectsPods(service) || service.metadata.deletionTimestamp) return;
    const existing = allSlices.byIndex(serviceIndex, key).filter(({ metadata }) => !metadata.deletionTimestamp);
    const types = addressTypesOf(service);
    const trigger = newTrigger(key, service);
    const writes: Promise<unknown>[] = [];
    for (const slice of existing) if (!types.includes(slice.addressType as AddressType)) writes.push(remove(slice, signal));
    for (const type of types) writes.push(...reconcileType(service, type, existing.filter(({ addressType }) => addressType === type), trigger, signal));
    const failures = (await Promise.allSettled(writes)).filter((result) => result.status === 'rejected');
    if (failures.length === 0) return;
    const [{ reason }] = failures as [PromiseRejectedResult];
    if (signal.aborted || isNamespaceTerminating(reason)) return;
    recorder.event(service, 'Warning', 'FailedToUpdateEndpointSlices', `Error updating Endpoint Slices for Service ${key}: ${messageOf(reason)}`);
    throw reason;
  }

  function reconcileType(service: Service, type: AddressType, existing: EndpointSlice[], trigger: string | undefined, signal: AbortSignal): Promise<unknown>[] {
    const views = existing.map((slice) => ({ slice, endpoints: slice.endpoints ?? [], ports: slice.ports ?? [] }));
    const plan = planSlices(views, groupsOf(service, type));
    const writes: Promise<unknown>[] = [];
    for (const group of plan.create) writes.push(client.create(endpointSlices, newSlice(service, type, group, trigger), { signal }));
    for (const { slice: view, group } of plan.update) writes.push(client.update(endpointSlices, changedSlice(view.slice, service, group, trigger), { signal }));
    for (const { slice } of plan.remove) writes.push(remove(slice, signal));
    for (const { slice } of plan.keep) {
      const labels = labelsOf(service);
      if (!equal(labels, slice.metadata.labels)) writes.push(client.update(endpointSlices, { ...slice, metadata: { ...slice.metadata, labels } }, { signal }));
    }
    return writes;
  }

  function groupsOf(service: Service, type: AddressType): EndpointGroup[] {
    const groups = new Map<string, { ports: EndpointGroup['ports']; endpoints: EndpointGroup['endpoints'][number][] }>();
    for (const pod of servicePods.podsOf(service)) {
      const address = isEndpoint(pod) ? podAddress(pod, type) : undefined;
      if (address === undefined) continue;
      const ports = endpointPorts(service, pod);
      const identity = JSON.stringify(ports);
      let group = groups.get(identity);
      if (!group) groups.set(identity, (group = { ports, endpoints: [] }));
      group.endpoints.push(endpointOf(pod, service, allNodes.get(pod.spec.nodeName ?? ''), address));
    }
    return [...groups.values()];
  }

  /** The time of the latest cause, where it has not been told yet. */
  function newTrigger(key: string, service: Service): string | undefined {
    let latest = Date.parse(service.metadata.creationTimestamp ?? '') || 0;
    for (const pod of servicePods.podsOf(service)) latest = Math.max(latest, Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '') || 0);
    if (latest <= (told.get(key) ?? 0)) return undefined;
    told.set(key, latest);
    return formatTime(Math.min(latest, clock.now()));
  }

  async function remove(slice: EndpointSlice, signal: AbortSignal): Promise<void> {
    await client.delete(endpointSlices, slice.metadata, { signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
};

function newSlice(service: Service, addressType: AddressType, group: EndpointGroup, trigger: string | undefined): EndpointSlice {
  const { namespace, name } = service.metadata;
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: labelsOf(service),
      ...(trigger ? { annotations: { [triggerAnnotation]: trigger } } : {}),
      ownerReferences: [controllerReference(service)],
    },
    addressType,
    endpoints: [...group.endpoints],
    ports: [...group.ports],
  };
}

function changedSlice(slice: EndpointSlice, service: Service, group: EndpointGroup, trigger: string | undefined): EndpointSlice {
  const { [triggerAnnotation]: _, ...annotations } = slice.metadata.annotations ?? {};
  const metadata = {
    ...slice.metadata,
    labels: labelsOf(service),
    annotations: trigger ? { ...annotations, [triggerAnnotation]: trigger } : annotations,
  };
  return { ...slice, metadata, endpoints: [...group.endpoints], ports: [...group.ports] };
}

/** The Service's own labels and those that find the slice; what others put on the slice is not kept, as upstream. */
function labelsOf(service: Service): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(service.metadata.labels ?? {})) if (!reservedLabels.has(name)) labels[name] = value;
  if (isHeadless(service)) labels[headlessLabel] = '';
  labels[serviceLabel] = service.metadata.name ?? '';
  labels[managedByLabel] = manager;
  return labels;
}
