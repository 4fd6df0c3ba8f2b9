/**
 * Services and endpoints. A service's cluster IPs and node ports are taken
 * between validation and the commit; what a change lets go is free at once and
 * taken back if the commit fails, for choices are random and the moment short.
 */
import { internalError, invalid } from '../../../api/errors.ts';
import type { FieldError } from '../../../api/errors.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Service, ServicePort, ServiceSpec } from '../../../api/types/core-v1.ts';
import { isExternallyAccessible, isHeadless, needsHealthCheckPort } from '../../../api/validation/core-service.ts';
import { invalidValue, path } from '../../../api/validation/field-path.ts';
import { ipFamily } from '../../../api/validation/ip.ts';
import { equalObjects } from '../equality.ts';
import type { Strategy } from '../strategy.ts';
import { alreadyTaken, heldIps, heldPorts } from './service-allocator.ts';
import type { IpFamily, ServiceAllocator } from './service-allocator.ts';
import { serviceWarnings } from './service-warnings.ts';
import { strategyOf } from './status-and-generation.ts';

const specPath = path('spec');

function specOf(object: KubeObject | undefined): ServiceSpec {
  return (object as Service | undefined)?.spec ?? {};
}

function needsClusterIp(spec: ServiceSpec): boolean {
  return spec.type !== 'ExternalName';
}

function needsNodePorts(spec: ServiceSpec): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

/** `clusterIP` and `clusterIPs` are one list in two forms; older clients send only the first. */
function prepareNewSpec(object: KubeObject): void {
  const spec = { ...specOf(object) };
  if (spec.type === 'ExternalName') delete spec.internalTrafficPolicy;
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  object['spec'] = spec;
}

function prepareChangedSpec(object: KubeObject, old: KubeObject): void {
  const spec: ServiceSpec = { ...specOf(object) };
  const before = specOf(old);
  object['spec'] = spec;
  dropWhatNoLongerApplies(spec, before);
  keepAllocated(spec, before);
  normalizeClusterIps(spec, before);
  if (spec.type !== 'LoadBalancer') object['status'] = { ...(old['status'] as object | undefined), loadBalancer: {} };
}

/** A change of type takes along what the server had filled in, unless the client changed it too: then validation speaks. */
function dropWhatNoLongerApplies(spec: ServiceSpec, before: ServiceSpec): void {
  if (needsClusterIp(before) && !needsClusterIp(spec)) {
    if (spec.clusterIP === before.clusterIP && equalObjects(spec.clusterIPs, before.clusterIPs)) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (equalObjects(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies;
    if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy;
  }
  if (spec.type === 'ExternalName') delete spec.internalTrafficPolicy;
  const samePorts = equalObjects(nodePortsOf(spec), nodePortsOf(before));
  if (needsNodePorts(before) && !needsNodePorts(spec) && samePorts) {
    spec.ports = spec.ports?.map(({ nodePort: _, ...port }) => port);
  }
  const dropIf = (applied: boolean, applies: boolean, field: keyof ServiceSpec) => {
    if (applied && !applies && spec[field] === before[field]) delete spec[field];
  };
  const wasLoadBalancer = before.type === 'LoadBalancer';
  const isLoadBalancer = spec.type === 'LoadBalancer';
  dropIf(needsHealthCheckPort(before), needsHealthCheckPort(spec), 'healthCheckNodePort');
  dropIf(wasLoadBalancer, isLoadBalancer, 'allocateLoadBalancerNodePorts');
  dropIf(wasLoadBalancer, isLoadBalancer, 'loadBalancerClass');
  dropIf(isExternallyAccessible(before), isExternallyAccessible(spec), 'externalTrafficPolicy');
}

function nodePortsOf(spec: ServiceSpec): number[] {
  return (spec.ports ?? []).map(({ nodePort = 0 }) => nodePort);
}

/** What the client left out and has already been given stays. */
function keepAllocated(spec: ServiceSpec, before: ServiceSpec): void {
  if (needsClusterIp(before) && needsClusterIp(spec)) {
    if (!spec.clusterIP) spec.clusterIP = before.clusterIP;
    if (!spec.clusterIPs?.length && before.clusterIPs?.length) spec.clusterIPs = before.clusterIPs;
    if (spec.ipFamilyPolicy === undefined) spec.ipFamilyPolicy = before.ipFamilyPolicy;
    if (!spec.ipFamilies?.length && before.ipFamilies?.length) spec.ipFamilies = before.ipFamilies;
  }
  if (needsNodePorts(before) && needsNodePorts(spec)) {
    const asked = new Set(nodePortsOf(spec));
    const byName = new Map((before.ports ?? []).map(({ name = '', nodePort }) => [name, nodePort]));
    spec.ports = spec.ports?.map((port) => {
      const known = byName.get(port.name ?? '');
      return port.nodePort || !known || asked.has(known) ? port : { ...port, nodePort: known };
    });
  }
  if (needsHealthCheckPort(before) && needsHealthCheckPort(spec)) spec.healthCheckNodePort ||= before.healthCheckNodePort;
}

function normalizeClusterIps(spec: ServiceSpec, before: ServiceSpec): void {
  if (spec.clusterIP === before.clusterIP || !equalObjects(spec.clusterIPs, before.clusterIPs)) return;
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
  else delete spec.clusterIPs;
}

/** What one write has taken and let go, so that it can be put back. */
class Allocation {
  readonly #allocator: ServiceAllocator;
  readonly #undo: (() => void)[] = [];
  readonly #name: string;
  readonly #dryRun: boolean;

  constructor(allocator: ServiceAllocator, name: string, dryRun: boolean) {
    this.#allocator = allocator;
    this.#name = name;
    this.#dryRun = dryRun;
  }

  readonly undo = (): void => {
    for (const step of this.#undo.splice(0).reverse()) step();
  };

  refuse(errors: FieldError[]): never {
    this.undo();
    throw invalid('', 'Service', this.#name, errors);
  }

  ip(asked: string, family: IpFamily, all: readonly string[]): string {
    const refused = asked === '' ? undefined : this.#allocator.takeIp(asked);
    // As upstream, a dry run does not see what others hold.
    if (refused === alreadyTaken && this.#dryRun) return asked;
    if (refused !== undefined) this.refuse([invalidValue(specPath.child('clusterIPs'), all, `failed to allocate IP ${asked}: ${refused}`)]);
    const ip = asked === '' ? this.#allocator.nextIp(family) : asked;
    if (ip === undefined) throw this.#full(`failed to allocate a serviceIP for Service ${JSON.stringify(this.#name)}: range is full`);
    this.#undo.push(() => this.#allocator.freeIp(ip));
    return ip;
  }

  port(asked: number, position: number): number {
    const refused = asked === 0 ? undefined : this.#allocator.takePort(asked);
    const at = specPath.child('ports').index(position).child('nodePort');
    if (refused !== undefined && this.#dryRun) return asked;
    if (refused !== undefined) this.refuse([invalidValue(at, asked, refused)]);
    return this.#taken(asked, 'failed to allocate a nodePort: range is full');
  }

  healthCheckPort(asked: number): number {
    const refused = asked === 0 ? undefined : this.#allocator.takePort(asked);
    if (refused !== undefined) throw this.#full(`failed to allocate requested HealthCheck NodePort ${asked}: ${refused}`);
    return this.#taken(asked, `failed to allocate a HealthCheck NodePort ${asked}: range is full`);
  }

  #taken(asked: number, whenFull: string): number {
    const port = asked === 0 ? this.#allocator.nextPort() : asked;
    if (port === undefined) throw this.#full(whenFull);
    this.#undo.push(() => this.#allocator.freePort(port));
    return port;
  }

  #full(why: string): Error {
    this.undo();
    return internalError(why);
  }

  release(ips: readonly string[], ports: readonly number[]): void {
    for (const ip of ips) {
      this.#allocator.freeIp(ip);
      this.#undo.push(() => void this.#allocator.takeIp(ip));
    }
    for (const port of ports) {
      this.#allocator.freePort(port);
      this.#undo.push(() => void this.#allocator.takePort(port));
    }
  }
}

/** Families and policy by what is asked and what the cluster has. */
function resolveFamilies(spec: ServiceSpec, before: ServiceSpec | undefined, families: readonly IpFamily[], allocation: Allocation): void {
  const selectorless = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= selectorless ? 'RequireDualStack' : 'SingleStack';
  const single = spec.ipFamilyPolicy === 'SingleStack';
  const errors: FieldError[] = [];
  if (single && before) {
    if (equalObjects(spec.clusterIPs, before.clusterIPs)) spec.clusterIPs = spec.clusterIPs?.slice(0, 1);
    if (equalObjects(spec.ipFamilies, before.ipFamilies)) spec.ipFamilies = spec.ipFamilies?.slice(0, 1);
  }
  if (single) {
    for (const [field, what] of [['clusterIPs', 'cluster IPs'], ['ipFamilies', 'IP families']] as const) {
      if (spec[field]?.length !== 2) continue;
      const why = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
      errors.push(invalidValue(specPath.child('ipFamilyPolicy'), spec.ipFamilyPolicy, why));
    }
  }
  const wanted = [...(spec.ipFamilies ?? [])] as IpFamily[];
  heldIps(spec).forEach((ip, i) => {
    const family = ipFamily(ip)!;
    if (i < wanted.length) return;
    if (families.includes(family)) wanted.push(family);
    else errors.push(invalidValue(specPath.child('clusterIPs').index(i), spec.clusterIPs, `${family} is not configured on this cluster`));
  });
  const other = (family: IpFamily): IpFamily => (family === 'IPv4' ? 'IPv6' : 'IPv4');
  if (!selectorless) {
    if (spec.ipFamilyPolicy === 'RequireDualStack' && families.length < 2) {
      errors.push(invalidValue(specPath.child('ipFamilyPolicy'), spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'));
    }
    wanted.forEach((family, i) => {
      if (!families.includes(family)) errors.push(invalidValue(specPath.child('ipFamilies').index(i), family, 'not configured on this cluster'));
    });
  }
  if (errors.length > 0) allocation.refuse(errors);
  if (wanted.length === 0) wanted.push(families[0]!);
  if (!single && wanted.length === 1 && (selectorless || families.length === 2)) wanted.push(other(wanted[0]!));
  spec.ipFamilies = wanted;
}

function allocateIps(spec: ServiceSpec, before: ServiceSpec | undefined, allocation: Allocation): void {
  if (isHeadless(spec)) return;
  const held = new Set(before ? heldIps(before) : []);
  const asked = spec.clusterIPs ?? [];
  spec.clusterIPs = spec.ipFamilies!.map((family, i) => {
    const ip = asked[i] ?? '';
    return held.has(ip) ? ip : allocation.ip(ip, family as IpFamily, asked);
  });
  spec.clusterIP = spec.clusterIPs[0];
}

/** Ports of one number (TCP and UDP, say) share a node port where the client asks for none of its own. */
function allocatePorts(spec: ServiceSpec, before: ServiceSpec | undefined, allocation: Allocation): void {
  const held = new Set(before ? heldPorts(before) : []);
  const taken = new Set<number>();
  const byPort = new Map<number, number>();
  const ports = spec.ports ?? [];
  const findAsked = (number: number) => ports.find((port) => port.port === number && port.nodePort)?.nodePort ?? 0;
  const take = (asked: number, position: number): number => {
    if (asked !== 0 && (held.has(asked) || taken.has(asked))) return asked;
    const port = allocation.port(asked, position);
    taken.add(port);
    return port;
  };
  spec.ports = ports.map((port: ServicePort, i) => {
    if (!port.nodePort && !needsNodePorts(spec)) return port;
    const shared = byPort.get(port.port) ?? (before ? 0 : findAsked(port.port));
    const nodePort = take(port.nodePort || (before ? 0 : shared), i);
    if (!byPort.has(port.port)) byPort.set(port.port, nodePort);
    return { ...port, nodePort };
  });
}

function allocate(allocator: ServiceAllocator, object: KubeObject, old: KubeObject | undefined, dryRun: boolean): () => void {
  const spec: ServiceSpec = { ...specOf(object) };
  const before = old ? specOf(old) : undefined;
  const allocation = new Allocation(allocator, object.metadata.name ?? '', dryRun);
  if (needsClusterIp(spec)) {
    resolveFamilies(spec, before, allocator.families, allocation);
    allocateIps(spec, before, allocation);
  }
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') allocatePorts(spec, before, allocation);
  if (needsHealthCheckPort(spec) && !(before && before.healthCheckNodePort && before.healthCheckNodePort === spec.healthCheckNodePort)) {
    spec.healthCheckNodePort = allocation.healthCheckPort(spec.healthCheckNodePort ?? 0);
  }
  if (before) {
    const ips = new Set(heldIps(spec));
    const ports = new Set(heldPorts(spec));
    allocation.release(heldIps(before).filter((ip) => !ips.has(ip)), heldPorts(before).filter((port) => !ports.has(port)));
  }
  object['spec'] = spec;
  return allocation.undo;
}

export function serviceStrategies(allocator: ServiceAllocator): Readonly<Record<string, Strategy>> {
  return {
    '/services': strategyOf(
      { status: { loadBalancer: {} }, create: prepareNewSpec, update: prepareChangedSpec },
      {
        allowCreateOnUpdate: true,
        allowUnconditionalUpdate: true,
        returnsDeletedObject: true,
        allocate: (object, old, { dryRun }) => allocate(allocator, object, old, dryRun),
        release: (object) => {
          const spec = specOf(object);
          for (const ip of heldIps(spec)) allocator.freeIp(ip);
          for (const port of heldPorts(spec)) allocator.freePort(port);
        },
        warnings: serviceWarnings,
      },
    ),
  };
}
