/** What a node tells of itself and of its pods, beside their figures: /healthz, /configz, /runningpods, /metrics and its parts. */
import { exposition, expositionFormat, expositionTypes } from '../../../base/metrics/exposition.ts';
import type { FamilySnapshot, MetricRegistry } from '../../../base/metrics/registry.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import type { ContainerUsage } from '../runtime.ts';
import { NodeError, type ServedNode } from './served-node.ts';
import { usedPods } from './usage.ts';

export interface Page {
  readonly contentType: string;
  readonly text: string;
}

const healthChecks = ['ping', 'log', 'syncloop'];

/** The node answers, so it is. */
export function healthPage([check, ...rest]: readonly string[]): Page {
  if (check !== undefined && (rest.length > 0 || !healthChecks.includes(check))) throw new NodeError(404, '404 page not found\n');
  return { contentType: 'text/plain; charset=utf-8', text: 'ok' };
}

/** Pods as the runtime knows them: those with a sandbox, and of their containers those that run. */
export async function runningPods(node: ServedNode): Promise<object> {
  const byUid = new Map(node.pods().map((pod) => [pod.metadata.uid, pod]));
  const items = (await node.runtime.list()).flatMap(({ uid, sandbox, containers }) => {
    const pod = byUid.get(uid);
    if (!pod || !sandbox?.ready) return [];
    const { name, namespace } = pod.metadata;
    const running = containers.filter(({ state }) => state === 'running').map((container) => ({ name: container.name, image: container.image, resources: {} }));
    return [{ metadata: { name, namespace, uid }, spec: { containers: running }, status: {} }];
  });
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}

/** `probes`: those of probes alone, which have a page of their own; else all others. */
export function metricsPage(registry: MetricRegistry, accept: string | undefined, probes: boolean): Page {
  const families = registry.snapshot().filter(({ name }) => name.startsWith('prober_') === probes);
  return expositionPage(families, accept);
}

function expositionPage(families: readonly FamilySnapshot[], accept: string | undefined): Page {
  const format = expositionFormat(accept);
  return { contentType: expositionTypes[format], text: [...exposition(families, format)].join('') };
}

const containerLabels = ['container', 'id', 'image', 'name', 'namespace', 'pod'];

/** Of cadvisor's metrics those that are known here, under its names. */
export async function cadvisorPage(node: ServedNode, accept: string | undefined): Promise<Page> {
  const used = await usedPods(node);
  const ofContainers = (name: string, help: string, type: 'counter' | 'gauge', of: (usage: ContainerUsage) => number): FamilySnapshot => ({
    name,
    help,
    type,
    labelNames: containerLabels,
    bounds: [],
    series: used.flatMap(({ pod, containers }) => containers.map((usage) => ({ labels: labelsOf(pod, usage.name), value: of(usage) }))),
  });
  const machine = await node.measured?.figures();
  const facts: FamilySnapshot[] = machine ? [{ name: 'machine_memory_bytes', help: 'Amount of memory installed on the machine.', type: 'gauge', labelNames: [], bounds: [], series: [{ labels: [], value: machine.memory.usageBytes + machine.memory.availableBytes }] }] : [];
  const families = [
    ofContainers('container_cpu_usage_seconds_total', 'Cumulative cpu time consumed in seconds.', 'counter', ({ cpuSeconds }) => cpuSeconds),
    ofContainers('container_memory_working_set_bytes', 'Current working set in bytes.', 'gauge', ({ memoryBytes }) => memoryBytes),
    ofContainers('container_fs_usage_bytes', 'Number of bytes that are consumed by the container on this filesystem.', 'gauge', ({ rootfsBytes }) => rootfsBytes ?? 0),
    ofContainers('container_start_time_seconds', 'Start time of the container since unix epoch in seconds.', 'gauge', ({ startedAtMs }) => startedAtMs / 1000),
    ...facts,
  ];
  return expositionPage(families, accept);
}

function labelsOf({ metadata, status, spec }: Pod, container: string): string[] {
  const id = status?.containerStatuses?.find(({ name }) => name === container)?.containerID?.replace(/^.*:\/\//, '') ?? '';
  const image = spec.containers.find(({ name }) => name === container)?.image ?? '';
  return [container, id, image, id, metadata.namespace ?? '', metadata.name ?? ''];
}
