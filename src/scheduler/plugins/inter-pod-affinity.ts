/**
 * InterPodAffinity: which pods a pod must, must not, and would rather be beside;
 * and, the other way round, what the pods that are there say of it.
 *
 * Pods are counted by topology domain once, and the counts follow the pods that
 * come and go; so a pod costs a look at a few counts a node, however many pods
 * there are.
 */
import type { FilterPlugin, PreFilterPlugin, ScorePlugin } from '../framework/plugin.ts';
import { scoreMax } from '../framework/plugin.ts';
import type { ClusterEvent } from '../framework/cluster-event.ts';
import { unresolvable, unschedulable } from '../framework/status.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import { matchesTermOf } from '../snapshot/pod-shape.ts';
import type { AffinityTerm, PodShape } from '../snapshot/pod-shape.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { DomainCounts } from '../snapshot/topology.ts';

const name = 'InterPodAffinity';
const notBeside = unresolvable(name, "node(s) didn't match pod affinity rules");
const tooClose = unschedulable(name, "node(s) didn't match pod anti-affinity rules");
const unwanted = unschedulable(name, "node(s) didn't satisfy existing pods anti-affinity rules");

/** A required term of a pod that is there counts like a preference of this weight. */
const requiredAffinityWeight = 1;

/** Counts by topology key, made at first need. */
class KeyedCounts {
  readonly byKey = new Map<string, DomainCounts>();
  readonly #snapshot: Snapshot;
  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }
  add(key: string, slot: number, amount: number): void {
    let counts = this.byKey.get(key);
    if (!counts) {
      counts = new DomainCounts(this.#snapshot.topology(key));
      this.byKey.set(key, counts);
    }
    counts.add(slot, amount);
  }
}

interface FilterState {
  readonly snapshot: Snapshot;
  /** Pods that all the affinity terms are about, one count a term. */
  readonly affinity: readonly DomainCounts[];
  /** Pods that an anti-affinity term is about, one count a term. */
  readonly antiAffinity: readonly DomainCounts[];
  /** Pods that refuse this one beside them. */
  readonly refusing: KeyedCounts;
  readonly matchesItself: boolean;
}

interface ScoreState {
  readonly snapshot: Snapshot;
  readonly scores: KeyedCounts;
}

export const interPodAffinity: PreFilterPlugin<FilterState> & FilterPlugin<FilterState> = {
  name,
  requeueOn: {
    podAdded: concernsAffinity,
    podUpdated: concernsAffinity,
    podDeleted: concernsAntiAffinity,
    nodeAdded: true,
    nodeLabels: true,
    namespaces: true,
  },
  preFilter(shape, snapshot) {
    if (shape.affinity.length === 0 && shape.antiAffinity.length === 0 && snapshot.antiAffinityPods === 0) return { kind: 'skip' };
    const counts = (terms: readonly AffinityTerm[]) => terms.map(({ topologyKey }) => new DomainCounts(snapshot.topology(topologyKey)));
    const state: FilterState = {
      snapshot,
      affinity: counts(shape.affinity),
      antiAffinity: counts(shape.antiAffinity),
      refusing: new KeyedCounts(snapshot),
      matchesItself: shape.affinity.every((term) => matchesTermOf(term, shape, snapshot.namespaceLabels)),
    };
    const all = shape.affinity.length > 0 || shape.antiAffinity.length > 0;
    for (const node of snapshot.nodes()) for (const pod of all ? node.pods.values() : node.withAffinity) countForFilter(state, shape, pod, node, 1);
    return { kind: 'state', state };
  },
  podAdded: (state, shape, pod, node) => countForFilter(state, shape, pod, node, 1),
  podRemoved: (state, shape, pod, node) => countForFilter(state, shape, pod, node, -1),
  filterScope: 'cluster',
  filter(state, _shape, { slot }) {
    if (!isBesideWanted(state, slot)) return notBeside;
    for (const counts of state.antiAffinity) if (counts.at(slot) > 0) return tooClose;
    for (const counts of state.refusing.byKey.values()) if (counts.at(slot) > 0) return unwanted;
    return undefined;
  },
};

export const interPodAffinityScore: ScorePlugin<ScoreState> = {
  name,
  weight: 2,
  scoreScope: 'cluster',
  preScore(shape, snapshot) {
    const all = shape.preferredAffinity.length > 0 || shape.preferredAntiAffinity.length > 0;
    if (!all && snapshot.affinityPods === 0) return undefined;
    const state: ScoreState = { snapshot, scores: new KeyedCounts(snapshot) };
    for (const node of snapshot.nodes()) for (const pod of all ? node.pods.values() : node.withAffinity) countForScore(state, shape, pod, node, 1);
    return state;
  },
  podAdded: (state, shape, pod, node) => countForScore(state, shape, pod, node, 1),
  podRemoved: (state, shape, pod, node) => countForScore(state, shape, pod, node, -1),
  score({ scores }, _shape, { slot }) {
    let sum = 0;
    for (const counts of scores.byKey.values()) sum += counts.at(slot);
    return sum;
  },
  normalize(_state, scores, count) {
    let min = Infinity;
    let max = -Infinity;
    for (let i = 0; i < count; i++) {
      const score = scores[i] as number;
      if (score < min) min = score;
      if (score > max) max = score;
    }
    for (let i = 0; i < count; i++) scores[i] = max > min ? Math.trunc((scoreMax * ((scores[i] as number) - min)) / (max - min)) : 0;
  },
};

function countForFilter(state: FilterState, shape: PodShape, pod: PodInfo, { slot }: NodeInfo, amount: number): void {
  const { namespaceLabels } = state.snapshot;
  if (shape.affinity.length > 0 && shape.affinity.every((term) => matchesTermOf(term, pod.shape, namespaceLabels))) {
    for (const counts of state.affinity) counts.add(slot, amount);
  }
  for (const [index, term] of shape.antiAffinity.entries()) {
    if (matchesTermOf(term, pod.shape, namespaceLabels)) state.antiAffinity[index]?.add(slot, amount);
  }
  for (const term of pod.shape.antiAffinity) {
    if (matchesTermOf(term, shape, namespaceLabels)) state.refusing.add(term.topologyKey, slot, amount);
  }
}

/** The first of a series of pods that want to be beside each other may go anywhere that has the topology. */
function isBesideWanted(state: FilterState, slot: number): boolean {
  let beside = true;
  for (const counts of state.affinity) {
    if ((counts.topology.valueOf[slot] as number) < 0) return false;
    if (counts.at(slot) <= 0) beside = false;
  }
  return beside || (state.matchesItself && state.affinity.every(({ nonZero }) => nonZero === 0));
}

function countForScore(state: ScoreState, shape: PodShape, pod: PodInfo, { slot }: NodeInfo, sign: number): void {
  const { scores, snapshot } = state;
  const { namespaceLabels } = snapshot;
  const count = (terms: readonly AffinityTerm[], about: PodShape, factor: number) => {
    for (const term of terms) if (matchesTermOf(term, about, namespaceLabels)) scores.add(term.topologyKey, slot, sign * factor * (term.weight || requiredAffinityWeight));
  };
  count(shape.preferredAffinity, pod.shape, 1);
  count(shape.preferredAntiAffinity, pod.shape, -1);
  count(pod.shape.affinity, shape, 1);
  count(pod.shape.preferredAffinity, shape, 1);
  count(pod.shape.preferredAntiAffinity, shape, -1);
}

function concernsAffinity(_waiting: unknown, { shape }: PodInfo, event: ClusterEvent): boolean {
  return shape.affinity.length > 0 && 'pod' in event && shape.affinity.some(({ selector }) => selector.matches(event.pod.shape.labels));
}

function concernsAntiAffinity(_waiting: unknown, { shape }: PodInfo, event: ClusterEvent): boolean {
  if (!('pod' in event)) return true;
  return shape.antiAffinity.some(({ selector }) => selector.matches(event.pod.shape.labels)) || event.pod.shape.antiAffinity.some(({ selector }) => selector.matches(shape.labels));
}
