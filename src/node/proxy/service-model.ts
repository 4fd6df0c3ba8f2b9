/**
 * What a Service is to one node's kernel, for one family of addresses: where its
 * traffic comes in, and where it may go. Pure, and independent of the tool that
 * writes the rules (nft/, iptables/).
 */
import type { Service, ServicePort, ServiceSpec } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { ipFamily } from '../../api/validation/ip.ts';
import { blockRange, canonicalIp, formatRange, rangesWithout } from './address.ts';
import type { AddressRange } from './address.ts';
import { chooseEndpoints } from './endpoint-choice.ts';
import type { Endpoint, Location } from './endpoint-choice.ts';

export type Family = 'IPv4' | 'IPv6';
export type Protocol = 'tcp' | 'udp' | 'sctp';

export interface Backend {
  readonly ip: string;
  readonly port: number;
  readonly local: boolean;
}

export interface PortModel {
  /** `namespace/service:port`, unique with the protocol. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly clusterIp: string;
  /** externalIPs and those of load balancers. */
  readonly externalIps: readonly string[];
  /** 0 where there is none. */
  readonly nodePort: number;
  readonly cluster: readonly Backend[];
  readonly local: readonly Backend[];
  /** Without any endpoint in the cluster traffic is rejected; without one that a Local policy allows it is dropped. */
  readonly anyEndpoints: boolean;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  /** Session affinity by client address, for so long; 0: none. */
  readonly affinitySeconds: number;
  /** Load balancer addresses that only these ranges may reach; undefined: everybody. */
  readonly firewall: { readonly ips: readonly string[]; readonly sources: readonly string[] } | undefined;
}

const proxyNameLabel = 'service.kubernetes.io/service-proxy-name';
const sourceRangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';

/** Whether a Service is for proxies at all, and for this one. */
export function isProxied({ metadata, spec }: Service): boolean {
  return spec?.type !== 'ExternalName' && !!spec?.clusterIP && spec.clusterIP !== 'None' && metadata.labels?.[proxyNameLabel] === undefined;
}

export function portModels(service: Service, slices: readonly EndpointSlice[], family: Family, location: Location): PortModel[] {
  const spec = service.spec ?? {};
  const [clusterIp] = addressesOf([...(spec.clusterIPs ?? []), spec.clusterIP], family);
  if (!isProxied(service) || clusterIp === undefined) return [];
  const ofFamily = slices.filter(({ addressType }) => addressType === family);
  return (spec.ports ?? []).map((port) => portModel(service, spec, port, clusterIp, ofFamily, family, location));
}

function portModel(service: Service, spec: ServiceSpec, port: ServicePort, clusterIp: string, slices: readonly EndpointSlice[], family: Family, location: Location): PortModel {
  const balancers = (service.status?.loadBalancer?.ingress ?? []).filter(({ ipMode }) => ipMode !== 'Proxy');
  const balancerIps = addressesOf(balancers.map(({ ip }) => ip), family);
  const externalIps = [...new Set([...addressesOf(spec.externalIPs ?? [], family), ...balancerIps])];
  const nodePort = port.nodePort ?? 0;
  const internalLocal = spec.internalTrafficPolicy === 'Local';
  const reachedFromOutside = nodePort !== 0 || externalIps.length > 0;
  const externalLocal = spec.externalTrafficPolicy === 'Local' && (spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.externalIPs ?? []).length > 0);
  // Traffic of this node's own to an external address always goes by the policy Cluster.
  const uses = { cluster: !internalLocal || reachedFromOutside, local: internalLocal || externalLocal };
  const protocol = (port.protocol ?? 'TCP').toLowerCase() as Protocol;
  const choice = chooseEndpoints(endpointsOf(slices, port.name ?? '', location), uses, location);
  const sources = sourceRanges(service, spec, family);
  return {
    name: `${service.metadata.namespace}/${service.metadata.name}:${port.name ?? ''}`,
    protocol,
    port: port.port,
    clusterIp,
    externalIps,
    nodePort,
    cluster: choice.cluster.map(backend),
    local: choice.local.map(backend),
    anyEndpoints: choice.any,
    internalLocal,
    externalLocal,
    affinitySeconds: spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : 0,
    firewall: balancerIps.length > 0 && sources.length > 0 ? { ips: balancerIps, sources } : undefined,
  };
}

/** Those of the family, in their canonical spelling. */
function addressesOf(texts: readonly (string | undefined)[], family: Family): string[] {
  return texts.flatMap((text) => (text !== undefined && ipFamily(text) === family ? [canonicalIp(text) ?? []].flat() : []));
}

function backend({ ip, port, local }: Endpoint): Backend {
  return { ip, port, local };
}

function sourceRanges({ metadata }: Service, spec: ServiceSpec, family: Family): string[] {
  const annotated = metadata.annotations?.[sourceRangesAnnotation]?.split(',') ?? [];
  const texts = spec.loadBalancerSourceRanges?.length ? spec.loadBalancerSourceRanges : annotated;
  const ranges = texts.map(blockRange).filter((range) => range !== undefined && range.bits === (family === 'IPv4' ? 32 : 128));
  return rangesWithout(ranges as AddressRange[], []).map(formatRange);
}

/** All endpoints behind the port of that name, each once, in an order that does not depend on that of the slices. */
function endpointsOf(slices: readonly EndpointSlice[], portName: string, location: Location): Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const slice of slices) {
    const number = (slice.ports ?? []).find(({ name = '' }) => name === portName)?.port;
    if (number === undefined) continue;
    for (const { addresses, conditions, nodeName, hints } of slice.endpoints ?? []) {
      const ip = canonicalIp(addresses[0] ?? '');
      if (ip === undefined) continue;
      const ready = conditions?.ready ?? true;
      found.set(`${ip} ${number}`, {
        ip,
        port: number,
        ready,
        serving: conditions?.serving ?? ready,
        terminating: conditions?.terminating ?? false,
        local: nodeName === location.nodeName,
        nodeHints: (hints?.forNodes ?? []).map(({ name }) => name),
        zoneHints: (hints?.forZones ?? []).map(({ name }) => name),
      });
    }
  }
  return [...found.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}
