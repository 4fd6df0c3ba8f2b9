/**
 * What an object counts for in a ResourceQuota. Admission charges by it when
 * objects come and change; the quota controller adds it up again over
 * everything that is there.
 */
import { podLimitQuantities, podRequestQuantities } from '../pod-resources.ts';
import { compareQuantity, parseQuantity, quantityOf, roundUpQuantity } from '../quantity.ts';
import type { Quantity } from '../quantity.ts';
import type { KubeObject } from '../object.ts';
import type {
  Container,
  PersistentVolumeClaim,
  Pod,
  ScopedResourceSelectorRequirement,
  Service,
} from '../types/core-v1.ts';
import { claimMatchesScope, podMatchesScope } from './scopes.ts';

export type Usage = ReadonlyMap<string, Quantity>;

/** How objects of one resource count. */
export interface UsageRule {
  readonly group: string;
  readonly resource: string;
  /** `now` (epoch ms) decides whether a pod that should be gone still counts. */
  usageOf(object: KubeObject, now: number): Usage;
  /** Whether a quota's resource name is one that this rule counts. */
  counts(name: string): boolean;
  matchesScope(object: KubeObject, scope: ScopedResourceSelectorRequirement): boolean;
  /** What the object fails to say though the quota's resources demand it: `must specify cpu for: a,b`. */
  problemOf?(object: KubeObject, names: readonly string[]): string | undefined;
}

const one = quantityOf(1, 'DecimalSI');

/** `count/pods`, `count/deployments.apps`. */
export function objectCountName(group: string, resource: string): string {
  return group === '' ? `count/${resource}` : `count/${resource}.${group}`;
}

const podResourceNames = new Set([
  'count/pods',
  'pods',
  ...['cpu', 'memory', 'ephemeral-storage'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
const hugePages = 'hugepages-';
const deviceClassPrefix = 'deviceclass.resource.kubernetes.io/';
const nativeDomain = 'kubernetes.io/';

function isExtendedResource(name: string): boolean {
  return (
    name.startsWith(deviceClassPrefix) ||
    (name.includes('/') && !name.includes(nativeDomain) && !name.startsWith('requests.'))
  );
}

function countsPods(name: string): boolean {
  if (podResourceNames.has(name) || name.startsWith(hugePages) || name.startsWith(`requests.${hugePages}`))
    return true;
  if (!name.startsWith('requests.')) return false;
  return (
    name.startsWith(`requests.${deviceClassPrefix}`) || (name.includes('/') && !name.includes(nativeDomain))
  );
}

/** Under all the names by which quotas may count them. */
function computeUsage(
  requests: ReadonlyMap<string, Quantity>,
  limits: ReadonlyMap<string, Quantity>,
): Map<string, Quantity> {
  const usage = new Map<string, Quantity>([['pods', one]]);
  for (const [name, amount] of requests) {
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || name.startsWith(hugePages)) {
      usage.set(name, amount);
      usage.set(`requests.${name}`, amount);
    } else if (isExtendedResource(name)) usage.set(`requests.${name}`, amount);
  }
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    const limit = limits.get(name);
    if (limit) usage.set(`limits.${name}`, limit);
  }
  return usage;
}

/** Finished pods do not count, nor those that should have been gone by now: their node may be lost. */
export function podCounts({ metadata, status }: Pod, now: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return now <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

/** If these are in a quota, every container must say them: an old coupling that upstream keeps. */
const demanded = ['cpu', 'limits.cpu', 'limits.memory', 'memory', 'requests.cpu', 'requests.memory'];

function podProblem(pod: Pod, names: readonly string[]): string | undefined {
  const { spec } = pod;
  if (
    !spec ||
    Object.keys(spec.resources?.requests ?? {}).length + Object.keys(spec.resources?.limits ?? {}).length > 0
  )
    return undefined;
  const wanted = demanded.filter((name) => names.includes(name));
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const parts: string[] = [];
  for (const name of wanted) {
    const silent = containers
      .filter((container) => !says(container, name))
      .map((container) => container.name);
    if (silent.length > 0) parts.push(`${name} for: ${[...new Set(silent)].sort().join(',')}`);
  }
  return parts.length === 0 ? undefined : `must specify ${parts.join('; ')}`;
}

function says({ resources }: Container, name: string): boolean {
  const amount = name.slice(name.indexOf('.') + 1);
  return (
    (name.startsWith('limits.') ? resources?.limits?.[amount] : resources?.requests?.[amount]) !== undefined
  );
}

const pods: UsageRule = {
  group: '',
  resource: 'pods',
  usageOf(object, now) {
    const pod = object as unknown as Pod;
    const usage = podCounts(pod, now)
      ? computeUsage(podRequestQuantities(pod), podLimitQuantities(pod))
      : new Map<string, Quantity>();
    return usage.set('count/pods', one);
  },
  counts: countsPods,
  matchesScope: (object, scope) => podMatchesScope(object as unknown as Pod, scope),
  problemOf: (object, names) => podProblem(object as unknown as Pod, names),
};

const serviceResourceNames = new Set([
  'count/services',
  'services',
  'services.nodeports',
  'services.loadbalancers',
]);

const services: UsageRule = {
  group: '',
  resource: 'services',
  usageOf(object) {
    const { spec } = object as unknown as Service;
    const ports = spec?.ports ?? [];
    const isBalanced = spec?.type === 'LoadBalancer';
    let nodePorts = 0;
    if (isBalanced && spec.allocateLoadBalancerNodePorts === false)
      nodePorts = ports.filter((port) => port.nodePort).length;
    else if (isBalanced || spec?.type === 'NodePort') nodePorts = ports.length;
    return new Map([
      ['count/services', one],
      ['services', one],
      ['services.nodeports', quantityOf(nodePorts, 'DecimalSI')],
      ['services.loadbalancers', quantityOf(isBalanced ? 1 : 0, 'DecimalSI')],
    ]);
  },
  counts: (name) => serviceResourceNames.has(name),
  matchesScope: () => false,
};

const storageClassSuffix = '.storageclass.storage.k8s.io/';
const claimResourceNames = ['persistentvolumeclaims', 'requests.storage'];

function storageOf({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  const text = spec?.resources?.requests?.['storage'];
  if (text === undefined) return undefined;
  const requested = parseQuantity(text);
  const allocatedText = status?.allocatedResources?.['storage'];
  const allocated = allocatedText === undefined ? undefined : parseQuantity(allocatedText);
  return roundUpQuantity(allocated && compareQuantity(allocated, requested) > 0 ? allocated : requested, 0);
}

const claims: UsageRule = {
  group: '',
  resource: 'persistentvolumeclaims',
  usageOf(object) {
    const claim = object as unknown as PersistentVolumeClaim;
    const usage = new Map<string, Quantity>([
      ['count/persistentvolumeclaims', one],
      ['persistentvolumeclaims', one],
    ]);
    const storage = storageOf(claim);
    if (storage) usage.set('requests.storage', storage);
    const className =
      claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ??
      claim.spec?.storageClassName ??
      '';
    if (className !== '')
      for (const name of claimResourceNames) {
        const amount = usage.get(name);
        if (amount) usage.set(className + storageClassSuffix + name, amount);
      }
    return usage;
  },
  counts: (name) =>
    name === 'count/persistentvolumeclaims' ||
    claimResourceNames.includes(name) ||
    claimResourceNames.some((resource) => name.endsWith(storageClassSuffix + resource)),
  matchesScope: (object, scope) => claimMatchesScope(object as unknown as PersistentVolumeClaim, scope),
};

/** Resources that quotas also count under their bare name. */
const countedByName = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);

function countRule(group: string, resource: string): UsageRule {
  const names = [objectCountName(group, resource)];
  if (group === '' && countedByName.has(resource)) names.push(resource);
  const usage: Usage = new Map(names.map((name) => [name, one]));
  return {
    group,
    resource,
    usageOf: () => usage,
    counts: (name) => names.includes(name),
    matchesScope: () => false,
  };
}

const uncounted = new Set([
  'bindings',
  'componentstatuses',
  'events',
  'events.k8s.io/events',
  'authentication.k8s.io/tokenreviews',
  'authentication.k8s.io/selfsubjectreviews',
  'authorization.k8s.io/subjectaccessreviews',
  'authorization.k8s.io/selfsubjectaccessreviews',
  'authorization.k8s.io/localsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectrulesreviews',
]);

const rules = new Map<string, UsageRule>([pods, services, claims].map((rule) => [rule.resource, rule]));

/** How objects of the resource count; undefined for those that never do. */
export function usageRuleFor(group: string, resource: string): UsageRule | undefined {
  const key = group === '' ? resource : `${group}/${resource}`;
  if (uncounted.has(key)) return undefined;
  let rule = rules.get(key);
  if (!rule) {
    rule = countRule(group, resource);
    rules.set(key, rule);
  }
  return rule;
}
