/** networking.k8s.io/v1: IngressClass, NetworkPolicy, IPAddress, ServiceCIDR; Ingress has a file of its own. */
import type { FieldError } from '../errors.ts';
import type {
  IngressClass,
  IngressClassParametersReference,
  IPAddress,
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  ParentReference,
  ServiceCIDR,
} from '../types/networking-v1.ts';
import { semanticEqual } from './equality.ts';
import {
  forbiddenField,
  immutableMessage,
  invalidEach,
  invalidValue,
  notSupported,
  path,
  required,
  tooLong,
  type FieldPath,
} from './field-path.ts';
import { immutable } from './immutable.ts';
import { ipMessages, parseIp, validateCidr } from './ip.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import {
  dnsLabel,
  dnsSubdomain,
  domainPrefixedPath,
  pathSegmentName,
  portName,
  portNumber,
} from './names.ts';
import { requiredSegment, validators as ingresses } from './networking-ingress.ts';
import { validateLabelSelector } from './selectors.ts';

const specPath = path('spec');
const protocols = ['TCP', 'UDP', 'SCTP'];
const policyTypes = ['Ingress', 'Egress'];
const controllerBytesMax = 250;

function validatePolicyPort(
  errors: FieldError[],
  { protocol, port, endPort }: NetworkPolicyPort,
  at: FieldPath,
): void {
  if (protocol !== undefined && !protocols.includes(protocol))
    errors.push(notSupported(at.child('protocol'), protocol, protocols));
  const endPath = at.child('endPort');
  if (typeof port === 'number') {
    invalidEach(errors, at.child('port'), port, portNumber(port));
    if (endPort === undefined) return;
    if (endPort < port) errors.push(invalidValue(endPath, port, 'must be greater than or equal to `port`'));
    invalidEach(errors, endPath, endPort, portNumber(endPort));
  } else if (port !== undefined) {
    if (endPort !== undefined)
      errors.push(invalidValue(endPath, endPort, 'may not be specified when `port` is non-numeric'));
    invalidEach(errors, at.child('port'), port, portName(port));
  } else if (endPort !== undefined)
    errors.push(invalidValue(endPath, endPort, 'may not be specified when `port` is not specified'));
}

/** `kept`: blocks that the policy held before are not looked at again. */
function validatePeer(
  errors: FieldError[],
  peer: NetworkPolicyPeer,
  kept: readonly string[],
  at: FieldPath,
): void {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  validateLabelSelector(errors, podSelector, at.child('podSelector'));
  validateLabelSelector(errors, namespaceSelector, at.child('namespaceSelector'));
  if (ipBlock) validateIpBlock(errors, ipBlock, kept, at.child('ipBlock'));
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(at, 'must specify a peer'));
  else if (ipBlock && (podSelector || namespaceSelector))
    errors.push(forbiddenField(at, 'may not specify both ipBlock and another peer'));
}

interface Block {
  readonly prefix: bigint;
  readonly length: number;
  readonly bits: number;
}

/** Undefined for what is no block: that has been reported. */
function parseBlock(text: string): Block | undefined {
  const [address = '', lengthText = ''] = text.split('/');
  const ip = parseIp(address);
  const length = Number(lengthText);
  if (!ip || !/^\d+$/.test(lengthText) || length > ip.bits) return undefined;
  return { prefix: ip.value >> BigInt(ip.bits - length), length, bits: ip.bits };
}

function isWithin(inner: Block, outer: Block): boolean {
  if (inner.bits !== outer.bits || inner.length <= outer.length) return false;
  return inner.prefix >> BigInt(inner.length - outer.length) === outer.prefix;
}

function validateIpBlock(
  errors: FieldError[],
  { cidr = '', except }: IPBlock,
  kept: readonly string[],
  at: FieldPath,
): void {
  if (cidr === '') {
    errors.push(required(at.child('cidr')));
    return;
  }
  validateCidr(errors, at.child('cidr'), cidr, kept);
  const outer = parseBlock(cidr);
  if (!outer) return;
  except?.forEach((text, i) => {
    const exceptPath = at.child('except').index(i);
    validateCidr(errors, exceptPath, text, kept);
    const inner = parseBlock(text);
    if (inner && !isWithin(inner, outer))
      errors.push(invalidValue(exceptPath, text, 'must be a strict subset of `cidr`'));
  });
}

function blocksOf({ spec }: NetworkPolicy): string[] {
  const peers = [
    ...(spec?.ingress ?? []).flatMap(({ from = [] }) => from),
    ...(spec?.egress ?? []).flatMap(({ to = [] }) => to),
  ];
  return peers.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : []));
}

function validatePolicy({ spec }: NetworkPolicy, kept: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  validateLabelSelector(errors, spec?.podSelector, specPath.child('podSelector'));
  const rules = [
    ...(spec?.ingress ?? []).map(({ ports, from }, i) => ({
      ports,
      peers: from,
      at: specPath.child('ingress').index(i),
      peersField: 'from',
    })),
    ...(spec?.egress ?? []).map(({ ports, to }, i) => ({
      ports,
      peers: to,
      at: specPath.child('egress').index(i),
      peersField: 'to',
    })),
  ];
  for (const { ports, peers, at, peersField } of rules) {
    ports?.forEach((port, i) => validatePolicyPort(errors, port, at.child('ports').index(i)));
    peers?.forEach((peer, i) => validatePeer(errors, peer, kept, at.child(peersField).index(i)));
  }
  const types = spec?.policyTypes ?? [];
  const typesPath = specPath.child('policyTypes');
  if (types.length > policyTypes.length)
    errors.push(invalidValue(typesPath, types, 'may not specify more than two policyTypes'));
  else
    types.forEach((type, i) => {
      if (!policyTypes.includes(type)) errors.push(notSupported(typesPath.index(i), type, policyTypes));
    });
  return errors;
}

function validateParameters(
  errors: FieldError[],
  parameters: IngressClassParametersReference,
  at: FieldPath,
): void {
  const { apiGroup, kind, name, scope, namespace } = parameters;
  if (apiGroup !== undefined) invalidEach(errors, at.child('apiGroup'), apiGroup, dnsSubdomain(apiGroup));
  requiredSegment(errors, kind, at.child('kind'));
  requiredSegment(errors, name, at.child('name'));
  const namespacePath = at.child('namespace');
  if (scope === undefined) errors.push(required(at.child('scope')));
  else if (scope !== 'Namespace' && scope !== 'Cluster')
    errors.push(notSupported(at.child('scope'), scope, ['Cluster', 'Namespace']));
  else if (scope === 'Cluster') {
    if (namespace !== undefined)
      errors.push(forbiddenField(namespacePath, "`parameters.scope` is set to 'Cluster'"));
  } else if (namespace === undefined)
    errors.push(required(namespacePath, "`parameters.scope` is set to 'Namespace'"));
  else invalidEach(errors, namespacePath, namespace, dnsLabel(namespace));
}

function validateIngressClass({ spec = {} }: IngressClass): FieldError[] {
  const errors: FieldError[] = [];
  const controller = spec.controller ?? '';
  if (controller.length > controllerBytesMax)
    errors.push(tooLong(specPath.child('controller'), controllerBytesMax));
  domainPrefixedPath(errors, specPath.child('controller'), controller);
  if (spec.parameters) validateParameters(errors, spec.parameters, specPath.child('parameters'));
  return errors;
}

function updateIngressClass(ingressClass: IngressClass, old: IngressClass): FieldError[] {
  const errors: FieldError[] = [];
  immutable(errors, specPath.child('controller'), ingressClass.spec?.controller, old.spec?.controller);
  errors.push(...validateIngressClass(ingressClass));
  return errors;
}

function validateParent(errors: FieldError[], parent: ParentReference | undefined, at: FieldPath): void {
  if (!parent) {
    errors.push(required(at));
    return;
  }
  const { group, resource, name, namespace } = parent;
  if (group) invalidEach(errors, at.child('group'), group, dnsSubdomain(group));
  requiredSegment(errors, resource, at.child('resource'));
  requiredSegment(errors, name, at.child('name'));
  if (namespace) invalidEach(errors, at.child('namespace'), namespace, pathSegmentName(namespace, false));
}

/** As upstream's own structure prints: all fields, beginning with capitals. */
function upstreamForm(parent: ParentReference | undefined): object | null {
  if (!parent) return null;
  const { group = '', resource = '', namespace = '', name = '' } = parent;
  return { Group: group, Resource: resource, Namespace: namespace, Name: name };
}

function validateAddress({ spec }: IPAddress): FieldError[] {
  const errors: FieldError[] = [];
  validateParent(errors, spec?.parentRef, specPath.child('parentRef'));
  return errors;
}

function validateRanges(cidrs: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const at = specPath.child('cidrs');
  if (cidrs.length === 0) return [required(at, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalidValue(at, { CIDRs: cidrs }, 'may only hold up to 2 values')];
  cidrs.forEach((cidr, i) => validateCidr(errors, at.index(i), cidr));
  const families = cidrs.map((cidr) => parseBlock(cidr)?.bits);
  if (cidrs.length === 2 && families[0] !== undefined && families[0] === families[1])
    errors.push(
      invalidValue(
        at,
        cidrs,
        'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
      ),
    );
  return errors;
}

/** A range never changes; a second one, of the other family, may be added. */
function updateRanges(
  { spec }: ServiceCIDR,
  { spec: oldSpec }: ServiceCIDR,
  subresource: string,
): FieldError[] {
  if (subresource === 'status') return [];
  const cidrs = spec?.cidrs ?? [];
  const old = oldSpec?.cidrs ?? [];
  const at = specPath.child('cidrs');
  const grows = old.length === 1 && cidrs.length === 2;
  if (!grows && old.length !== cidrs.length) return [invalidValue(at, cidrs, immutableMessage)];
  const changed = old.flatMap((cidr, i) =>
    cidr === cidrs[i] ? [] : [invalidValue(at.index(i), cidrs[i], immutableMessage)],
  );
  return grows ? [...changed, ...validateRanges(cidrs)] : changed;
}

const group = 'networking.k8s.io';

export const validators: KindValidators = {
  ...ingresses,
  [`${group}/NetworkPolicy`]: kindValidator<NetworkPolicy>({
    create: (policy) => validatePolicy(policy, []),
    update: (policy, old) => validatePolicy(policy, blocksOf(old)),
  }),
  [`${group}/IngressClass`]: kindValidator<IngressClass>({
    create: validateIngressClass,
    update: updateIngressClass,
  }),
  [`${group}/IPAddress`]: kindValidator<IPAddress>({
    validateName: (name) => ipMessages(name),
    create: validateAddress,
    update(address, old) {
      const errors = validateAddress(address);
      if (!semanticEqual(address.spec?.parentRef, old.spec?.parentRef))
        errors.push(
          invalidValue(specPath.child('parentRef'), upstreamForm(address.spec?.parentRef), immutableMessage),
        );
      return errors;
    },
  }),
  [`${group}/ServiceCIDR`]: kindValidator<ServiceCIDR>({
    create: ({ spec }) => validateRanges(spec?.cidrs ?? []),
    update: updateRanges,
  }),
};
