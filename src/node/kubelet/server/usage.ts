/** What a node's pods use: /metrics/resource, which is what metrics pipelines read. */
import type { Pod } from '../../../api/types/core-v1.ts';
import type { ContainerUsage } from '../runtime.ts';
import type { ServedNode } from './served-node.ts';

export interface UsedPod {
  readonly pod: Pod;
  readonly containers: readonly ContainerUsage[];
}

export async function usedPods(node: ServedNode): Promise<UsedPod[]> {
  const usage = new Map((await node.runtime.usage()).map(({ podUid, containers }) => [podUid, containers]));
  return node.pods().flatMap((pod) => {
    const containers = usage.get(pod.metadata.uid ?? '');
    return containers?.length ? [{ pod, containers }] : [];
  });
}

const sum = <T>(values: readonly T[], of: (value: T) => number) => values.reduce((total, value) => total + of(value), 0);

/** Names and help are upstream's (pkg/kubelet/metrics/collectors/resource_metrics.go). */
export async function resourceMetrics(node: ServedNode, nowMs: number): Promise<string> {
  const used = await usedPods(node);
  const all = used.flatMap(({ containers }) => containers);
  const machine = await node.measured?.figures();
  const ofPods = (of: (container: ContainerUsage) => number) => used.map(({ pod, containers }) => sample({ namespace: pod.metadata.namespace, pod: pod.metadata.name }, sum(containers, of)));
  const ofContainers = (of: (container: ContainerUsage) => number) =>
    used.flatMap(({ pod, containers }) => containers.map((container) => sample({ container: container.name, namespace: pod.metadata.namespace, pod: pod.metadata.name }, of(container))));
  const cpu = ({ cpuSeconds }: ContainerUsage) => cpuSeconds;
  const memory = ({ memoryBytes }: ContainerUsage) => memoryBytes;
  const families: readonly (readonly [name: string, help: string, type: string, samples: readonly string[]])[] = [
    ['container_cpu_usage_seconds_total', '[STABLE] Cumulative cpu time consumed by the container in core-seconds', 'counter', ofContainers(cpu)],
    ['container_memory_working_set_bytes', '[STABLE] Current working set of the container in bytes', 'gauge', ofContainers(memory)],
    ['container_start_time_seconds', '[STABLE] Start time of the container since unix epoch in seconds', 'gauge', ofContainers(({ startedAtMs }) => startedAtMs / 1000)],
    ['node_cpu_usage_seconds_total', '[STABLE] Cumulative cpu time consumed by the node in core-seconds', 'counter', [sample({}, machine?.cpuSeconds ?? sum(all, cpu))]],
    ['node_memory_working_set_bytes', '[STABLE] Current working set of the node in bytes', 'gauge', [sample({}, machine?.memory.workingSetBytes ?? sum(all, memory))]],
    ['pod_cpu_usage_seconds_total', '[STABLE] Cumulative cpu time consumed by the pod in core-seconds', 'counter', ofPods(cpu)],
    ['pod_memory_working_set_bytes', '[STABLE] Current working set of the pod in bytes', 'gauge', ofPods(memory)],
    ['resource_scrape_error', '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise', 'gauge', [sample({}, 0)]],
  ];
  return families
    .filter(([, , , samples]) => samples.length > 0)
    .map(([name, help, type, samples]) => {
      const stamp = name === 'resource_scrape_error' || name === 'container_start_time_seconds' ? '' : ` ${nowMs}`;
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.map((text) => `${name}${text}${stamp}\n`).join('')}`;
    })
    .join('');
}

function sample(labels: Readonly<Record<string, string | undefined>>, value: number): string {
  const pairs = Object.entries(labels).map(([name, text]) => `${name}=${JSON.stringify(text ?? '')}`);
  return `${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`;
}

