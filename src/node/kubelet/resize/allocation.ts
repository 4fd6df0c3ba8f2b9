/**
 * Which resources a pod has been given, and which its containers have taken
 * over: pure functions of resources that may be resized in place, cpu and memory.
 */
import type { Container, Pod, ResourceRequirements } from '../../../api/types/core-v1.ts';
import { compareQuantity, parseQuantity } from '../../../api/quantity.ts';

/** By container; '' is the pod as a whole. */
export type Allocation = ReadonlyMap<string, ResourceRequirements>;

const resizable = ['cpu', 'memory'] as const;
const sides = ['requests', 'limits'] as const;

export function allocationOf({ spec }: Pod): Allocation {
  const allocation = new Map<string, ResourceRequirements>();
  for (const { name, resources = {} } of [...(spec.initContainers ?? []), ...spec.containers]) allocation.set(name, resources);
  if (spec.resources) allocation.set('', spec.resources);
  return allocation;
}

/** As far as its status tells what was given to it by an earlier life of the agent. */
export function reportedAllocation(pod: Pod): Allocation {
  const allocation = new Map(allocationOf(pod));
  for (const { name, allocatedResources, resources, containerID } of [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]) {
    if (!containerID || !allocation.has(name)) continue;
    const limits = resources?.limits;
    allocation.set(name, { ...allocation.get(name), ...(allocatedResources ? { requests: { ...allocation.get(name)?.requests, ...allocatedResources } } : {}), ...(limits ? { limits } : {}) });
  }
  return allocation;
}

/** The pod as it has been given resources. */
export function allocatedPod(pod: Pod, allocation: Allocation): Pod {
  const give = (container: Container) => ({ ...container, resources: allocation.get(container.name) ?? container.resources });
  const { containers, initContainers, resources } = pod.spec;
  return {
    ...pod,
    spec: { ...pod.spec, containers: containers.map(give), ...(initContainers ? { initContainers: initContainers.map(give) } : {}), ...(resources ? { resources: allocation.get('') ?? resources } : {}) },
  };
}

export function sameAllocation(a: Allocation, b: Allocation): boolean {
  return [...new Set([...a.keys(), ...b.keys()])].every((name) => changed(a.get(name), b.get(name)).length === 0);
}

/** The resources whose request or limit differs. */
export function changed(a: ResourceRequirements | undefined, b: ResourceRequirements | undefined): readonly string[] {
  return resizable.filter((name) => sides.some((side) => compareQuantity(amount(a, side, name), amount(b, side, name)) !== 0));
}

/** Of each amount the larger: what is enough before and after a change. */
export function largest(a: Allocation, b: Allocation): Allocation {
  return new Map([...new Set([...a.keys(), ...b.keys()])].map((name) => [name, larger(a.get(name), b.get(name))]));
}

function larger(a: ResourceRequirements = {}, b: ResourceRequirements = {}): ResourceRequirements {
  const result: ResourceRequirements = { ...b };
  for (const side of sides) {
    const amounts = { ...b[side] };
    for (const name of resizable) {
      const before = a[side]?.[name];
      // Without a limit there is none.
      if (side === 'limits' && (before === undefined || amounts[name] === undefined)) delete amounts[name];
      else if (before !== undefined && compareQuantity(parseQuantity(before), amount(b, side, name)) > 0) amounts[name] = before;
    }
    result[side] = amounts;
  }
  return result;
}

function amount(resources: ResourceRequirements | undefined, side: 'requests' | 'limits', name: string) {
  return parseQuantity(resources?.[side]?.[name] ?? '0');
}

/** Whether the container must begin anew for the change. */
export function needsRestart({ resizePolicy = [] }: Container, names: readonly string[]): boolean {
  return resizePolicy.some(({ resourceName, restartPolicy }) => restartPolicy === 'RestartContainer' && names.includes(resourceName));
}
