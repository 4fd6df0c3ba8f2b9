/** Services, endpoints and what routes to them. */
import type { Endpoints, Service, ServicePort } from '../types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../types/discovery-v1.ts';
import type {
  Ingress,
  IngressClass,
  IngressRule,
  IPAddress,
  NetworkPolicy,
  ServiceCIDR,
} from '../types/networking-v1.ts';
import { firstThree, labelsCell, selectorCell } from './cells.ts';
import { since } from './elapsed.ts';
import { ageColumn, nameColumn, table, text, wide, type Tables } from './table.ts';

const defaultIngressClass = 'ingressclass.kubernetes.io/is-default-class';

interface LoadBalancerPoint {
  readonly ip?: string | undefined;
  readonly hostname?: string | undefined;
}

function loadBalancerText(points: readonly LoadBalancerPoint[] | undefined): string {
  const addresses = new Set((points ?? []).map(({ ip, hostname }) => ip || hostname || ''));
  addresses.delete('');
  return [...addresses].sort().join(',');
}

function externalIpCell({ spec, status }: Service): string {
  const given = (spec?.externalIPs ?? []).join(',');
  switch (spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return given || '<none>';
    case 'LoadBalancer':
      return (
        [loadBalancerText(status?.loadBalancer?.ingress), given].filter((part) => part !== '').join(',') ||
        '<pending>'
      );
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

function portText({ port, nodePort, protocol = 'TCP' }: ServicePort): string {
  return nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`;
}

const hostsShownMax = 3;

/** Rules without a host are not shown, yet counted: upstream's arithmetic. */
function hostsCell(rules: readonly IngressRule[] = []): string {
  const shown: string[] = [];
  let more = false;
  for (const { host } of rules) {
    if (shown.length === hostsShownMax) more = true;
    else if (host) shown.push(host);
  }
  if (shown.length === 0) return '*';
  return more ? `${shown.join(',')} + ${rules.length - hostsShownMax} more...` : shown.join(',');
}

function endpointsCell({ subsets }: Endpoints): string {
  if (!subsets?.length) return '<none>';
  const addresses: string[] = [];
  for (const { addresses: ready = [], ports } of subsets) {
    // Headless services may have no ports.
    if (!ports?.length) addresses.push(...ready.map(({ ip }) => ip));
    for (const { port } of ports ?? [])
      addresses.push(...ready.map(({ ip }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)));
  }
  return firstThree(addresses, '');
}

function sliceEndpointsCell(endpoints: readonly Endpoint[] = []): string {
  return firstThree(
    endpoints.flatMap(({ addresses }) => addresses ?? []),
    '<unset>',
  );
}

function parentText({ spec }: IPAddress): string {
  const parent = spec?.parentRef;
  if (!parent) return '<none>';
  const resource = (
    parent.group ? `${parent.resource}.${parent.group}` : (parent.resource ?? '')
  ).toLowerCase();
  return [resource, ...(parent.namespace ? [parent.namespace] : []), parent.name ?? ''].join('/');
}

export const networkTables: Tables = {
  '/Service': table<Service>(
    [
      nameColumn,
      text('Type', 'How the service is exposed'),
      text('Cluster-IP', 'Address within the cluster'),
      text('External-IP', 'Addresses from outside'),
      text('Port(s)', 'Ports and protocols'),
      ageColumn,
      wide('Selector', 'Labels that select the pods'),
    ],
    (service, now) => {
      const { metadata, spec } = service;
      return [
        metadata.name ?? '',
        spec?.type ?? '',
        spec?.clusterIPs?.[0] || spec?.clusterIP || '<none>',
        externalIpCell(service),
        (spec?.ports ?? []).map(portText).join(',') || '<none>',
        since(metadata.creationTimestamp, now),
        labelsCell(spec?.selector),
      ];
    },
  ),
  '/Endpoints': table<Endpoints>(
    [nameColumn, text('Endpoints', 'Addresses and ports'), ageColumn],
    (endpoints, now) => [
      endpoints.metadata.name ?? '',
      endpointsCell(endpoints),
      since(endpoints.metadata.creationTimestamp, now),
    ],
  ),
  'discovery.k8s.io/EndpointSlice': table<EndpointSlice>(
    [
      nameColumn,
      text('AddressType', 'Form of the addresses'),
      text('Ports', 'Ports of every endpoint'),
      text('Endpoints', 'Addresses'),
      ageColumn,
    ],
    ({ metadata, addressType, ports, endpoints }, now) => [
      metadata.name ?? '',
      addressType ?? '',
      firstThree(
        (ports ?? []).map(({ port, name }) => `${port ?? name ?? '*'}`),
        '<unset>',
      ),
      sliceEndpointsCell(endpoints ?? []),
      since(metadata.creationTimestamp, now),
    ],
  ),
  'networking.k8s.io/Ingress': table<Ingress>(
    [
      nameColumn,
      text('Class', 'Class that decides who serves it'),
      text('Hosts', 'Hosts of the rules'),
      text('Address', 'Where it can be reached'),
      text('Ports', 'Ports it listens on'),
      ageColumn,
    ],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      spec?.ingressClassName ?? '<none>',
      hostsCell(spec?.rules ?? []),
      loadBalancerText(status?.loadBalancer?.ingress),
      spec?.tls?.length ? '80, 443' : '80',
      since(metadata.creationTimestamp, now),
    ],
  ),
  'networking.k8s.io/IngressClass': table<IngressClass>(
    [
      nameColumn,
      text('Controller', 'Controller that serves the class'),
      text('Parameters', 'Object with further configuration'),
      ageColumn,
    ],
    ({ metadata, spec }, now) => {
      const parameters = spec?.parameters;
      const isDefault = metadata.annotations?.[defaultIngressClass] === 'true';
      const kind =
        parameters?.apiGroup === undefined ? parameters?.kind : `${parameters.kind}.${parameters.apiGroup}`;
      return [
        `${metadata.name ?? ''}${isDefault ? ' (default)' : ''}`,
        spec?.controller ?? '',
        parameters ? `${kind}/${parameters.name}` : '<none>',
        since(metadata.creationTimestamp, now),
      ];
    },
  ),
  'networking.k8s.io/NetworkPolicy': table<NetworkPolicy>(
    [nameColumn, text('Pod-Selector', 'Pods that the policy holds for'), ageColumn],
    ({ metadata, spec }, now) => [
      metadata.name ?? '',
      selectorCell(spec?.podSelector),
      since(metadata.creationTimestamp, now),
    ],
  ),
  'networking.k8s.io/ServiceCIDR': table<ServiceCIDR>(
    [nameColumn, text('CIDRs', 'Ranges that cluster IPs come from'), ageColumn],
    ({ metadata, spec }, now) => [
      metadata.name ?? '',
      (spec?.cidrs ?? []).join(','),
      since(metadata.creationTimestamp, now),
    ],
  ),
  'networking.k8s.io/IPAddress': table<IPAddress>(
    // Upstream sends the age without a column for it.
    [nameColumn, text('ParentRef', 'Object that the address belongs to')],
    (address, now) => [
      address.metadata.name ?? '',
      parentText(address),
      since(address.metadata.creationTimestamp, now),
    ],
  ),
};
