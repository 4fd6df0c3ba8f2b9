/**
 * Limits and requests as the kernel's cgroups know them, by upstream's formulas
 * (pkg/kubelet/cm/helpers_linux.go, kuberuntime_container_linux.go).
 */
import type { Container, Pod, ResourceRequirements } from '../../api/types/core-v1.ts';
import { podLimits, podRequests } from '../../api/pod-resources.ts';
import { milliValue, valueOf } from '../../api/quantity.ts';
import type { Message } from './api.ts';

type Amounts = ResourceRequirements['limits'];

const sharesMin = 2;
const sharesMax = 262_144;
const sharesPerCpu = 1024;
const quotaPeriodUs = 100_000;
const quotaUsMin = 1000;

export function cpuShares(milliCpu: number): number {
  if (milliCpu === 0) return sharesMin;
  return Math.min(sharesMax, Math.max(sharesMin, Math.floor((milliCpu * sharesPerCpu) / 1000)));
}

/** Microseconds a period; 0: as many as there are. */
export function cpuQuota(milliCpu: number): number {
  return milliCpu === 0 ? 0 : Math.max(quotaUsMin, Math.floor((milliCpu * quotaPeriodUs) / 1000));
}

export function containerResources(pod: Pod, container: Container, oomScoreAdj: number | undefined): Message<'LinuxContainerResources'> {
  const podLevel = pod.spec.resources?.limits;
  const limitOf = (name: string) => amount(container.resources?.limits, name) || amount(podLevel, name);
  const requests = container.resources?.requests;
  return {
    ...linuxResources(requests?.['cpu'] === undefined ? undefined : amount(requests, 'cpu'), limitOf('cpu'), limitOf('memory')),
    ...(oomScoreAdj === undefined ? {} : { oomScoreAdj }),
    hugepageLimits: hugepageLimits({ ...podLevel, ...container.resources?.limits }),
  };
}

/** What the whole pod may use, for runtimes whose sandboxes are machines of their own. */
export function sandboxResources(pod: Pod): { readonly resources: Message<'LinuxContainerResources'>; readonly overhead: Message<'LinuxContainerResources'> } {
  const options = { includeOverhead: false };
  const limits = podLimits(pod, options);
  const { overhead } = pod.spec;
  return {
    resources: linuxResources(podRequests(pod, options).get('cpu'), limits.get('cpu') ?? 0, limits.get('memory') ?? 0),
    overhead: overhead ? linuxResources(amount(overhead, 'cpu'), amount(overhead, 'cpu'), amount(overhead, 'memory')) : {},
  };
}

function linuxResources(milliCpuRequest: number | undefined, milliCpuLimit: number, memoryLimit: number): Message<'LinuxContainerResources'> {
  return {
    cpuShares: cpuShares(milliCpuRequest ?? milliCpuLimit),
    cpuQuota: cpuQuota(milliCpuLimit),
    cpuPeriod: quotaPeriodUs,
    ...(memoryLimit === 0 ? {} : { memoryLimitInBytes: memoryLimit }),
  };
}

/** CPU in thousandths, everything else in whole units; 0: none. */
function amount(amounts: Amounts, name: string): number {
  const text = amounts?.[name];
  if (text === undefined) return 0;
  return name === 'cpu' ? milliValue(text) : valueOf(text);
}

/** The kernel's names of page sizes end in KB, MB or GB: `hugepages-2Mi` -> `2MB`. */
function hugepageLimits(limits: Amounts): readonly Message<'HugepageLimit'>[] {
  return Object.keys(limits ?? {}).flatMap((name) => {
    const size = /^hugepages-(\d+[KMG])i$/.exec(name)?.[1];
    return size === undefined ? [] : [{ pageSize: `${size}B`, limit: amount(limits, name) }];
  });
}
