/** NodeResourcesBalancedAllocation: prefers nodes on which the pod brings the use of cpu and memory closer together. */
import type { ScorePlugin } from '../framework/plugin.ts';
import { scoreMax } from '../framework/plugin.ts';
import { isBestEffort } from '../snapshot/pod-shape.ts';
import { cpu, memory } from '../snapshot/resources.ts';

export const nodeResourcesBalancedAllocation: ScorePlugin<true> = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  scoreScope: 'node',
  // A pod that asks for nothing changes no balance; scoring it would gather such pods on one node.
  preScore: (shape) => (isBestEffort(shape) ? undefined : true),
  score(_state, shape, { slot }, { allocatable, requested, stride }) {
    const base = slot * stride;
    const cpus = allocatable[base + cpu] as number;
    const bytes = allocatable[base + memory] as number;
    const usedCpus = requested[base + cpu] as number;
    const usedBytes = requested[base + memory] as number;
    const before = balance(usedCpus, cpus, usedBytes, bytes);
    const after = balance(usedCpus + (shape.requests[cpu] as number), cpus, usedBytes + (shape.requests[memory] as number), bytes);
    const half = scoreMax / 2;
    return half + Math.trunc((half + after - before) / 2);
  },
};

/** 100 where both are used to the same degree; with one resource alone there is nothing to balance. */
function balance(cpuUsed: number, cpuTotal: number, memoryUsed: number, memoryTotal: number): number {
  if (cpuTotal === 0 || memoryTotal === 0) return scoreMax;
  const cpuFraction = Math.min(1, cpuUsed / cpuTotal);
  const memoryFraction = Math.min(1, memoryUsed / memoryTotal);
  return Math.trunc((1 - Math.abs(cpuFraction - memoryFraction) / 2) * scoreMax);
}
