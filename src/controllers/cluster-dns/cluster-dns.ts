/**
 * Publishes the DNS servers that nodes run as the Service kube-system/kube-dns.
 * Nothing is made while no node runs one, and a Service that selects pods is
 * somebody's own DNS: it is left alone.
 */
import { clusterDnsAddress, clusterDnsService, dnsAddressAnnotation } from '../../api/cluster-dns.ts';
import type { Node, Service } from '../../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.ts';
import { ipFamily } from '../../api/validation/ip.ts';
import { equal } from '../../base/equality.ts';
import type { ApiObject } from '../../client/resource.ts';
import { endpointSlices, nodes, serviceCIDRs, services } from '../../client/resources.ts';
import type { ControllerContext, ControllerFactory } from '../runtime/context.ts';
import { controllerReference } from '../runtime/owner.ts';
import { onChange, reconciler } from '../runtime/reconciler.ts';

const manager = 'cluster-dns.coxswain.dev';
const zoneLabel = 'topology.kubernetes.io/zone';
const families = ['IPv4', 'IPv6'] as const;
type Family = (typeof families)[number];
/** There is one thing to do, whatever has changed. */
const theKey = 'cluster-dns';
/** Nodes change together at a start. */
const gatherMs = 50;

export const clusterDnsController: ControllerFactory = (context) => {
  const allNodes = context.informers.get(nodes);
  const allServices = context.informers.get(services);
  const allSlices = context.informers.get(endpointSlices);
  const loop = reconciler(context, { name: 'cluster-dns', workers: 1, reconcile });
  const again = () => loop.queue.addAfter(theKey, gatherMs);
  allNodes.addHandler({
    onAdd: (node) => void (isServer(node) && again()),
    // Heartbeats of a thousand nodes come by here.
    onUpdate: (old, node) => void ((isServer(node) || isServer(old)) && !equal(endpointOf(old, []), endpointOf(node, [])) && again()),
    onDelete: (node) => void (isServer(node) && again()),
  });
  const isOurs = ({ metadata: { namespace, name } }: ApiObject) => namespace === clusterDnsService.namespace && !!name?.startsWith(clusterDnsService.name);
  allServices.addHandler(onChange((service) => void (isOurs(service) && again())));
  allSlices.addHandler(onChange((slice) => void (isOurs(slice) && again())));
  return loop;

  async function reconcile(_: string, signal: AbortSignal): Promise<void> {
    const servers = [...allNodes.values()].filter(isServer);
    let service = allServices.find(clusterDnsService);
    if (service ? service.spec.selector : servers.length === 0) return;
    service ??= await createService(context, signal);
    for (const family of families) {
      const endpoints = servers.flatMap((node) => endpointsOf(node, family)).toSorted((a, b) => ((a.nodeName ?? '') < (b.nodeName ?? '') ? -1 : 1));
      await writeSlice(service, family, endpoints, signal);
    }
  }

  async function writeSlice(service: Service, family: Family, endpoints: Endpoint[], signal: AbortSignal): Promise<void> {
    const wanted = sliceOf(service, family, endpoints);
    const existing = allSlices.find(wanted.metadata);
    if (!existing) {
      if (endpoints.length > 0) await context.client.create(endpointSlices, wanted, { signal });
    } else if (!equal(existing.endpoints ?? [], endpoints) || !equal(existing.ports ?? [], wanted.ports)) {
      await context.client.update(endpointSlices, { ...existing, endpoints, ports: wanted.ports }, { signal });
    }
  }
};

function isServer({ metadata }: Node): boolean {
  return !!metadata.annotations?.[dnsAddressAnnotation];
}

function addressesOf({ metadata }: Node, family: Family): string[] {
  return (metadata.annotations?.[dnsAddressAnnotation] ?? '').split(',').map((text) => text.trim()).filter((text) => ipFamily(text) === family);
}

function endpointsOf(node: Node, family: Family): Endpoint[] {
  const addresses = addressesOf(node, family);
  return addresses.length > 0 ? [endpointOf(node, addresses)] : [];
}

function endpointOf(node: Node, addresses: string[]): Endpoint {
  const { name, annotations, labels, deletionTimestamp } = node.metadata;
  const ready = deletionTimestamp === undefined && node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  const zone = labels?.[zoneLabel];
  return {
    addresses: addresses.length > 0 ? addresses : [annotations?.[dnsAddressAnnotation] ?? ''],
    conditions: { ready, serving: ready, terminating: false },
    nodeName: name,
    ...(zone ? { zone } : {}),
  };
}

function sliceOf(service: Service, family: Family, endpoints: Endpoint[]): EndpointSlice {
  const { namespace, name } = clusterDnsService;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: `${name}-nodes-${family.toLowerCase()}`,
      labels: { 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': manager },
      ownerReferences: [controllerReference(service)],
    },
    addressType: family,
    endpoints,
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ],
  };
}

/** At the tenth address of the first range; a pod's questions go to its own node where that has a server. */
async function createService({ client }: ControllerContext, signal: AbortSignal): Promise<Service> {
  const ranges = await client.get(serviceCIDRs, { name: 'kubernetes' }, { signal });
  const clusterIP = clusterDnsAddress(ranges.spec?.cidrs?.[0] ?? '');
  const labels = { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' };
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...clusterDnsService, labels },
    spec: {
      ...(clusterIP ? { clusterIP } : {}),
      trafficDistribution: 'PreferSameNode',
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
      ],
    },
  };
  return client.create(services, service, { signal });
}
