/** discovery.k8s.io/v1 EndpointSlice. */
import type { FieldError } from '../errors.ts';
import type { Endpoint, EndpointHints, EndpointPort, EndpointSlice } from '../types/discovery-v1.ts';
import { semanticEqual } from './equality.ts';
import {
  duplicate,
  invalidEach,
  invalidValue,
  notSupported,
  path,
  required,
  tooMany,
  type FieldPath,
} from './field-path.ts';
import { immutable } from './immutable.ts';
import { ipFamily, ipMessages } from './ip.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dnsLabel, dnsSubdomain, labelValue, qualifiedName } from './names.ts';
import { validateLabels } from './object-meta.ts';

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
const protocols = ['SCTP', 'TCP', 'UDP'];
const endpointsMax = 1000;
const addressesMax = 100;
const portsMax = 20_000;
const hintsMax = 8;
const topologyMax = 16;

/** What no service may send to: these ranges mean the node itself. */
const reservedRanges: readonly (readonly [pattern: RegExp, detail: string])[] = [
  [/^127\.|^(0*:)+0*1$/, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  [/^169\.254\.|^fe[89ab][0-9a-f]:/i, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
  [/^224\.0\.0\.|^ff[0-9a-f]2:/i, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
];

function validateAddress(
  errors: FieldError[],
  address: string,
  type: string,
  at: FieldPath,
  index: number,
): void {
  const itemPath = at.index(index);
  if (type === 'FQDN') {
    validateDomainName(errors, address, itemPath);
    return;
  }
  const messages = ipMessages(address);
  if (messages.length > 0) {
    invalidEach(errors, itemPath, address, messages);
    return;
  }
  if (ipFamily(address) !== type) errors.push(invalidValue(at, address, `must be an ${type} address`));
  if (/^(0\.0\.0\.0|[0:]+)$/.test(address))
    errors.push(invalidValue(itemPath, address, `may not be unspecified (${address})`));
  for (const [pattern, detail] of reservedRanges)
    if (pattern.test(address)) errors.push(invalidValue(itemPath, address, detail));
}

function validateDomainName(errors: FieldError[], name: string, at: FieldPath): void {
  if (name === '') {
    errors.push(required(at));
    return;
  }
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  invalidEach(errors, at, bare, dnsSubdomain(bare));
  if (bare.split('.').length < 2)
    errors.push(invalidValue(at, bare, 'should be a domain with at least two segments separated by dots'));
}

function validateEndpoint(errors: FieldError[], endpoint: Endpoint, type: string, at: FieldPath): void {
  const addressesPath = at.child('addresses');
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) errors.push(required(addressesPath, 'must contain at least 1 address'));
  else if (addresses.length > addressesMax)
    errors.push(tooMany(addressesPath, addresses.length, addressesMax));
  if (addressTypes.includes(type))
    addresses.forEach((address, i) => validateAddress(errors, address, type, addressesPath, i));
  const { nodeName, deprecatedTopology: topology, hostname, hints } = endpoint;
  if (nodeName !== undefined) invalidEach(errors, at.child('nodeName'), nodeName, dnsSubdomain(nodeName));
  if (topology) {
    const count = Object.keys(topology).length;
    if (count > topologyMax) errors.push(tooMany(at.child('deprecatedTopology'), count, topologyMax));
    validateLabels(errors, topology, at.child('deprecatedTopology'));
  }
  if (hostname !== undefined) invalidEach(errors, at.child('hostname'), hostname, dnsLabel(hostname));
  if (hints) validateHints(errors, hints, at.child('hints'));
}

function validateHints(
  errors: FieldError[],
  { forZones = [], forNodes = [] }: EndpointHints,
  at: FieldPath,
): void {
  const lists = [
    ['forZones', forZones, labelValue],
    ['forNodes', forNodes, dnsSubdomain],
  ] as const;
  for (const [field, hints, rule] of lists) {
    if (hints.length > hintsMax) {
      errors.push(tooMany(at.child(field), hints.length, hintsMax));
      return;
    }
    const seen = new Set<string>();
    hints.forEach(({ name }, i) => {
      const namePath = at.child(field).index(i).child('name');
      if (seen.has(name)) errors.push(duplicate(namePath, name));
      seen.add(name);
      invalidEach(errors, namePath, name, rule(name));
    });
  }
}

function validatePorts(errors: FieldError[], ports: readonly EndpointPort[], at: FieldPath): void {
  if (ports.length > portsMax) {
    errors.push(tooMany(at, ports.length, portsMax));
    return;
  }
  const names = new Set<string>();
  ports.forEach(({ name = '', protocol, appProtocol }, i) => {
    const portPath = at.index(i);
    if (name !== '') invalidEach(errors, portPath.child('name'), name, dnsLabel(name));
    if (names.has(name)) errors.push(duplicate(portPath.child('name'), name));
    names.add(name);
    if (protocol === undefined) errors.push(required(portPath.child('protocol')));
    else if (!protocols.includes(protocol))
      errors.push(notSupported(portPath.child('protocol'), protocol, protocols));
    if (appProtocol !== undefined)
      invalidEach(errors, portPath.child('appProtocol'), appProtocol, qualifiedName(appProtocol));
  });
}

function validateEndpoints(endpoints: readonly Endpoint[], type: string): FieldError[] {
  const at = path('endpoints');
  if (endpoints.length > endpointsMax) return [tooMany(at, endpoints.length, endpointsMax)];
  const errors: FieldError[] = [];
  endpoints.forEach((endpoint, i) => validateEndpoint(errors, endpoint, type, at.index(i)));
  return errors;
}

function validateSlice(slice: EndpointSlice, old?: EndpointSlice): FieldError[] {
  const errors: FieldError[] = [];
  const type = slice.addressType ?? '';
  if (type === '') errors.push(required(path('addressType')));
  else if (!addressTypes.includes(type)) errors.push(notSupported(path('addressType'), type, addressTypes));
  validatePorts(errors, slice.ports ?? [], path('ports'));
  const wrong = validateEndpoints(slice.endpoints ?? [], type);
  // Older rules may have let these in. Only compared when something is wrong: slices are large.
  if (wrong.length > 0 && !(old && semanticEqual(slice.endpoints, old.endpoints))) errors.push(...wrong);
  if (old) immutable(errors, path('addressType'), slice.addressType, old.addressType);
  return errors;
}

export const validators: KindValidators = {
  'discovery.k8s.io/EndpointSlice': kindValidator<EndpointSlice>({
    create: (slice) => validateSlice(slice),
    update: (slice, old) => validateSlice(slice, old),
  }),
};
