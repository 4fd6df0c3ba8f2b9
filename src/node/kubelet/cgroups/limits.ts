/** What pods may use, as their cgroups say it. The arithmetic is upstream's (pkg/kubelet/cm/helpers_linux.go). */
import type { Container, Pod } from '../../../api/types/core-v1.ts';
import { podLimitQuantities, podRequests } from '../../../api/pod-resources.ts';
import { qosOf } from '../../../api/qos.ts';
import { formatQuantity, milliValue, valueOf } from '../../../api/quantity.ts';

/** What is left out is not limited, or stays as it is. */
export interface CgroupLimits {
  readonly cpuShares?: number;
  /** Of each period, in microseconds. */
  readonly cpuQuotaUs?: number;
  readonly memoryBytes?: number;
  readonly pids?: number;
}

export const cpuPeriodUs = 100_000;
const sharesMin = 2;
const sharesMax = 262_144;
const quotaMinUs = 1000;

export function cpuShares(milliCpu: number): number {
  return Math.min(sharesMax, Math.max(sharesMin, Math.trunc((milliCpu * 1024) / 1000)));
}

export function cpuQuotaUs(milliCpu: number): number {
  return Math.max(quotaMinUs, Math.trunc((milliCpu * cpuPeriodUs) / 1000));
}

/** cgroup v2 counts from 1 to 10000. */
export function cpuWeight(shares: number): number {
  return 1 + Math.trunc(((shares - sharesMin) * 9999) / (sharesMax - sharesMin));
}

/** Of the pod as a whole: limited where all of its containers are. */
export function podLimits(pod: Pod, pids: number | undefined): CgroupLimits {
  const ofPids = pids === undefined ? {} : { pids };
  const qos = qosOf(pod);
  if (qos === 'BestEffort') return { cpuShares: sharesMin, ...ofPids };
  const limits = podLimitQuantities(pod, { includeStatus: false });
  const cpu = limits.get('cpu');
  const memory = limits.get('memory');
  return {
    cpuShares: cpuShares(podRequests(pod, { includeStatus: false }).get('cpu') ?? 0),
    ...(cpu && isLimited(pod, 'cpu') ? { cpuQuotaUs: cpuQuotaUs(milliValue(formatQuantity(cpu))) } : {}),
    ...(memory && isLimited(pod, 'memory') ? { memoryBytes: valueOf(formatQuantity(memory)) } : {}),
    ...ofPids,
  };
}

function isLimited({ spec }: Pod, name: 'cpu' | 'memory'): boolean {
  const limited = ({ resources }: Pick<Container, 'resources'>) => valueOf(resources?.limits?.[name] ?? '0') > 0;
  return limited(spec) || [...spec.containers, ...(spec.initContainers ?? [])].every(limited);
}
