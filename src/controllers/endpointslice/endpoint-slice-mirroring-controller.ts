/** Mirrors Endpoints that people make by hand, for Services without a selector, into EndpointSlices. */
import type { Endpoints } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { formatKey } from '../../client/resource.ts';
import { endpoints, endpointSlices, services } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { controllerReference } from '../runtime/owner.ts';
import { enqueueChanges, onChange, reconciler } from '../runtime/reconciler.ts';
import { mirroredSlices } from './mirrored-slices.ts';

const serviceLabel = 'kubernetes.io/service-name';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const manager = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
/** Say nothing of the slices. */
const ownAnnotations = new Set(['endpoints.kubernetes.io/last-change-trigger-time', 'kubectl.kubernetes.io/last-applied-configuration']);
const mirrorIndex = 'mirror';

export const endpointSliceMirroringController: ControllerFactory = (context) => {
  const { client } = context;
  const all = context.informers.get(endpoints);
  const allServices = context.informers.get(services);
  const allSlices = context.informers.get(endpointSlices);
  const loop = reconciler(context, { name: 'endpointslicemirroring', reconcile });
  const mirrorKey = ({ metadata }: EndpointSlice) =>
    metadata.labels?.[managedByLabel] === manager ? [formatKey({ namespace: metadata.namespace, name: metadata.labels[serviceLabel] })] : [];
  allSlices.addIndex(mirrorIndex, mirrorKey);
  enqueueChanges(all, loop.queue);
  enqueueChanges(allServices, loop.queue);
  allSlices.addHandler(onChange((slice) => mirrorKey(slice).forEach((key) => loop.queue.add(key))));
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const source = all.get(key);
    const service = allServices.get(key);
    const existing = allSlices.byIndex(mirrorIndex, key).filter(({ metadata }) => !metadata.deletionTimestamp);
    const wanted = source && service && service.spec?.selector === undefined && isMirrored(source) ? slicesOf(source) : [];
    const spare = new Set(existing);
    const missing: EndpointSlice[] = [];
    for (const slice of wanted) {
      const same = [...spare].find((other) => other.addressType === slice.addressType && equal(other.ports ?? [], slice.ports));
      if (same) spare.delete(same);
      if (!same) missing.push(slice);
      else if (!isSame(same, slice)) await update(same, slice, signal);
    }
    for (const slice of missing) {
      // An address type cannot change.
      const [again] = [...spare].filter(({ addressType }) => addressType === slice.addressType);
      if (again) spare.delete(again);
      if (again) await update(again, slice, signal);
      else if (!source?.metadata.deletionTimestamp) await create(slice, signal);
    }
    for (const { metadata } of spare) {
      await client.delete(endpointSlices, metadata, { signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
  }

  async function update({ metadata }: EndpointSlice, wanted: EndpointSlice, signal: AbortSignal): Promise<void> {
    const { labels, annotations } = wanted.metadata;
    await client.update(endpointSlices, { ...wanted, metadata: { ...metadata, labels, annotations } }, { signal });
  }

  async function create(slice: EndpointSlice, signal: AbortSignal): Promise<void> {
    await client.create(endpointSlices, slice, { signal }).catch((error: unknown) => {
      if (!isNamespaceTerminating(error)) throw error;
    });
  }
};

function isMirrored({ metadata }: Endpoints): boolean {
  return metadata.labels?.[skipLabel] !== 'true' && metadata.annotations?.[leaderAnnotation] === undefined;
}

function slicesOf(source: Endpoints): EndpointSlice[] {
  const { namespace, name = '', labels, annotations } = source.metadata;
  const kept = Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => !ownAnnotations.has(key)));
  return mirroredSlices(source).map((slice) => ({
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: { ...labels, [serviceLabel]: name, [managedByLabel]: manager },
      annotations: kept,
      ownerReferences: [controllerReference({ apiVersion: 'v1', kind: 'Endpoints', ...source })],
    },
    ...slice,
  }));
}

/** In whatever order the endpoints stand. */
function isSame(a: EndpointSlice, b: EndpointSlice): boolean {
  const text = ({ endpoints: list }: EndpointSlice) => (list ?? []).toSorted((x, y) => ((x.addresses[0] ?? '') < (y.addresses[0] ?? '') ? -1 : 1));
  return equal(a.metadata.labels, b.metadata.labels) && equal(a.metadata.annotations ?? {}, b.metadata.annotations) && equal(text(a), text(b));
}
