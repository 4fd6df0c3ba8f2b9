/**
 * What has been worked out for a shape of pod, kept as long as it holds: which
 * nodes can take it, what they score, and the states that plugins keep for it.
 * After a pod is placed, only its node is worked out again for the next of its
 * like, and that only when the search comes by it.
 *
 * A verdict or score of scope `node` holds while the node's generation stands.
 * States of plugins follow the log of pod changes, and are void when the
 * snapshot's epoch moves.
 */
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodShape } from '../snapshot/pod-shape.ts';
import type { PodChange, Snapshot } from '../snapshot/snapshot.ts';
import type { FitError } from './fit-error.ts';
import type { FilterEntry, Framework } from './framework.ts';
import type { ScorePlugin } from './plugin.ts';
import type { Status } from './status.ts';

interface ActiveFilter {
  readonly plugin: FilterEntry;
  readonly state: unknown;
}

export interface ActiveScore {
  readonly plugin: ScorePlugin<unknown>;
  readonly state: unknown;
  /** By slot, for scores of scope `node` that are normalized; the others are summed in `base`. */
  readonly kept: Float64Array | undefined;
}

export class Equivalence {
  shape: PodShape;
  /** Said of the shape itself by a PreFilter. */
  rejection: Status | undefined;
  /** Where PreFilters narrow the search. */
  nodeNames: ReadonlySet<string> | undefined;
  /** The plugins that narrowed it. */
  narrowedBy: string[] = [];
  /** The last failure, and the snapshot's version it holds for. */
  failure: { readonly version: number; readonly error: FitError } | undefined;
  /** Scores that must be looked at by themselves. */
  scores: ActiveScore[] = [];
  /** Whether any plugin of scope `node` gives scores that need no normalizing. */
  hasBase = false;

  readonly #framework: Framework;
  readonly #snapshot: Snapshot;
  #epoch = -1;
  #changes = 0;
  #nodeFilters: ActiveFilter[] = [];
  #clusterFilters: ActiveFilter[] = [];
  #baseScores: ActiveScore[] = [];
  #scoresReady = false;
  #verdicts: (Status | undefined)[] = [];
  #verdictAt = new Float64Array(0);
  #base = new Float64Array(0);
  #scoredAt = new Float64Array(0);

  constructor(framework: Framework, snapshot: Snapshot, shape: PodShape) {
    this.#framework = framework;
    this.#snapshot = snapshot;
    this.shape = shape;
  }

  /** Takes on another shape, keeping the memory. */
  reset(shape: PodShape): void {
    this.shape = shape;
    this.#epoch = -1;
    this.failure = undefined;
  }

  /** Brings the states up to date; call before anything else in a cycle, and after the snapshot was changed within one. */
  catchUp(): void {
    const snapshot = this.#snapshot;
    const changes = this.#epoch === snapshot.epoch ? snapshot.changesSince(this.#changes) : undefined;
    if (!changes) this.#rebuild();
    else for (const change of changes) this.#follow(change);
    this.#changes = snapshot.changes;
  }

  /** The first refusal among all filters, the remembered ones first. */
  verdict(node: NodeInfo): Status | undefined {
    const { slot } = node;
    const generation = this.#snapshot.generation[slot] as number;
    if (this.#verdictAt[slot] !== generation) {
      this.#verdictAt[slot] = generation;
      this.#verdicts[slot] = this.#ask(this.#nodeFilters, node);
    }
    return this.#verdicts[slot] ?? (this.#clusterFilters.length === 0 ? undefined : this.#ask(this.#clusterFilters, node));
  }

  /** Makes the score plugins ready; call after `catchUp`, before scores are read. */
  prepareScores(): void {
    if (this.#scoresReady) return;
    this.#scoresReady = true;
    this.scores = [];
    this.#baseScores = [];
    const length = this.#snapshot.generation.length;
    for (const plugin of this.#framework.plugins.score) {
      const state = plugin.preScore(this.shape, this.#snapshot);
      if (state === undefined) continue;
      const isBase = plugin.scoreScope === 'node' && !plugin.normalize;
      const kept = plugin.scoreScope === 'node' && !isBase ? new Float64Array(length) : undefined;
      (isBase ? this.#baseScores : this.scores).push({ plugin, state, kept });
    }
    this.hasBase = this.#baseScores.length > 0;
    this.#scoredAt.fill(-1);
  }

  /** The weighted sum of the scores of scope `node` that need no normalizing. Also brings `kept` of the others up to date. */
  baseScore(slot: number): number {
    const snapshot = this.#snapshot;
    const generation = snapshot.generation[slot] as number;
    if (this.#scoredAt[slot] === generation) return this.#base[slot] as number;
    this.#scoredAt[slot] = generation;
    const node = snapshot.at(slot);
    let sum = 0;
    for (const { plugin, state } of this.#baseScores) sum += plugin.weight * plugin.score(state, this.shape, node, snapshot);
    for (const { plugin, state, kept } of this.scores) if (kept) kept[slot] = plugin.score(state, this.shape, node, snapshot);
    this.#base[slot] = sum;
    return sum;
  }

  #ask(filters: readonly ActiveFilter[], node: NodeInfo): Status | undefined {
    for (const { plugin, state } of filters) {
      const status = plugin.filter(state, this.shape, node, this.#snapshot);
      if (status) return status;
    }
    return undefined;
  }

  #rebuild(): void {
    const snapshot = this.#snapshot;
    const { length } = snapshot.generation;
    this.#epoch = snapshot.epoch;
    this.rejection = undefined;
    this.nodeNames = undefined;
    this.narrowedBy = [];
    this.failure = undefined;
    this.#nodeFilters = [];
    this.#clusterFilters = [];
    this.#scoresReady = false;
    if (this.#verdictAt.length === length) this.#verdictAt.fill(-1);
    else {
      this.#verdictAt = new Float64Array(length).fill(-1);
      this.#verdicts = Array.from({ length }, () => undefined);
      this.#base = new Float64Array(length);
      this.#scoredAt = new Float64Array(length);
    }
    for (const plugin of this.#framework.plugins.filter) {
      const outcome = plugin.preFilter?.(this.shape, snapshot) ?? { kind: 'state' as const, state: undefined };
      if (outcome.kind === 'skip') continue;
      if (outcome.kind === 'rejected') {
        this.rejection = outcome.status;
        return;
      }
      if (outcome.nodeNames) this.#narrow(plugin.name, outcome.nodeNames);
      (plugin.filterScope === 'node' ? this.#nodeFilters : this.#clusterFilters).push({ plugin, state: outcome.state });
    }
  }

  #narrow(plugin: string, nodeNames: ReadonlySet<string>): void {
    const before = this.nodeNames;
    this.nodeNames = before ? new Set([...nodeNames].filter((name) => before.has(name))) : nodeNames;
    this.narrowedBy.push(plugin);
  }

  #follow({ added, pod, node }: PodChange): void {
    for (const { plugin, state } of this.#clusterFilters) {
      if (added) plugin.podAdded?.(state, this.shape, pod, node);
      else plugin.podRemoved?.(state, this.shape, pod, node);
    }
    if (!this.#scoresReady) return;
    for (const { plugin, state } of this.scores) {
      if (added) plugin.podAdded?.(state, this.shape, pod, node);
      else plugin.podRemoved?.(state, this.shape, pod, node);
    }
  }
}

/** The shapes seen last; memory of those that drop out is used again. */
export class EquivalenceCache {
  readonly #framework: Framework;
  readonly #snapshot: Snapshot;
  readonly #max: number;
  readonly #byShape = new Map<PodShape, Equivalence>();

  constructor(framework: Framework, snapshot: Snapshot, max = 64) {
    this.#framework = framework;
    this.#snapshot = snapshot;
    this.#max = max;
  }

  get(shape: PodShape): Equivalence {
    let found = this.#byShape.get(shape);
    if (found) {
      // The least recently used stands first.
      this.#byShape.delete(shape);
    } else if (this.#byShape.size < this.#max) {
      found = new Equivalence(this.#framework, this.#snapshot, shape);
    } else {
      const [oldest, equivalence] = this.#byShape.entries().next().value as [PodShape, Equivalence];
      this.#byShape.delete(oldest);
      equivalence.reset(shape);
      found = equivalence;
    }
    this.#byShape.set(shape, found);
    return found;
  }
}
