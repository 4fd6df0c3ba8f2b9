/**
 * The names of one Service, as the specification of DNS for Kubernetes has them
 * (github.com/kubernetes/dns, 1.1.0). Pure.
 */
import type { Service } from '../../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { Contribution } from './name-index.ts';
import { reverseName } from './name.ts';
import { recordTypes } from './protocol.ts';
import { addressBytes, addressSets } from './records.ts';
import type { AddressSet, RecordSet, ServiceTarget } from './records.ts';

interface EndpointName {
  readonly name: string;
  readonly addresses: Buffer[];
  /** By `_port._protocol`. */
  readonly ports: Map<string, number>;
}

/** Of all targets of a name together. */
const weightOfAll = 100;

export function serviceRecords(service: Service, slices: readonly EndpointSlice[], zone: string, ttlSeconds: number): Contribution {
  const { spec, metadata } = service;
  const name = `${metadata.name}.${metadata.namespace}.svc.${zone}`.toLowerCase();
  const records = new Map<string, RecordSet[]>();
  if (spec.type === 'ExternalName') {
    records.set(name, [{ type: recordTypes.CNAME, ttlSeconds, targets: [(spec.externalName ?? '').toLowerCase()] }]);
    return records;
  }
  const headless = spec.clusterIP === 'None';
  const endpoints = endpointNames(name, slices, headless);
  if (headless) addHeadless(records, name, endpoints, ttlSeconds);
  else addClusterIps(records, name, service, ttlSeconds);
  for (const endpoint of endpoints) {
    records.set(endpoint.name, addressSets(endpoint.addresses, ttlSeconds));
    for (const address of endpoint.addresses) records.set(reverseName(address), [{ type: recordTypes.PTR, ttlSeconds, targets: [endpoint.name] }]);
  }
  return records;
}

function addClusterIps(records: Map<string, RecordSet[]>, name: string, { spec }: Service, ttlSeconds: number): void {
  const texts = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ''];
  const addresses = texts.flatMap((text) => addressBytes(text) ?? []);
  const sets = addressSets(addresses, ttlSeconds);
  records.set(name, sets);
  for (const address of addresses) records.set(reverseName(address), [{ type: recordTypes.PTR, ttlSeconds, targets: [name] }]);
  for (const { name: port = '', protocol = 'TCP', port: number } of spec.ports ?? []) {
    if (port === '') continue;
    const target = { name, port: number, weight: weightOfAll, addresses: sets };
    records.set(`${portName(port, protocol)}.${name}`, [{ type: recordTypes.SRV, ttlSeconds, targets: [target] }]);
  }
}

function addHeadless(records: Map<string, RecordSet[]>, name: string, endpoints: readonly EndpointName[], ttlSeconds: number): void {
  records.set(name, addressSets(endpoints.flatMap(({ addresses }) => addresses), ttlSeconds));
  const targets = new Map<string, { readonly endpoint: EndpointName; readonly port: number }[]>();
  for (const endpoint of endpoints)
    for (const [port, number] of endpoint.ports) {
      const known = targets.get(port);
      if (known) known.push({ endpoint, port: number });
      else targets.set(port, [{ endpoint, port: number }]);
    }
  for (const [port, reached] of targets) {
    const weight = Math.max(1, Math.floor(weightOfAll / reached.length));
    const list = reached.map(({ endpoint, port: number }): ServiceTarget => ({ name: endpoint.name, port: number, weight, addresses: addressSets(endpoint.addresses, ttlSeconds) as AddressSet[] }));
    records.set(`${port}.${name}`, [{ type: recordTypes.SRV, ttlSeconds, targets: list }]);
  }
}

/** The endpoints that have a name of their own, each with its addresses of both families. With a cluster IP only those whose pod asks for one have. */
function endpointNames(service: string, slices: readonly EndpointSlice[], headless: boolean): EndpointName[] {
  const found = new Map<string, EndpointName>();
  for (const slice of slices)
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false || (!headless && !endpoint.hostname)) continue;
      for (const text of endpoint.addresses) {
        const address = addressBytes(text);
        if (!address) continue;
        const name = `${hostLabel(endpoint, address)}.${service}`;
        let known = found.get(name);
        if (!known) found.set(name, (known = { name, addresses: [], ports: new Map() }));
        if (!known.addresses.some((other) => other.equals(address))) known.addresses.push(address);
        for (const { name: port, port: number, protocol = 'TCP' } of slice.ports ?? []) {
          if (port && number !== undefined) known.ports.set(portName(port, protocol), number);
        }
      }
    }
  return [...found.values()];
}

/** What it has no hostname for, an endpoint is called by its address. */
function hostLabel({ hostname }: Endpoint, address: Buffer): string {
  if (hostname) return hostname.toLowerCase();
  return address.length === 4 ? [...address].join('-') : (address.toString('hex').match(/.{4}/g) ?? []).join('-');
}

function portName(port: string, protocol: string): string {
  return `_${port}._${protocol}`.toLowerCase();
}
