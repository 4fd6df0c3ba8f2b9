/** Services and endpoints. */
import type { FieldError } from '../errors.ts';
import type { EndpointAddress, EndpointPort, Endpoints, LoadBalancerIngress, Service, ServicePort, ServiceSpec } from '../types/core-v1.ts';
import type { FieldPath } from './field-path.ts';
import { duplicate, forbiddenField, immutableMessage, invalidEach, invalidValue, notSupported, oneOf, path, required } from './field-path.ts';
import { semanticEqual } from './equality.ts';
import { ipFamily, isDualStackPair, parseIp, validateCidr, validateIp } from './ip.ts';
import type { KindValidators } from './kind-validator.ts';
import { kindValidator } from './kind-validator.ts';
import { dnsLabel, dnsSubdomain, nameIsDnsLabel, portNumber, qualifiedName } from './names.ts';
import { validateLabels } from './object-meta.ts';
import { requiredOneOf } from './pod-containers.ts';
import { validatePort } from './pod-probes.ts';

const specPath = path('spec');
const clusterIPsPath = specPath.child('clusterIPs');
const protocols = ['SCTP', 'TCP', 'UDP'];
const rangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const hintsAnnotation = 'service.kubernetes.io/topology-aware-hints';
const modeAnnotation = 'service.kubernetes.io/topology-mode';
const affinitySecondsMax = 86400;

export function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
}

function isLoadBalancer(spec: ServiceSpec): boolean {
  return spec.type === 'LoadBalancer';
}

export function needsHealthCheckPort(spec: ServiceSpec): boolean {
  return isLoadBalancer(spec) && spec.externalTrafficPolicy === 'Local';
}

export function isExternallyAccessible(spec: ServiceSpec): boolean {
  return isLoadBalancer(spec) || spec.type === 'NodePort' || (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0);
}

function validateService(errors: FieldError[], service: Service, old: Service | undefined): void {
  const spec = service.spec ?? {};
  const annotations = service.metadata?.annotations ?? {};
  const mode = annotations[modeAnnotation];
  const hints = annotations[hintsAnnotation];
  if (mode !== undefined && hints !== undefined && mode !== hints) {
    const why = `must match annotations[${hintsAnnotation}] when both are specified`;
    errors.push(invalidValue(path('metadata', 'annotations').key(modeAnnotation), mode, why));
  }
  validateByType(errors, spec);
  const names = new Set<string>();
  const ports = spec.ports ?? [];
  ports.forEach((port, i) => validateServicePort(errors, port, ports.length > 1, names, specPath.child('ports').index(i)));
  if (spec.selector) validateLabels(errors, spec.selector, specPath.child('selector'));
  validateAffinity(errors, spec);
  if (spec.type !== 'ExternalName') validateClusterIPs(errors, spec, old?.spec?.clusterIPs);
  spec.externalIPs?.forEach((ip, i) => {
    const at = specPath.child('externalIPs').index(i);
    const before = errors.length;
    validateIp(errors, at, ip, old?.spec?.externalIPs);
    if (errors.length === before) validateEndpointIp(errors, ip, at);
  });
  requiredOneOf(errors, spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'], specPath.child('type'));
  validatePortsTogether(errors, spec);
  validateLoadBalancerFields(errors, service, spec, old);
  validateTraffic(errors, spec);
}

function validateByType(errors: FieldError[], spec: ServiceSpec): void {
  if (!spec.ports?.length && !isHeadless(spec) && spec.type !== 'ExternalName') errors.push(required(specPath.child('ports')));
  if ((isLoadBalancer(spec) || spec.type === 'NodePort') && isHeadless(spec)) {
    errors.push(invalidValue(clusterIPsPath.index(0), 'None', `may not be set to 'None' for ${spec.type} services`));
  }
  if (spec.type !== 'ExternalName') return;
  const why = 'may not be set for ExternalName services';
  if (spec.clusterIPs?.length) errors.push(forbiddenField(clusterIPsPath, why));
  if (spec.ipFamilies?.length) errors.push(forbiddenField(specPath.child('ipFamilies'), why));
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbiddenField(specPath.child('ipFamilyPolicy'), why));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') errors.push(required(specPath.child('externalName')));
  else invalidEach(errors, specPath.child('externalName'), name, dnsSubdomain(name));
}

function validateServicePort(errors: FieldError[], port: ServicePort, needsName: boolean, names: Set<string>, at: FieldPath): void {
  const { name, appProtocol } = port;
  if (name) {
    invalidEach(errors, at.child('name'), name, dnsLabel(name));
    if (names.has(name)) errors.push(duplicate(at.child('name'), name));
    names.add(name);
  } else if (needsName) errors.push(required(at.child('name')));
  invalidEach(errors, at.child('port'), port.port ?? 0, portNumber(port.port ?? 0));
  requiredOneOf(errors, port.protocol, protocols, at.child('protocol'));
  validatePort(errors, port.targetPort, at.child('targetPort'));
  if (appProtocol !== undefined) invalidEach(errors, at.child('appProtocol'), appProtocol, qualifiedName(appProtocol));
}

function validatePortsTogether(errors: FieldError[], spec: ServiceSpec): void {
  const at = specPath.child('ports');
  const ports = spec.ports ?? [];
  const seen = new Set<string>();
  ports.forEach(({ nodePort, protocol }, i) => {
    if (!nodePort) return;
    const here = at.index(i).child('nodePort');
    if (spec.type === 'ClusterIP') errors.push(forbiddenField(here, "may not be used when `type` is 'ClusterIP'"));
    if (seen.has(`node ${protocol} ${nodePort}`)) errors.push(duplicate(here, nodePort));
    seen.add(`node ${protocol} ${nodePort}`);
  });
  ports.forEach(({ port, protocol }, i) => {
    // The shape of upstream's internal ServicePort, which is what it prints.
    const shown = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
    if (seen.has(`${protocol} ${port}`)) errors.push(duplicate(at.index(i), shown));
    seen.add(`${protocol} ${port}`);
  });
}

function validateAffinity(errors: FieldError[], spec: ServiceSpec): void {
  const at = specPath.child('sessionAffinityConfig');
  requiredOneOf(errors, spec.sessionAffinity, ['ClientIP', 'None'], specPath.child('sessionAffinity'));
  const config = spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'None') {
    if (config) errors.push(forbiddenField(at, 'must not be set when session affinity is None'));
  } else if (spec.sessionAffinity === 'ClientIP') {
    const seconds = config?.clientIP?.timeoutSeconds;
    const here = !config ? at : !config.clientIP ? at.child('clientIP') : at.child('clientIP').child('timeoutSeconds');
    if (seconds === undefined) errors.push(required(here, 'when session affinity type is ClientIP'));
    else if (seconds <= 0 || seconds > affinitySecondsMax) {
      errors.push(invalidValue(here, seconds, `must be greater than 0 and less than ${affinitySecondsMax}`));
    }
  }
}

function validateClusterIPs(errors: FieldError[], spec: ServiceSpec, kept: readonly string[] = []): void {
  const { clusterIP = '', clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec;
  if (clusterIP === '') {
    if (clusterIPs.length > 0) errors.push(invalidValue(clusterIPsPath, clusterIPs, 'must be empty when `clusterIP` is not specified'));
  } else if (clusterIPs.length === 0) errors.push(required(clusterIPsPath));
  else if (clusterIPs[0] !== clusterIP) errors.push(invalidValue(clusterIPsPath, clusterIPs, 'first value must match `clusterIP`'));
  ipFamilies.forEach((family, i) => {
    oneOf(errors, specPath.child('ipFamilies').index(i), family, ['IPv4', 'IPv6']);
    if (ipFamilies.indexOf(family) < i) errors.push(duplicate(specPath.child('ipFamilies').index(i), family));
  });
  if (ipFamilyPolicy !== undefined) {
    oneOf(errors, specPath.child('ipFamilyPolicy'), ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack']);
  }
  const before = errors.length;
  clusterIPs.forEach((ip, i) => {
    if (i > 0 || ip !== 'None') validateIp(errors, clusterIPsPath.index(i), ip, kept);
    else if (clusterIPs.length > 1) errors.push(invalidValue(clusterIPsPath, clusterIPs, "'None' must be the first and only value"));
  });
  const areIps = errors.length === before;
  if (clusterIPs.length > 2) errors.push(invalidValue(clusterIPsPath, clusterIPs, 'may only hold up to 2 values'));
  if (!areIps) return;
  if (clusterIPs.length > 1 && !isDualStackPair(clusterIPs.slice(0, 2))) {
    errors.push(invalidValue(clusterIPsPath, clusterIPs, 'may specify no more than one IP for each IP family'));
  }
  if (isHeadless(spec)) return;
  clusterIPs.forEach((ip, i) => {
    const family = ipFamilies[i];
    if ((family !== 'IPv4' && family !== 'IPv6') || ipFamily(ip) === family) return;
    errors.push(invalidValue(clusterIPsPath.index(i), ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``));
  });
}

function validateLoadBalancerFields(errors: FieldError[], service: Service, spec: ServiceSpec, old: Service | undefined): void {
  const why = "may only be used when `type` is 'LoadBalancer'";
  const annotation = service.metadata?.annotations?.[rangesAnnotation];
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length > 0) {
    const at = specPath.child('LoadBalancerSourceRanges');
    if (!isLoadBalancer(spec)) errors.push(forbiddenField(at, why));
    const kept = old?.spec?.loadBalancerSourceRanges?.map((range) => range.trim());
    ranges.forEach((range, i) => validateCidr(errors, at.index(i), range.trim(), kept));
  } else if (annotation !== undefined) {
    const at = path('metadata', 'annotations').key(rangesAnnotation);
    if (!isLoadBalancer(spec)) errors.push(forbiddenField(at, why));
    const changed = old?.metadata?.annotations?.[rangesAnnotation] !== annotation;
    if (changed && annotation.trim() !== '') for (const range of annotation.split(',')) validateCidr(errors, at, range.trim());
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined) {
    if (!isLoadBalancer(spec)) errors.push(forbiddenField(specPath.child('allocateLoadBalancerNodePorts'), why));
  } else if (isLoadBalancer(spec)) errors.push(required(path('allocateLoadBalancerNodePorts')));
  const loadBalancerClass = spec.loadBalancerClass;
  if (loadBalancerClass === undefined) return;
  const at = specPath.child('loadBalancerClass');
  if (!isLoadBalancer(spec)) errors.push(forbiddenField(at, why));
  else invalidEach(errors, at, loadBalancerClass, qualifiedName(loadBalancerClass));
}

function validateTraffic(errors: FieldError[], spec: ServiceSpec): void {
  const { externalTrafficPolicy = '', healthCheckNodePort = 0, internalTrafficPolicy, trafficDistribution } = spec;
  const external = specPath.child('externalTrafficPolicy');
  if (isExternallyAccessible(spec)) requiredOneOf(errors, externalTrafficPolicy, ['Cluster', 'Local'], external);
  else if (externalTrafficPolicy !== '') errors.push(invalidValue(external, externalTrafficPolicy, 'may only be set for externally-accessible services'));
  const health = specPath.child('healthCheckNodePort');
  if (!needsHealthCheckPort(spec)) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    if (healthCheckNodePort !== 0) errors.push(invalidValue(health, healthCheckNodePort, why));
  } else if (healthCheckNodePort !== 0) {
    // Where it is 0 one is taken before the commit.
    invalidEach(errors, health, healthCheckNodePort, portNumber(healthCheckNodePort));
  }
  if (internalTrafficPolicy !== undefined) oneOf(errors, specPath.child('internalTrafficPolicy'), internalTrafficPolicy, ['Cluster', 'Local']);
  else if (spec.type !== undefined && ['NodePort', 'LoadBalancer', 'ClusterIP'].includes(spec.type)) {
    errors.push(required(specPath.child('internalTrafficPolicy')));
  }
  if (trafficDistribution !== undefined) {
    oneOf(errors, specPath.child('trafficDistribution'), trafficDistribution, ['PreferClose', 'PreferSameZone', 'PreferSameNode']);
  }
}

function updateService(service: Service, old: Service, subresource: string): FieldError[] {
  const errors: FieldError[] = [];
  const spec = service.spec ?? {};
  const before = old.spec ?? {};
  if (subresource === 'status') {
    validateIngress(errors, service, old);
    return errors;
  }
  if (spec.type !== 'ExternalName' && before.type !== 'ExternalName') {
    if (!isHeadless(spec) || !isHeadless(before)) validateStackChange(errors, 'clusterIPs', spec, before);
    if (!isHeadless(spec) && !isHeadless(before)) validateStackChange(errors, 'ipFamilies', spec, before);
  }
  if (isLoadBalancer(spec) && isLoadBalancer(before) && spec.loadBalancerClass !== before.loadBalancerClass) {
    errors.push(invalidValue(specPath.child('loadBalancerClass'), spec.loadBalancerClass, 'may not change once set'));
  }
  if (needsHealthCheckPort(before) && needsHealthCheckPort(spec) && spec.healthCheckNodePort !== before.healthCheckNodePort) {
    errors.push(forbiddenField(specPath.child('healthCheckNodePort'), immutableMessage));
  }
  validateService(errors, service, old);
  return errors;
}

/** The primary address and family stay; a secondary one may come, and go with the policy SingleStack. */
function validateStackChange(errors: FieldError[], field: 'clusterIPs' | 'ipFamilies', spec: ServiceSpec, before: ServiceSpec): void {
  const now = spec[field] ?? [];
  const old = before[field] ?? [];
  const at = specPath.child(field);
  const what = field === 'clusterIPs' ? 'clusterIP' : 'ipFamily';
  const changed = (i: number) => errors.push(invalidValue(at.index(field === 'clusterIPs' ? i : 0), now, 'may not change once set'));
  if (now.length === old.length) {
    old.forEach((value, i) => {
      if (value !== now[i]) changed(i);
    });
    return;
  }
  if (old.length > now.length && (spec.clusterIPs ?? []).length === 0) errors.push(invalidValue(at.index(0), now, `primary ${what} can not be unset`));
  if (old.length > 0 && now.length > 0 && now[0] !== old[0]) changed(0);
  if (old.length > now.length && now.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    const why = `must be set to 'SingleStack' when releasing the secondary ${what}`;
    errors.push(invalidValue(specPath.child('ipFamilyPolicy'), spec.ipFamilyPolicy, why));
  }
}

function validateIngress(errors: FieldError[], service: Service, old: Service): void {
  const at = path('status', 'loadBalancer', 'ingress');
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  if (ingress.length > 0 && service.spec?.type !== 'LoadBalancer') {
    errors.push(forbiddenField(at, "may only be used when `spec.type` is 'LoadBalancer'"));
    return;
  }
  const kept = old.status?.loadBalancer?.ingress?.map(({ ip }) => ip ?? '') ?? [];
  ingress.forEach((one, i) => validateOneIngress(errors, one, kept, at.index(i)));
}

function validateOneIngress(errors: FieldError[], { ip, ipMode, hostname }: LoadBalancerIngress, kept: readonly string[], at: FieldPath): void {
  if (ip) validateIp(errors, at.child('ip'), ip, kept);
  if (ipMode === undefined) {
    if (ip) errors.push(required(at.child('ipMode'), 'must be specified when `ip` is set'));
  } else if (!ip) errors.push(forbiddenField(at.child('ipMode'), 'may not be specified when `ip` is not set'));
  else if (ipMode !== 'VIP' && ipMode !== 'Proxy') errors.push(notSupported(at.child('ipMode'), ipMode, ['Proxy', 'VIP']));
  if (!hostname) return;
  invalidEach(errors, at.child('hostname'), hostname, dnsSubdomain(hostname));
  if (parseIp(hostname)) errors.push(invalidValue(at.child('hostname'), hostname, 'must be a DNS name, not an IP address'));
}

/** Addresses that no other host can be reached at. */
export function validateEndpointIp(errors: FieldError[], text: string, at: FieldPath): void {
  const ip = parseIp(text);
  if (!ip) {
    errors.push(invalidValue(at, text, 'must be a valid IP address'));
    return;
  }
  const { value, bits } = ip;
  const isV4 = bits === 32;
  const top = (n: number) => value >> BigInt(bits - n);
  if (value === 0n) errors.push(invalidValue(at, text, `may not be unspecified (${text})`));
  if (isV4 ? top(8) === 127n : value === 1n) errors.push(invalidValue(at, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'));
  if (isV4 ? top(16) === 0xa9fen : top(10) === 0x3fan) {
    errors.push(invalidValue(at, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'));
  }
  if (isV4 ? top(24) === 0xe00000n : (top(16) & 0xff0fn) === 0xff02n) {
    errors.push(invalidValue(at, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'));
  }
}

function validateEndpoints(endpoints: Endpoints): FieldError[] {
  const errors: FieldError[] = [];
  endpoints.subsets?.forEach((subset, i) => {
    const at = path('subsets').index(i);
    if (!subset.addresses?.length && !subset.notReadyAddresses?.length) {
      errors.push(required(at, 'must specify `addresses` or `notReadyAddresses`'));
    }
    for (const list of ['addresses', 'notReadyAddresses'] as const) {
      subset[list]?.forEach((address, j) => validateEndpointAddress(errors, address, at.child(list).index(j)));
    }
    subset.ports?.forEach((port, j) => validateEndpointPort(errors, port, subset.ports!.length > 1, at.child('ports').index(j)));
  });
  return errors;
}

function validateEndpointAddress(errors: FieldError[], { ip = '', hostname, nodeName }: EndpointAddress, at: FieldPath): void {
  validateIp(errors, at.child('ip'), ip);
  if (hostname) invalidEach(errors, at.child('hostname'), hostname, dnsLabel(hostname));
  if (nodeName !== undefined) invalidEach(errors, at.child('nodeName'), nodeName, dnsSubdomain(nodeName));
  validateEndpointIp(errors, ip, at.child('ip'));
}

function validateEndpointPort(errors: FieldError[], { name, port, protocol, appProtocol }: EndpointPort, needsName: boolean, at: FieldPath): void {
  if (name) invalidEach(errors, at.child('name'), name, dnsLabel(name));
  else if (needsName) errors.push(required(at.child('name')));
  invalidEach(errors, at.child('port'), port ?? 0, portNumber(port ?? 0));
  requiredOneOf(errors, protocol, protocols, at.child('protocol'));
  if (appProtocol !== undefined) invalidEach(errors, at.child('appProtocol'), appProtocol, qualifiedName(appProtocol));
}

function updateEndpoints(endpoints: Endpoints, old: Endpoints): FieldError[] {
  const errors = validateEndpoints(endpoints);
  return errors.length > 0 && semanticEqual(endpoints.subsets, old.subsets) ? [] : errors;
}

export const validators: KindValidators = {
  '/Service': kindValidator<Service>({
    create: (service) => {
      const errors: FieldError[] = [];
      validateService(errors, service, undefined);
      return errors;
    },
    update: updateService,
    validateName: nameIsDnsLabel,
  }),
  '/Endpoints': kindValidator<Endpoints>({ create: validateEndpoints, update: updateEndpoints }),
};
