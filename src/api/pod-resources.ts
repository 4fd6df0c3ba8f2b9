/**
 * What a pod asks for as a whole: the sum of its containers, or what its init
 * containers need at their peak if that is more, sidecars counted in both, the
 * pod-level amounts in their place where given, and the overhead. The
 * scheduler, quota and the kubelet all count by this one rule (upstream's
 * component-helpers/resource).
 */
import type { Container, ContainerStatus, Pod, PodSpec } from './types/core-v1.ts';
import type { Quantity } from './quantity.ts';
import { addQuantity, compareQuantity, milliValue, parseQuantity, valueOf } from './quantity.ts';

export type ResourceList = Readonly<Record<string, string>>;

/** How amounts are held while they are summed. */
interface Arithmetic<T> {
  read(text: string, name: string): T;
  add(a: T, b: T): T;
  exceeds(a: T, b: T): boolean;
  isZero(a: T): boolean;
}

/** CPU in thousandths, everything else in whole units, rounded up: what the scheduler adds to its node arrays. */
const numbers: Arithmetic<number> = {
  read: (text, name) => (name === 'cpu' ? milliValue(text) : valueOf(text)),
  add: (a, b) => a + b,
  exceeds: (a, b) => a > b,
  isZero: (a) => a === 0,
};

const exact: Arithmetic<Quantity> = {
  read: parseQuantity,
  add: addQuantity,
  exceeds: (a, b) => compareQuantity(a, b) > 0,
  isZero: (a) => a.value === 0n,
};

export interface PodResourceOptions {
  /** Count what a resize has allocated or actuated beyond the spec. Default true. */
  readonly includeStatus?: boolean;
  /** Default true. */
  readonly includeOverhead?: boolean;
}

/** By resource name: cpu in thousandths of a core, the rest in whole units (bytes, devices). */
export function podRequests(pod: Pod, options: PodResourceOptions = {}): Map<string, number> {
  return podTotal(pod, 'requests', numbers, options);
}

/** Of what has a limit. */
export function podLimits(pod: Pod, options: PodResourceOptions = {}): Map<string, number> {
  return podTotal(pod, 'limits', numbers, options);
}

/** The same as exact quantities, for quota and other bookkeeping. */
export function podRequestQuantities(pod: Pod, options: PodResourceOptions = {}): Map<string, Quantity> {
  return podTotal(pod, 'requests', exact, options);
}

export function podLimitQuantities(pod: Pod, options: PodResourceOptions = {}): Map<string, Quantity> {
  return podTotal(pod, 'limits', exact, options);
}

/** Of the containers alone: no pod-level amounts, no overhead, no status. */
export function containerQuantities(spec: PodSpec, side: 'requests' | 'limits'): Map<string, Quantity> {
  return sumContainers(spec, (container) => container.resources?.[side], exact);
}

export function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

function podTotal<T>(pod: Pod, side: 'requests' | 'limits', arithmetic: Arithmetic<T>, options: PodResourceOptions): Map<string, T> {
  const spec = pod.spec!;
  const total = sumContainers(spec, effectiveLists(pod, side, options.includeStatus ?? true), arithmetic);
  const podLevel = spec.resources?.[side];
  for (const name in podLevel) if (isPodLevelResource(name)) total.set(name, arithmetic.read(podLevel[name]!, name));
  if (spec.overhead && options.includeOverhead !== false) addOverhead(total, spec.overhead, side, arithmetic);
  return total;
}

function addOverhead<T>(total: Map<string, T>, overhead: ResourceList, side: 'requests' | 'limits', arithmetic: Arithmetic<T>): void {
  for (const name in overhead) {
    const before = total.get(name);
    // A resource without a limit stays without one.
    if (side === 'limits' && (before === undefined || arithmetic.isZero(before))) continue;
    const more = arithmetic.read(overhead[name]!, name);
    total.set(name, before === undefined ? more : arithmetic.add(before, more));
  }
}

function sumContainers<T>(
  spec: PodSpec,
  listsOf: (container: Container, sidecarOrMain: boolean) => ResourceList | readonly ResourceList[] | undefined,
  arithmetic: Arithmetic<T>,
): Map<string, T> {
  const total = new Map<string, T>();
  for (const container of spec.containers) addList(total, listsOf(container, true), arithmetic);
  if (!spec.initContainers?.length) return total;
  const sidecars = new Map<string, T>();
  const peak = new Map<string, T>();
  for (const container of spec.initContainers) {
    const isSidecar = container.restartPolicy === 'Always';
    const list = listsOf(container, isSidecar);
    if (isSidecar) {
      addList(total, list, arithmetic);
      addList(sidecars, list, arithmetic);
      raise(peak, sidecars, arithmetic);
    } else {
      const whileRunning = new Map(sidecars);
      addList(whileRunning, list, arithmetic);
      raise(peak, whileRunning, arithmetic);
    }
  }
  raise(total, peak, arithmetic);
  return total;
}

/** Adds a list, or of several lists the highest amount of each resource. */
function addList<T>(total: Map<string, T>, lists: ResourceList | readonly ResourceList[] | undefined, arithmetic: Arithmetic<T>): void {
  if (!lists) return;
  if (Array.isArray(lists)) {
    const highest = new Map<string, T>();
    for (const list of lists as readonly ResourceList[]) {
      for (const name in list) {
        const amount = arithmetic.read(list[name]!, name);
        const known = highest.get(name);
        if (known === undefined || arithmetic.exceeds(amount, known)) highest.set(name, amount);
      }
    }
    for (const [name, amount] of highest) addAmount(total, name, amount, arithmetic);
    return;
  }
  const list = lists as ResourceList;
  for (const name in list) addAmount(total, name, arithmetic.read(list[name]!, name), arithmetic);
}

function addAmount<T>(total: Map<string, T>, name: string, amount: T, arithmetic: Arithmetic<T>): void {
  const before = total.get(name);
  total.set(name, before === undefined ? amount : arithmetic.add(before, amount));
}

function raise<T>(total: Map<string, T>, floor: ReadonlyMap<string, T>, arithmetic: Arithmetic<T>): void {
  for (const [name, amount] of floor) {
    const before = total.get(name);
    if (before === undefined || arithmetic.exceeds(amount, before)) total.set(name, amount);
  }
}

/** While a resize is under way a container counts with the highest of what it asks, has been promised and has. */
function effectiveLists(pod: Pod, side: 'requests' | 'limits', includeStatus: boolean) {
  const fromSpec = (container: Container): ResourceList | undefined => container.resources?.[side];
  const status = pod.status;
  if (!includeStatus || !status?.containerStatuses) return fromSpec;
  const statuses = new Map<string, ContainerStatus>();
  for (const one of status.containerStatuses) if (one.resources) statuses.set(one.name, one);
  for (const one of status.initContainerStatuses ?? []) if (one.resources) statuses.set(one.name, one);
  if (statuses.size === 0) return fromSpec;
  const infeasible = status.conditions?.find(({ type }) => type === 'PodResizePending')?.reason === 'Infeasible';
  return (container: Container, sidecarOrMain: boolean): ResourceList | readonly ResourceList[] | undefined => {
    const known = sidecarOrMain ? statuses.get(container.name) : undefined;
    const spec = container.resources?.[side];
    if (!known) return spec;
    const actual = known.resources?.[side] ?? {};
    if (side === 'limits') return infeasible ? actual : [spec ?? {}, actual];
    const allocated = known.allocatedResources ?? {};
    return infeasible ? [actual, allocated] : [spec ?? {}, actual, allocated];
  };
}
