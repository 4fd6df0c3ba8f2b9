/**
 * The EndpointSlices that say what Endpoints made by hand say. Subsets are
 * regrouped first, as upstream does: each port once, those that the same
 * addresses serve together; an address that is said to be both is not ready.
 * Pure.
 */
import type { EndpointAddress, EndpointPort as PortOfEndpoints, Endpoints } from '../../api/types/core-v1.ts';
import type { Endpoint, EndpointPort } from '../../api/types/discovery-v1.ts';
import type { AddressType } from './pod-endpoint.ts';

const addressesMax = 1000;

export interface MirroredSlice {
  readonly addressType: AddressType;
  readonly ports: EndpointPort[];
  readonly endpoints: Endpoint[];
}

interface Seen {
  readonly address: EndpointAddress;
  ready: boolean;
}

interface Ported {
  /** Undefined: addresses without ports. */
  readonly port: PortOfEndpoints | undefined;
  readonly addresses: Map<string, Seen>;
}

export function mirroredSlices(endpoints: Endpoints): MirroredSlice[] {
  const groups = Map.groupBy(byPort(endpoints).values(), ({ addresses }) => JSON.stringify([...addresses].map(([key, { ready }]) => [key, ready]).toSorted()));
  const slices: MirroredSlice[] = [];
  for (const group of groups.values()) {
    const ports = group.flatMap(({ port }) => (port ? [portOf(port)] : []));
    const ordered = [...(group[0]?.addresses.values() ?? [])].toSorted((a, b) => Number(b.ready) - Number(a.ready)).slice(0, addressesMax);
    for (const [addressType, seen] of Map.groupBy(ordered, ({ address }): AddressType => (address.ip.includes(':') ? 'IPv6' : 'IPv4'))) {
      slices.push({ addressType, ports, endpoints: seen.map(endpointOf) });
    }
  }
  return slices;
}

function byPort({ subsets = [] }: Endpoints): Map<string, Ported> {
  const ported = new Map<string, Ported>();
  for (const { ports, addresses = [], notReadyAddresses = [] } of subsets) {
    for (const port of ports?.length ? ports : [undefined]) {
      const key = JSON.stringify(port ? portOf(port) : null);
      const entry = ported.get(key) ?? { port, addresses: new Map<string, Seen>() };
      ported.set(key, entry);
      for (const [list, ready] of [[addresses, true], [notReadyAddresses, false]] as const) for (const address of list) note(entry.addresses, address, ready);
    }
  }
  return ported;
}

function note(addresses: Map<string, Seen>, address: EndpointAddress, ready: boolean): void {
  const key = `${address.ip} ${address.targetRef?.uid ?? ''}`;
  const seen = addresses.get(key);
  if (!seen) addresses.set(key, { address, ready });
  else seen.ready &&= ready;
}

function portOf({ name = '', port, protocol, appProtocol }: PortOfEndpoints): EndpointPort {
  return { name, port, protocol: protocol ?? 'TCP', ...(appProtocol === undefined ? {} : { appProtocol }) };
}

function endpointOf({ address: { ip, hostname, nodeName, targetRef }, ready }: Seen): Endpoint {
  return { addresses: [ip], conditions: { ready }, ...(hostname ? { hostname } : {}), ...(nodeName === undefined ? {} : { nodeName }), ...(targetRef ? { targetRef } : {}) };
}
