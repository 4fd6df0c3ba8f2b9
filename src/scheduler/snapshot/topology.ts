/** The domains of a topology key, as small numbers by node slot, and counts of pods in them. */

/** Which value of a label each node has. Values are numbered from 0; -1: the node has no such label. */
export interface Topology {
  readonly key: string;
  readonly values: readonly string[];
  readonly valueOf: Int32Array;
}

/** A count for each domain of a topology. */
export class DomainCounts {
  readonly topology: Topology;
  readonly counts: Float64Array;
  /** Of the counts that are not zero. */
  nonZero = 0;

  constructor(topology: Topology) {
    this.topology = topology;
    this.counts = new Float64Array(topology.values.length);
  }

  add(slot: number, amount: number): void {
    const value = this.topology.valueOf[slot] as number;
    if (value < 0) return;
    const before = this.counts[value] as number;
    const after = before + amount;
    this.counts[value] = after;
    if (before === 0 && after !== 0) this.nonZero++;
    else if (before !== 0 && after === 0) this.nonZero--;
  }

  /** Zero where the node has no such label. */
  at(slot: number): number {
    const value = this.topology.valueOf[slot] as number;
    return value < 0 ? 0 : (this.counts[value] as number);
  }
}
