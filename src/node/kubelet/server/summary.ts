/**
 * /stats/summary: stats.kubelet.k8s.io/v1alpha1 Summary. What a runtime without
 * disks cannot tell is left out on nodes that pretend.
 */
import { formatTime } from '../../../base/clock.ts';
import type { FsFigures, MachineFigures } from '../node/machine.ts';
import type { ContainerFigures, PodFigures } from '../node/pod-figures.ts';
import { diskBytes, diskInodes } from '../node/pod-figures.ts';
import type { ContainerUsage } from '../runtime.ts';
import type { ServedNode } from './served-node.ts';
import { usedPods } from './usage.ts';

const sum = <T>(values: readonly T[], of: (value: T) => number) => values.reduce((total, value) => total + of(value), 0);

export async function statsSummary(node: ServedNode, nowMs: number): Promise<object> {
  const time = formatTime(nowMs);
  const machine = await node.measured?.figures();
  if (node.measured && machine) {
    const pods = await node.measured.podFigures();
    return { node: machineStats(node.name, node.measured.bootedAtMs, machine, time), pods: pods.map((pod) => measuredPod(pod, machine, time)) };
  }
  const used = await usedPods(node);
  return {
    node: { nodeName: node.name, startTime: time, ...usage(used.flatMap(({ containers }) => containers), time) },
    pods: used.map(({ pod, containers }) => ({ ...podHead(pod, time), containers: containers.map((container) => ({ ...containerHead(container), ...usage([container], time) })), ...usage(containers, time) })),
  };
}

function usage(containers: readonly ContainerUsage[], time: string) {
  const memoryBytes = sum(containers, (container) => container.memoryBytes);
  return {
    cpu: { time, usageNanoCores: Math.round(sum(containers, ({ cpu }) => cpu) * 1e9), usageCoreNanoSeconds: Math.round(sum(containers, ({ cpuSeconds }) => cpuSeconds) * 1e9) },
    memory: { time, workingSetBytes: memoryBytes, usageBytes: memoryBytes, rssBytes: memoryBytes },
  };
}

function podHead({ metadata, status }: PodFigures['pod'], time: string) {
  return { podRef: { name: metadata.name, namespace: metadata.namespace, uid: metadata.uid }, startTime: status?.startTime ?? time };
}

function containerHead({ name, startedAtMs }: ContainerUsage) {
  return { name, startTime: formatTime(startedAtMs) };
}

function machineStats(nodeName: string, bootedAtMs: number, { cpu, cpuSeconds, memory, nodeFs, imageFs, pids }: MachineFigures, time: string) {
  const images = fsStats(imageFs, time);
  return {
    nodeName,
    startTime: formatTime(bootedAtMs),
    cpu: { time, usageNanoCores: Math.round(cpu * 1e9), usageCoreNanoSeconds: Math.round(cpuSeconds * 1e9) },
    memory: { time, ...memory },
    fs: fsStats(nodeFs, time),
    runtime: { imageFs: images, containerFs: images },
    rlimit: { time, maxpid: pids.max, curproc: pids.running },
  };
}

function measuredPod(figures: PodFigures, { nodeFs, imageFs }: MachineFigures, time: string) {
  const { pod, containers, volumes } = figures;
  return {
    ...podHead(pod, time),
    containers: containers.map((container) => measuredContainer(container, nodeFs, imageFs, time)),
    ...usage(containers, time),
    volume: volumes.map(({ volume, bytes, inodes }) => ({ name: volume, ...fsStats(nodeFs, time, bytes, inodes) })),
    'ephemeral-storage': fsStats(nodeFs, time, diskBytes(figures), diskInodes(figures)),
  };
}

function measuredContainer(container: ContainerFigures, nodeFs: FsFigures, imageFs: FsFigures, time: string) {
  const { rootfsBytes, rootfsInodes, logBytes, logInodes } = container;
  return {
    ...containerHead(container),
    ...usage([container], time),
    rootfs: fsStats(imageFs, time, rootfsBytes ?? 0, rootfsInodes ?? 0),
    logs: fsStats(nodeFs, time, logBytes, logInodes),
  };
}

/** Of the whole file system, or of what one thing uses of it. */
function fsStats(fs: FsFigures, time: string, usedBytes = fs.capacityBytes - fs.availableBytes, inodesUsed = fs.inodes - fs.inodesFree) {
  return { time, availableBytes: fs.availableBytes, capacityBytes: fs.capacityBytes, usedBytes, inodesFree: fs.inodesFree, inodes: fs.inodes, inodesUsed };
}
