/**
 * Whether the node can take a pod beside those it has, whoever bound it: host
 * ports and resources. The scheduler has looked already, but pods can be bound
 * past it. Reasons and messages: upstream's pkg/kubelet/lifecycle/predicate.go. Pure.
 */
import { podRequests } from '../../../api/pod-resources.ts';
import { milliValue, valueOf } from '../../../api/quantity.ts';
import type { Pod } from '../../../api/types/core-v1.ts';

export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** `others` are the pods that hold what they were given: those that have not ended. */
export function refusalBeside(pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): Refusal | undefined {
  return outOfResource(pod, others, allocatable) ?? portConflict(pod, others);
}

function outOfResource(pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): Refusal | undefined {
  const podsMax = Number(allocatable['pods'] ?? Infinity);
  if (others.length + 1 > podsMax) return insufficient('pods', 1, others.length, podsMax);
  const used = others.map((other) => podRequests(other));
  for (const [resource, requested] of podRequests(pod)) {
    const total = allocatable[resource];
    // Resources that the node does not know of belong to the cluster.
    if (requested === 0 || total === undefined) continue;
    const capacity = resource === 'cpu' ? milliValue(total) : valueOf(total);
    const taken = used.reduce((sum, one) => sum + (one.get(resource) ?? 0), 0);
    if (taken + requested > capacity) return insufficient(resource, requested, taken, capacity);
  }
  return undefined;
}

function insufficient(resource: string, requested: number, used: number, capacity: number): Refusal {
  return { reason: `OutOf${resource}`, message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}` };
}

function portConflict(pod: Pod, others: readonly Pod[]): Refusal | undefined {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return undefined;
  const taken = others.flatMap(hostPorts);
  if (!wanted.some((one) => taken.some((other) => collide(one, other)))) return undefined;
  return { reason: 'NodePorts', message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports" };
}

interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const anyIp = '0.0.0.0';

function hostPorts({ spec }: Pod): readonly HostPort[] {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...sidecars, ...spec.containers].flatMap(({ ports }) =>
    (ports ?? []).flatMap(({ hostPort, hostIP, protocol }) => (hostPort ? [{ ip: hostIP || anyIp, protocol: protocol ?? 'TCP', port: hostPort }] : [])),
  );
}

function collide(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === anyIp || b.ip === anyIp);
}
