/** The quality-of-service class of a pod, from the cpu and memory its containers ask for. */
import type { Container, Pod, ResourceRequirements } from './types/core-v1.ts';
import type { Quantity } from './quantity.ts';
import { addQuantity, compareQuantity, parseQuantity } from './quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** What the status says; computed where it does not say yet. */
export function qosOf(pod: Pod): QosClass {
  return (pod.status?.qosClass as QosClass | undefined) ?? computeQos(pod);
}

/** From the spec alone. Pod-level resources, where given, decide in place of the containers'. */
export function computeQos(pod: Pod): QosClass {
  const spec = pod.spec!;
  const tally: Tally = { requests: new Map(), limits: new Map(), allLimited: true };
  if (spec.resources) count(tally, spec.resources, Object.keys(spec.resources.limits ?? {}).length > 0);
  else {
    for (const container of spec.containers) countContainer(tally, container);
    for (const container of spec.initContainers ?? []) countContainer(tally, container);
  }
  const { requests, limits, allLimited } = tally;
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  if (!allLimited || limits.size !== requests.size) return 'Burstable';
  for (const [name, amount] of requests) {
    const limit = limits.get(name);
    if (limit === undefined || compareQuantity(limit, amount) !== 0) return 'Burstable';
  }
  return 'Guaranteed';
}

interface Tally {
  readonly requests: Map<string, Quantity>;
  readonly limits: Map<string, Quantity>;
  /** Every container has a limit for both cpu and memory. */
  allLimited: boolean;
}

function countContainer(tally: Tally, container: Container): void {
  count(tally, container.resources ?? {}, true);
}

function count(tally: Tally, resources: ResourceRequirements, mustLimit: boolean): void {
  let limited = 0;
  for (const name of ['cpu', 'memory']) {
    addPositive(tally.requests, name, resources.requests?.[name]);
    if (addPositive(tally.limits, name, resources.limits?.[name])) limited++;
  }
  if (mustLimit && limited < 2) tally.allLimited = false;
}

function addPositive(total: Map<string, Quantity>, name: string, text: string | undefined): boolean {
  if (text === undefined) return false;
  const amount = parseQuantity(text);
  if (amount.value <= 0n) return false;
  const before = total.get(name);
  total.set(name, before === undefined ? amount : addQuantity(before, amount));
  return true;
}
