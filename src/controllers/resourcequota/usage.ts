/** What objects count against a ResourceQuota. Pure. */
import { podLimitQuantities, podRequestQuantities } from '../../api/pod-resources.ts';
import { qosOf } from '../../api/qos.ts';
import { addQuantity, formatQuantity, parseQuantity, quantityOf } from '../../api/quantity.ts';
import type { Quantity } from '../../api/quantity.ts';
import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from '../../api/types/core-v1.ts';
import { isTerminal } from '../runtime/pod-state.ts';

export type Usage = Map<string, Quantity>;

const one = quantityOf(1, 'DecimalSI');

/** A pod that has finished uses nothing but its name. */
export function podUsage(pod: Pod): Usage {
  const usage: Usage = new Map([['count/pods', one]]);
  if (isTerminal(pod)) return usage;
  usage.set('pods', one);
  for (const [name, quantity] of podRequestQuantities(pod)) {
    usage.set(`requests.${name}`, quantity);
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || name.startsWith('hugepages-')) usage.set(name, quantity);
  }
  for (const [name, quantity] of podLimitQuantities(pod)) usage.set(`limits.${name}`, quantity);
  return usage;
}

export function serviceUsage({ spec }: Service): Usage {
  const usage: Usage = new Map([['services', one], ['count/services', one]]);
  const ports = quantityOf(spec.ports?.length ?? 0, 'DecimalSI');
  if (spec.type === 'NodePort') usage.set('services.nodeports', ports);
  if (spec.type === 'LoadBalancer') {
    usage.set('services.loadbalancers', one);
    if (spec.allocateLoadBalancerNodePorts !== false) usage.set('services.nodeports', ports);
  }
  return usage;
}

export function claimUsage({ spec }: PersistentVolumeClaim): Usage {
  const usage: Usage = new Map([['persistentvolumeclaims', one], ['count/persistentvolumeclaims', one]]);
  const prefix = spec?.storageClassName ? `${spec.storageClassName}.storageclass.storage.k8s.io/` : undefined;
  if (prefix) usage.set(`${prefix}persistentvolumeclaims`, one);
  const storage = spec?.resources?.requests?.['storage'];
  if (storage) {
    usage.set('requests.storage', parseQuantity(storage));
    if (prefix) usage.set(`${prefix}requests.storage`, parseQuantity(storage));
  }
  return usage;
}

/** Objects that count by their number alone; the older names are those without `count/`. */
export function countUsage(resource: string): Usage {
  return new Map([[resource, one], [`count/${resource}`, one]]);
}

/** Whether a quota's scopes take the pod in. Quotas with scopes count pods only. */
export function inScope({ spec }: ResourceQuota, pod: Pod): boolean {
  const scopes = [...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists', values: [] as string[] })), ...(spec?.scopeSelector?.matchExpressions ?? [])];
  return scopes.every(({ scopeName, operator, values = [] }) => {
    switch (scopeName) {
      case 'Terminating':
        return pod.spec.activeDeadlineSeconds !== undefined;
      case 'NotTerminating':
        return pod.spec.activeDeadlineSeconds === undefined;
      case 'BestEffort':
        return qosOf(pod) === 'BestEffort';
      case 'NotBestEffort':
        return qosOf(pod) !== 'BestEffort';
      case 'PriorityClass':
        return matchesClass(pod.spec.priorityClassName, operator, values);
      default:
        return false;
    }
  });
}

function matchesClass(name: string | undefined, operator: string, values: readonly string[]): boolean {
  switch (operator) {
    case 'In':
      return name !== undefined && values.includes(name);
    case 'NotIn':
      return name === undefined || !values.includes(name);
    case 'DoesNotExist':
      return !name;
    default:
      return !!name;
  }
}

export function isScoped({ spec }: ResourceQuota): boolean {
  return (spec?.scopes?.length ?? 0) > 0 || (spec?.scopeSelector?.matchExpressions?.length ?? 0) > 0;
}

/** The sum for each resource that the quota limits; `zero` says what counts where no usage names the resource. */
export function usedOf(hard: Readonly<Record<string, string>>, usages: Iterable<Usage>, zero: (name: string) => Quantity = () => quantityOf(0, 'DecimalSI')): Record<string, string> {
  const sums = new Map<string, Quantity>();
  for (const usage of usages) {
    for (const [name, quantity] of usage) {
      if (!(name in hard)) continue;
      const sum = sums.get(name);
      sums.set(name, sum ? addQuantity(sum, quantity) : quantity);
    }
  }
  return Object.fromEntries(Object.keys(hard).map((name) => [name, formatQuantity(sums.get(name) ?? zero(name))]));
}
