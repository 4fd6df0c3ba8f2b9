/**
 * PodTopologySpread: keeps pods of a kind evenly spread over domains. Pods
 * without constraints of their own that belong to a service or a controller are
 * softly spread over nodes and zones.
 *
 * Matching pods are counted by domain once, and the counts follow the pods that
 * come and go.
 */
import { LabelSelector, labelSelectorOf, selectorFromLabels } from '../../api/selectors/label-selector.ts';
import type { TopologySpreadConstraint } from '../../api/types/core-v1.ts';
import type { ClusterEvent } from '../framework/cluster-event.ts';
import type { FilterPlugin, PreFilterPlugin, ScorePlugin } from '../framework/plugin.ts';
import { scoreMax } from '../framework/plugin.ts';
import { unresolvable, unschedulable } from '../framework/status.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import { acceptsNode } from '../../api/node-selection.ts';
import type { PodShape } from '../snapshot/pod-shape.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { DomainCounts } from '../snapshot/topology.ts';
import type { Owners } from './owners.ts';
import { tolerates } from './tolerations.ts';

const name = 'PodTopologySpread';
const skewed = unschedulable(name, "node(s) didn't match pod topology spread constraints");
const unlabelled = unresolvable(name, "node(s) didn't match pod topology spread constraints (missing required label)");
const hostname = 'kubernetes.io/hostname';

/** For pods that say nothing themselves; upstream's system defaults. */
const defaults: readonly TopologySpreadConstraint[] = [
  { topologyKey: hostname, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

interface Constraint {
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly selector: LabelSelector;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
  readonly matchesItself: boolean;
  readonly counts: DomainCounts;
  /** Domains that have a node which counts; 0 elsewhere. */
  readonly eligible: Uint8Array;
  domains: number;
  /** The lowest count of an eligible domain; -1: to be found out. */
  min: number;
}

interface SpreadState {
  readonly snapshot: Snapshot;
  readonly constraints: readonly Constraint[];
  /** Nodes without all the labels take no part. */
  readonly needsAllLabels: boolean;
  /** By constraint, for the round of scores under way. */
  readonly weights: number[];
  /** Marks domains seen in a round. */
  readonly seen: readonly Uint32Array[];
  round: number;
}

export function podTopologySpread(owners: Owners): PreFilterPlugin<SpreadState> & FilterPlugin<SpreadState> & { readonly scorer: ScorePlugin<SpreadState> } {
  const stateOf = (shape: PodShape, snapshot: Snapshot, action: string): SpreadState | undefined => {
    const own = shape.spread.length > 0;
    const constraints = own ? constraintsOf(shape, snapshot, shape.spread, action) : action === 'ScheduleAnyway' ? defaultConstraints(shape, snapshot, owners) : [];
    if (constraints.length === 0) return undefined;
    const seen = constraints.map(({ counts }) => new Uint32Array(counts.counts.length));
    const state: SpreadState = { snapshot, constraints, needsAllLabels: own, weights: [], seen, round: 0 };
    for (const node of snapshot.nodes()) if (node.node) markDomains(state, shape, node);
    // Pods that are alike are looked at together: there may be thousands of controllers, and this is done for each.
    for (const other of snapshot.shapes()) {
      if (other.placed.size === 0 || !isCounted(state, shape, other)) continue;
      for (const [node, pods] of other.placed) count(state, shape, other, node, pods);
    }
    return state;
  };
  const follow = {
    podAdded: (state: SpreadState, shape: PodShape, pod: PodInfo, node: NodeInfo) => countPod(state, shape, pod, node, 1),
    podRemoved: (state: SpreadState, shape: PodShape, pod: PodInfo, node: NodeInfo) => countPod(state, shape, pod, node, -1),
  };
  return {
    name,
    requeueOn: { podAdded: sameNamespace, podUpdated: sameNamespace, podDeleted: sameNamespace, nodeAdded: true, nodeLabels: true, nodeTaints: true },
    preFilter(shape, snapshot) {
      const state = stateOf(shape, snapshot, 'DoNotSchedule');
      return state ? { kind: 'state', state } : { kind: 'skip' };
    },
    ...follow,
    filterScope: 'cluster',
    filter(state, _shape, { slot }) {
      for (const constraint of state.constraints) {
        if ((constraint.counts.topology.valueOf[slot] as number) < 0) return unlabelled;
        const here = constraint.counts.at(slot) + (constraint.matchesItself ? 1 : 0);
        if (here - lowest(constraint) > constraint.maxSkew) return skewed;
      }
      return undefined;
    },
    scorer: {
      name,
      weight: 2,
      scoreScope: 'cluster',
      preScore: (shape, snapshot) => stateOf(shape, snapshot, 'ScheduleAnyway'),
      ...follow,
      beginScores: weighDomains,
      score: scoreNode,
      normalize,
    },
  };
}

function constraintsOf(shape: PodShape, snapshot: Snapshot, specs: readonly TopologySpreadConstraint[], action: string, selector?: LabelSelector): Constraint[] {
  return specs
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action)
    .map((spec) => {
      const chosen = selector ?? withKeys(labelSelectorOf(spec.labelSelector), spec.matchLabelKeys, shape);
      const counts = new DomainCounts(snapshot.topology(spec.topologyKey));
      return {
        maxSkew: spec.maxSkew,
        minDomains: spec.minDomains ?? 1,
        selector: chosen,
        honorsAffinity: (spec.nodeAffinityPolicy ?? 'Honor') === 'Honor',
        honorsTaints: spec.nodeTaintsPolicy === 'Honor',
        matchesItself: chosen.matches(shape.labels),
        counts,
        eligible: new Uint8Array(counts.counts.length),
        domains: 0,
        min: -1,
      };
    });
}

/** Pods that are alike in these labels too. */
function withKeys(selector: LabelSelector, keys: readonly string[] | undefined, { labels }: PodShape): LabelSelector {
  const more = (keys ?? []).flatMap((key) => (labels[key] === undefined ? [] : [{ key, operator: '=' as const, values: [labels[key]] }]));
  return more.length === 0 ? selector : new LabelSelector([...selector.requirements, ...more], selector.isNothing);
}

/** The pods of the services and the controller that the pod belongs to. */
function defaultConstraints(shape: PodShape, snapshot: Snapshot, owners: Owners): Constraint[] {
  const requirements = [];
  for (const labels of owners.serviceSelectors(shape.namespace)) {
    const selector = selectorFromLabels(labels);
    if (selector.matches(shape.labels)) requirements.push(...selector.requirements);
  }
  const ofController = shape.controller && owners.controllerSelector(shape.namespace, shape.controller.kind, shape.controller.name);
  if (ofController) requirements.push(...ofController.requirements);
  if (requirements.length === 0) return [];
  return constraintsOf(shape, snapshot, defaults, 'ScheduleAnyway', new LabelSelector(requirements));
}

function includes(constraint: Constraint, shape: PodShape, node: NodeInfo): boolean {
  if (constraint.honorsAffinity && !acceptsNode(shape, node)) return false;
  return !constraint.honorsTaints || node.taints.every((taint) => tolerates(shape.tolerations, taint));
}

function hasAllLabels(state: SpreadState, slot: number): boolean {
  for (const { counts } of state.constraints) if ((counts.topology.valueOf[slot] as number) < 0) return false;
  return true;
}

function markDomains(state: SpreadState, shape: PodShape, node: NodeInfo): void {
  if (state.needsAllLabels && !hasAllLabels(state, node.slot)) return;
  for (const constraint of state.constraints) {
    const value = constraint.counts.topology.valueOf[node.slot] as number;
    if (value < 0 || constraint.eligible[value] || !includes(constraint, shape, node)) continue;
    constraint.eligible[value] = 1;
    constraint.domains++;
  }
}

function countPod(state: SpreadState, shape: PodShape, pod: PodInfo, node: NodeInfo, amount: number): void {
  if (!pod.terminating && isCounted(state, shape, pod.shape)) count(state, shape, pod.shape, node, amount);
}

/** Whether any constraint is about such pods. */
function isCounted({ constraints }: SpreadState, shape: PodShape, other: PodShape): boolean {
  return other.namespace === shape.namespace && constraints.some((constraint) => selects(constraint, other));
}

function selects({ selector }: Constraint, { labels }: PodShape): boolean {
  return !selector.isEmpty && selector.matches(labels);
}

/** `amount` pods of the shape `other`, in the same namespace, on a node. */
function count(state: SpreadState, shape: PodShape, other: PodShape, node: NodeInfo, amount: number): void {
  if (!node.node || (state.needsAllLabels && !hasAllLabels(state, node.slot))) return;
  for (const constraint of state.constraints) {
    if (!selects(constraint, other)) continue;
    if (!includes(constraint, shape, node)) continue;
    constraint.counts.add(node.slot, amount);
    constraint.min = -1;
  }
}

function lowest(constraint: Constraint): number {
  if (constraint.min < 0) {
    let min = Infinity;
    const { counts } = constraint.counts;
    for (let value = 0; value < counts.length; value++) {
      if (constraint.eligible[value] && (counts[value] as number) < min) min = counts[value] as number;
    }
    constraint.min = constraint.domains < constraint.minDomains ? 0 : min === Infinity ? Number.MAX_SAFE_INTEGER : min;
  }
  return constraint.min;
}

/** A domain among few weighs less than one among many: ln(domains + 2), of the domains of the nodes in question. */
function weighDomains(state: SpreadState, slots: Int32Array, length: number): void {
  const round = ++state.round;
  for (const [index, { counts }] of state.constraints.entries()) {
    const { key, valueOf } = counts.topology;
    const seen = state.seen[index] as Uint32Array;
    let domains = 0;
    let withoutLabel = 0;
    for (let i = 0; i < length; i++) {
      const slot = slots[i] as number;
      if (state.needsAllLabels && !hasAllLabels(state, slot)) continue;
      const value = valueOf[slot] as number;
      if (key === hostname) domains++;
      else if (value < 0) withoutLabel = 1;
      else if (seen[value] !== round) {
        seen[value] = round;
        domains++;
      }
    }
    state.weights[index] = Math.log(domains + withoutLabel + 2);
  }
}

/** Marks a node that takes no part, until the scores are brought to their range. */
const ignored = -1;

function scoreNode(state: SpreadState, _shape: PodShape, { slot }: NodeInfo): number {
  if (state.needsAllLabels && !hasAllLabels(state, slot)) return ignored;
  let score = 0;
  const { constraints, weights } = state;
  for (let index = 0; index < constraints.length; index++) {
    const { counts, maxSkew } = constraints[index] as Constraint;
    const value = counts.topology.valueOf[slot] as number;
    if (value >= 0) score += (counts.counts[value] as number) * (weights[index] as number) + (maxSkew - 1);
  }
  return Math.round(score);
}

/** The fewer pods there are, the better. */
function normalize(_state: SpreadState, scores: Float64Array, length: number): void {
  let min = Infinity;
  let max = 0;
  for (let i = 0; i < length; i++) {
    const score = scores[i] as number;
    if (score === ignored) continue;
    if (score < min) min = score;
    if (score > max) max = score;
  }
  for (let i = 0; i < length; i++) {
    const score = scores[i] as number;
    if (score === ignored) scores[i] = 0;
    else scores[i] = max === 0 ? scoreMax : Math.trunc((scoreMax * (max + min - score)) / max);
  }
}

function sameNamespace(_waiting: unknown, { shape }: PodInfo, event: ClusterEvent): boolean {
  return !('pod' in event) || event.pod.shape.namespace === shape.namespace;
}
