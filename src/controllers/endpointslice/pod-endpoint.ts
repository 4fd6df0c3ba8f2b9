/** A pod as an endpoint of a Service. Pure. */
import type { Container, Node, Pod, Service, ServicePort } from '../../api/types/core-v1.ts';
import type { Endpoint, EndpointHints, EndpointPort } from '../../api/types/discovery-v1.ts';
import { isReady, isTerminal } from '../runtime/pod-state.ts';

export type AddressType = 'IPv4' | 'IPv6';

const zoneLabel = 'topology.kubernetes.io/zone';
const nearDistributions: ReadonlySet<string> = new Set(['PreferClose', 'PreferSameZone', 'PreferSameNode']);

/** The families a Service's endpoints have. */
export function addressTypesOf({ spec }: Service): AddressType[] {
  const families = spec.ipFamilies ?? [];
  if (families.length > 0) return families.filter((family) => family === 'IPv4' || family === 'IPv6');
  return spec.clusterIP?.includes(':') ? ['IPv6'] : ['IPv4'];
}

export function isHeadless({ spec }: Service): boolean {
  return spec.clusterIP === 'None';
}

/** A pod that can be reached, or is on its way out and may still be. */
export function isEndpoint(pod: Pod): boolean {
  return !isTerminal(pod) && (!!pod.status?.podIP || (pod.status?.podIPs?.length ?? 0) > 0);
}

export function podAddress(pod: Pod, type: AddressType): string | undefined {
  const addresses = pod.status?.podIPs?.map(({ ip }) => ip) ?? [];
  const all = addresses.length > 0 ? addresses : [pod.status?.podIP ?? ''];
  return all.find((address) => address !== '' && address.includes(':') === (type === 'IPv6'));
}

export function endpointOf(pod: Pod, service: Service, node: Node | undefined, address: string): Endpoint {
  const serving = isReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const { namespace, name, uid } = pod.metadata;
  const zone = node?.metadata.labels?.[zoneLabel];
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const hints = ready ? hintsFor(service, pod.spec.nodeName, zone) : undefined;
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hints ? { hints } : {}),
    ...(isNamedHost(pod, service) ? { hostname: pod.spec.hostname } : {}),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(zone ? { zone } : {}),
  };
}

/** Whom the endpoint is for, where traffic shall stay near: those of its zone, or first of its node. */
function hintsFor({ spec: { trafficDistribution } }: Service, nodeName: string | undefined, zone: string | undefined): EndpointHints | undefined {
  if (!trafficDistribution || !nearDistributions.has(trafficDistribution)) return undefined;
  const forZones = zone ? { forZones: [{ name: zone }] } : undefined;
  const forNodes = nodeName && trafficDistribution === 'PreferSameNode' ? { forNodes: [{ name: nodeName }] } : undefined;
  return forZones || forNodes ? { ...forZones, ...forNodes } : undefined;
}

/** Its subdomain is the Service: the pod has a name of its own in DNS. */
export function isNamedHost(pod: Pod, service: Service): boolean {
  return !!pod.spec.hostname && pod.spec.subdomain === service.metadata.name;
}

/** The Service's ports as this pod has them; a named one that it does not have is left out. */
export function endpointPorts(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const wanted of service.spec.ports ?? []) {
    const port = targetPort(wanted, pod);
    if (port === undefined) continue;
    const { name = '', protocol = 'TCP', appProtocol } = wanted;
    ports.push({ name, port, protocol, ...(appProtocol ? { appProtocol } : {}) });
  }
  return ports;
}

function targetPort({ targetPort: target, port, protocol = 'TCP' }: ServicePort, pod: Pod): number | undefined {
  if (target === undefined || target === 0) return port;
  if (typeof target === 'number') return target;
  for (const container of servingContainers(pod)) {
    const found = container.ports?.find((offered) => offered.name === target && (offered.protocol ?? 'TCP') === protocol);
    if (found) return found.containerPort;
  }
  return undefined;
}

/** Init containers that restart always are sidecars, and serve too. */
function servingContainers({ spec }: Pod): Container[] {
  return [...spec.containers, ...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')];
}

/** Whether a change of a pod can change its endpoint. */
export function endpointChanged(old: Pod, pod: Pod): boolean {
  return (
    old.metadata.deletionTimestamp !== pod.metadata.deletionTimestamp ||
    old.spec.nodeName !== pod.spec.nodeName ||
    isTerminal(old) !== isTerminal(pod) ||
    isReady(old) !== isReady(pod) ||
    addressText(old) !== addressText(pod)
  );
}

function addressText({ status }: Pod): string {
  return `${status?.podIP ?? ''},${status?.podIPs?.map(({ ip }) => ip).join(',') ?? ''}`;
}
