/**
 * Whether the node can take a pod at all, and beside those it has, whoever bound
 * it: what it asks of its node, host ports and resources. The scheduler has looked already, but pods can be bound
 * past it. Reasons and messages: upstream's pkg/kubelet/lifecycle/predicate.go. Pure.
 */
import { podRequests } from '../../../api/pod-resources.ts';
import { milliValue, valueOf } from '../../../api/quantity.ts';
import { matchesNode } from '../../../api/node-selection.ts';
import type { Node, Pod } from '../../../api/types/core-v1.ts';

export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** `node` as the API has it; undefined: it is not known yet. */
export function refusalOf(pod: Pod, node: Node | undefined): Refusal | undefined {
  const { os, securityContext, hostNetwork, hostIPC } = pod.spec;
  if (os && os.name !== 'linux') return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  if (node && !matchesNode(pod.spec, node)) return { reason: 'NodeAffinity', message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" };
  for (const { name } of securityContext?.sysctls ?? []) {
    const sysctl = name.replaceAll('/', '.');
    if (!safeSysctls.has(sysctl)) return forbiddenSysctl(`"${name}" not allowlisted`);
    if (hostNetwork && sysctl.startsWith('net.')) return forbiddenSysctl(`"${name}" not allowed with host Net enabled`);
    if (hostIPC && sysctl.startsWith('kernel.')) return forbiddenSysctl(`"${name}" not allowed with host IPC enabled`);
  }
  return undefined;
}

function forbiddenSysctl(why: string): Refusal {
  return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${why}` };
}

/** Those that a pod has to itself and that harm no other. */
const safeSysctls: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

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
