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
  /** By `_port._protocol`; one without a name as `_._protocol`. */
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
  records.set(name, [...sets]);
  for (const address of addresses) records.set(reverseName(address), [{ type: recordTypes.PTR, ttlSeconds, targets: [name] }]);
  addPorts(records, name, (spec.ports ?? []).map(({ name: port = '', protocol = 'TCP', port: number }) => ({ port: portName(port, protocol), number, name, addresses: sets })), ttlSeconds);
}

/** Without an endpoint that is ready the name does not exist. */
function addHeadless(records: Map<string, RecordSet[]>, name: string, endpoints: readonly EndpointName[], ttlSeconds: number): void {
  if (endpoints.length === 0) return;
  records.set(name, addressSets(endpoints.flatMap(({ addresses }) => addresses), ttlSeconds));
  const served = endpoints.flatMap((endpoint) => {
    const addresses = addressSets(endpoint.addresses, ttlSeconds);
    return Array.from(endpoint.ports, ([port, number]) => ({ port, number, name: endpoint.name, addresses }));
  });
  addPorts(records, name, served, ttlSeconds);
}

interface ServedPort {
  readonly port: string;
  readonly number: number;
  readonly name: string;
  readonly addresses: readonly AddressSet[];
}

/** SRV under each port's name and, as CoreDNS has it too, of all ports under the Service's. */
function addPorts(records: Map<string, RecordSet[]>, name: string, served: readonly ServedPort[], ttlSeconds: number): void {
  if (served.length === 0) return;
  records.get(name)?.push(targetsOf(served, ttlSeconds));
  for (const [port, those] of Map.groupBy(served, (one) => one.port)) if (!port.startsWith(unnamed)) records.set(`${port}.${name}`, [targetsOf(those, ttlSeconds)]);
}

function targetsOf(served: readonly ServedPort[], ttlSeconds: number): RecordSet {
  const weight = Math.max(1, Math.floor(weightOfAll / served.length));
  const targets = served.map(({ name, number, addresses }): ServiceTarget => ({ name, port: number, weight, addresses }));
  return { type: recordTypes.SRV, ttlSeconds, targets };
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
        for (const { name: port = '', port: number, protocol = 'TCP' } of slice.ports ?? []) {
          if (number !== undefined) known.ports.set(portName(port, protocol), number);
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

const unnamed = '_.';

function portName(port: string, protocol: string): string {
  return `_${port}._${protocol}`.toLowerCase();
}
