/**
 * The scheduling cycle of one pod: find the nodes that can take it, score them,
 * choose. Synchronous and without side effects but on what is remembered; the
 * snapshot must not change meanwhile.
 */
import { assert } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import type { Equivalence, EquivalenceCache } from './framework/equivalence.ts';
import { FitError } from './framework/fit-error.ts';
import { unresolvable } from './framework/status.ts';
import type { Status } from './framework/status.ts';
import type { Nominator } from './queue/nominator.ts';
import type { NodeInfo } from './snapshot/node-info.ts';
import type { PodInfo } from './snapshot/pod-info.ts';
import type { Snapshot } from './snapshot/snapshot.ts';

export type ScheduleResult =
  | { readonly kind: 'placed'; readonly node: NodeInfo; readonly evaluated: number; readonly feasible: number }
  | { readonly kind: 'unfit'; readonly error: FitError }
  | { readonly kind: 'noNodes' };

export const noNodesMessage = 'no nodes available to schedule pods';

const feasibleMin = 100;
const percentageMin = 5;

/** How many nodes that can take the pod are enough to choose among: fewer, relatively, the larger the cluster. */
export function feasibleNodesToFind(nodeCount: number, percentage = 0): number {
  if (nodeCount < feasibleMin) return nodeCount;
  const adaptive = percentage || Math.max(percentageMin, 50 - Math.trunc(nodeCount / 125));
  return Math.max(feasibleMin, Math.trunc((nodeCount * adaptive) / 100));
}

export interface ScheduleOneOptions {
  readonly snapshot: Snapshot;
  readonly equivalences: EquivalenceCache;
  readonly nominator: Nominator;
  readonly random: Random;
  /** 0: adapted to the size of the cluster. */
  readonly percentageOfNodesToScore?: number;
}

export class ScheduleOne {
  readonly #options: ScheduleOneOptions;
  #feasible = new Int32Array(0);
  #totals = new Float64Array(0);
  #scores = new Float64Array(0);
  /** Where the next search begins, so that all nodes get their turn. */
  #start = 0;

  constructor(options: ScheduleOneOptions) {
    this.#options = options;
  }

  schedule(pod: PodInfo): ScheduleResult {
    const { snapshot, equivalences } = this.#options;
    const { order } = snapshot;
    if (order.length === 0) return { kind: 'noNodes' };
    const equivalence = equivalences.get(pod.shape);
    equivalence.catchUp();
    if (equivalence.rejection) return { kind: 'unfit', error: new FitError(order.length, { preFilter: equivalence.rejection }) };
    // Nothing has changed since the last of its like failed.
    if (equivalence.failure?.version === snapshot.version && this.#options.nominator.size === 0) {
      const { nodeCount, nodes, others } = equivalence.failure.error;
      return { kind: 'unfit', error: new FitError(nodeCount, { nodes, ...(others ? { others } : {}) }) };
    }
    this.#reserveBuffers(order.length);
    const nominated = this.#tryNominated(equivalence, pod);
    if (nominated) return { kind: 'placed', node: nominated, evaluated: 1, feasible: 1 };
    const statuses = new Map<string, Status>();
    const candidates = this.#candidates(equivalence, order);
    const feasible = this.#find(equivalence, pod, candidates, statuses);
    if (feasible === 0) return { kind: 'unfit', error: this.#fail(equivalence, order.length, statuses) };
    const slot = feasible === 1 ? (this.#feasible[0] as number) : this.#choose(equivalence, feasible);
    return { kind: 'placed', node: snapshot.at(slot), evaluated: feasible + statuses.size, feasible };
  }

  /** Whether the pod fits a node as it is now, pods nominated to it included: what preemption asks after removing pods. */
  fits(equivalence: Equivalence, pod: PodInfo, node: NodeInfo): Status | undefined {
    const { snapshot, nominator } = this.#options;
    const expected = nominator.on(node.name, pod);
    if (expected.length > 0) {
      // It must fit beside those that are promised the node, and, as they may never come, without them.
      for (const other of expected) snapshot.addPod(other, node.name);
      equivalence.catchUp();
      const status = equivalence.verdict(node);
      for (const other of expected) snapshot.removePod(other, node.name);
      equivalence.catchUp();
      if (status) return status;
    }
    return equivalence.verdict(node);
  }

  #tryNominated(equivalence: Equivalence, pod: PodInfo): NodeInfo | undefined {
    const name = pod.pod.status?.nominatedNodeName;
    const node = name ? this.#options.snapshot.node(name) : undefined;
    if (!node?.node || (equivalence.nodeNames && !equivalence.nodeNames.has(node.name))) return undefined;
    return this.fits(equivalence, pod, node) ? undefined : node;
  }

  #candidates({ nodeNames }: Equivalence, order: Int32Array): Int32Array {
    if (!nodeNames) return order;
    const { snapshot } = this.#options;
    const slots: number[] = [];
    for (const name of nodeNames) {
      const node = snapshot.node(name);
      if (node?.node) slots.push(node.slot);
    }
    return Int32Array.from(slots);
  }

  /** Fills `#feasible` from the start index on, until there are enough. */
  #find(equivalence: Equivalence, pod: PodInfo, candidates: Int32Array, statuses: Map<string, Status>): number {
    const { snapshot, nominator, percentageOfNodesToScore } = this.#options;
    const { length } = candidates;
    const enough = feasibleNodesToFind(length, percentageOfNodesToScore);
    const rotates = length === snapshot.nodeCount;
    const start = rotates ? this.#start % length : 0;
    let found = 0;
    let processed = 0;
    for (; processed < length && found < enough; processed++) {
      const at = start + processed;
      const slot = candidates[at < length ? at : at - length] as number;
      const node = snapshot.at(slot);
      const status = nominator.size > 0 && nominator.has(node.name) ? this.fits(equivalence, pod, node) : equivalence.verdict(node);
      if (status) statuses.set(node.name, status);
      else this.#feasible[found++] = slot;
    }
    if (rotates) this.#start = (start + processed) % length;
    return found;
  }

  #fail(equivalence: Equivalence, nodeCount: number, nodes: ReadonlyMap<string, Status>): FitError {
    const { narrowedBy } = equivalence;
    const others = narrowedBy.length === 0 ? undefined : unresolvable(narrowedBy[0] ?? '', `node(s) didn't satisfy plugin(s) [${narrowedBy.join(' ')}]`);
    const error = new FitError(nodeCount, { nodes, ...(others ? { others } : {}) });
    equivalence.failure = { version: this.#options.snapshot.version, error };
    return error;
  }

  /** The best of the first `count` in `#feasible`; of equals any, with equal chance. */
  #choose(equivalence: Equivalence, count: number): number {
    const { random } = this.#options;
    equivalence.prepareScores();
    const totals = this.#totals;
    for (let i = 0; i < count; i++) totals[i] = equivalence.baseScore(this.#feasible[i] as number);
    for (const score of equivalence.scores) this.#addScores(equivalence, score, count);
    let best = 0;
    let equals = 1;
    for (let i = 1; i < count; i++) {
      const difference = (totals[i] as number) - (totals[best] as number);
      if (difference > 0) {
        best = i;
        equals = 1;
      } else if (difference === 0 && random.below(++equals) === 0) best = i;
    }
    return this.#feasible[best] as number;
  }

  #addScores({ shape }: Equivalence, { plugin, state, kept }: Equivalence['scores'][number], count: number): void {
    const { snapshot } = this.#options;
    const scores = this.#scores;
    const totals = this.#totals;
    const feasible = this.#feasible;
    plugin.beginScores?.(state, feasible, count, snapshot);
    for (let i = 0; i < count; i++) {
      const slot = feasible[i] as number;
      scores[i] = kept ? (kept[slot] as number) : plugin.score(state, shape, snapshot.at(slot), snapshot);
    }
    plugin.normalize?.(state, scores, count);
    for (let i = 0; i < count; i++) totals[i] = (totals[i] as number) + plugin.weight * (scores[i] as number);
  }

  #reserveBuffers(nodeCount: number): void {
    if (this.#feasible.length >= nodeCount) return;
    const length = nodeCount * 2;
    assert(Number.isSafeInteger(length), 'too many nodes');
    this.#feasible = new Int32Array(length);
    this.#totals = new Float64Array(length);
    this.#scores = new Float64Array(length);
  }
}
