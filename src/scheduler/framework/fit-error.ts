/** Why a pod fits nowhere, and how that is said to users. */
import type { Status } from './status.ts';

export class FitError {
  readonly nodeCount: number;
  /** Said of the pod itself, before any node was looked at. */
  readonly preFilter: Status | undefined;
  /** By node name. */
  readonly nodes: ReadonlyMap<string, Status>;
  /** Said of every node that is not in `nodes`. */
  readonly others: Status | undefined;
  /** Of all plugins that said no. */
  readonly plugins: ReadonlySet<string>;
  postFilterMessage = '';

  constructor(nodeCount: number, diagnosis: { preFilter?: Status; nodes?: ReadonlyMap<string, Status>; others?: Status }) {
    this.nodeCount = nodeCount;
    this.preFilter = diagnosis.preFilter;
    this.nodes = diagnosis.nodes ?? new Map();
    this.others = diagnosis.others;
    const plugins = new Set<string>();
    for (const { plugin } of this.nodes.values()) plugins.add(plugin);
    if (this.preFilter) plugins.add(this.preFilter.plugin);
    if (this.others) plugins.add(this.others.plugin);
    this.plugins = plugins;
  }

  statusOf(nodeName: string): Status | undefined {
    return this.nodes.get(nodeName) ?? this.others ?? this.preFilter;
  }

  /** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). preemption: ...` */
  get message(): string {
    const said = this.preFilter ? this.preFilter.reasons.join(', ') : this.#histogram();
    let text = `0/${this.nodeCount} nodes are available:`;
    if (said !== '') text += ` ${said}.`;
    if (this.postFilterMessage !== '') text += ` ${this.postFilterMessage}`;
    return text;
  }

  #histogram(): string {
    const counts = new Map<string, number>();
    const count = (status: Status | undefined, times: number) => {
      for (const reason of status?.reasons ?? []) counts.set(reason, (counts.get(reason) ?? 0) + times);
    };
    for (const status of this.nodes.values()) count(status, 1);
    if (this.nodes.size < this.nodeCount) count(this.others, this.nodeCount - this.nodes.size);
    return [...counts]
      .map(([reason, times]) => `${times} ${reason}`)
      .sort()
      .join(', ');
  }
}
