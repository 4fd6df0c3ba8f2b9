/** Eviction thresholds: below what of which resource the node calls itself under pressure. Pure. */
import { valueOf } from '../../../api/quantity.ts';
import type { MachineFacts, MachineFigures } from './machine.ts';

export type Signal = 'memory.available' | 'nodefs.available' | 'nodefs.inodesFree' | 'imagefs.available' | 'imagefs.inodesFree' | 'pid.available';

export interface Threshold {
  readonly signal: Signal;
  /** A quantity, or a percentage of the capacity: `100Mi`, `10%`. */
  readonly limit: string;
  /** How long the signal must have been below the limit; 0 for hard thresholds, which give pods no grace. */
  readonly graceMs: number;
}

export interface Observation {
  readonly available: number;
  readonly capacity: number;
}

export type Observations = Readonly<Record<Signal, Observation>>;

/** Upstream's (pkg/kubelet/eviction/defaults_linux.go). */
export const defaultThresholds: readonly Threshold[] = [
  { signal: 'memory.available', limit: '100Mi', graceMs: 0 },
  { signal: 'nodefs.available', limit: '10%', graceMs: 0 },
  { signal: 'nodefs.inodesFree', limit: '5%', graceMs: 0 },
  { signal: 'imagefs.available', limit: '15%', graceMs: 0 },
  { signal: 'imagefs.inodesFree', limit: '5%', graceMs: 0 },
];

export function observe(facts: Pick<MachineFacts, 'memoryBytes'>, { memory, nodeFs, imageFs, pids }: MachineFigures): Observations {
  return {
    'memory.available': { available: memory.availableBytes, capacity: facts.memoryBytes },
    'nodefs.available': { available: nodeFs.availableBytes, capacity: nodeFs.capacityBytes },
    'nodefs.inodesFree': { available: nodeFs.inodesFree, capacity: nodeFs.inodes },
    'imagefs.available': { available: imageFs.availableBytes, capacity: imageFs.capacityBytes },
    'imagefs.inodesFree': { available: imageFs.inodesFree, capacity: imageFs.inodes },
    'pid.available': { available: pids.max - pids.running, capacity: pids.max },
  };
}

export function limitOf({ limit }: Threshold, capacity: number): number {
  return limit.endsWith('%') ? Math.floor((capacity * Number.parseFloat(limit)) / 100) : valueOf(limit);
}

/** File systems that do not count inodes say that they have none: nothing can be short there. */
export function isMet(threshold: Threshold, observations: Observations): boolean {
  const { available, capacity } = observations[threshold.signal];
  return capacity > 0 && available < limitOf(threshold, capacity);
}
