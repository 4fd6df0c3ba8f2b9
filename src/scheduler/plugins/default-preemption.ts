/**
 * DefaultPreemption: finds a node on which a pod would fit if pods of lower
 * priority left, chooses the node where that hurts least, and makes them leave.
 *
 * A try removes pods from the snapshot and puts them back: a scheduling cycle is
 * never interrupted, so nobody sees the state in between.
 */
import { formatTime } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import { labelSelectorOf } from '../../api/selectors/label-selector.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts';
import { isNotFound } from '../../client/failure.ts';
import type { Equivalence, EquivalenceCache } from '../framework/equivalence.ts';
import { FitError } from '../framework/fit-error.ts';
import type { PostFilterOutcome, PostFilterPlugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import type { Status } from '../framework/status.ts';
import type { Nominator } from '../queue/nominator.ts';
import type { ScheduleOne } from '../schedule-one.ts';
import type { SchedulerApi } from '../scheduler-api.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

export interface PreemptionOptions {
  readonly snapshot: Snapshot;
  readonly equivalences: EquivalenceCache;
  readonly cycle: () => ScheduleOne;
  readonly nominator: Nominator;
  readonly api: SchedulerApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  budgets(): Iterable<PodDisruptionBudget>;
  /** The pod was promised a node and no longer is. */
  onDemoted(pod: PodInfo): void;
}

interface Candidate {
  readonly node: NodeInfo;
  /** The most important first. */
  readonly victims: readonly PodInfo[];
  readonly violations: number;
}

const name = 'DefaultPreemption';
const noVictims = unresolvable(name, 'No preemption victims found for incoming pod');
const notHelpful = unresolvable(name, 'Preemption is not helpful for scheduling');
const candidatesPercentage = 10;
const candidatesMin = 100;

export function defaultPreemption(options: PreemptionOptions): PostFilterPlugin {
  return {
    name,
    postFilter(pod, error) {
      const outcome = preempt(options, pod, error);
      return outcome.message === '' ? outcome : { ...outcome, message: `preemption: ${outcome.message}` };
    },
  };
}

function preempt(options: PreemptionOptions, pod: PodInfo, error: FitError): PostFilterOutcome {
  const { snapshot } = options;
  const ineligible = whyNotEligible(snapshot, pod, error);
  if (ineligible) return { nominatedNode: undefined, message: ineligible };
  const statuses = new Map<string, Status>();
  const candidates = findCandidates(options, pod, error, statuses);
  const best = choose(candidates);
  if (!best) {
    const failed = new FitError(snapshot.nodeCount, { nodes: statuses, others: notHelpful });
    return { nominatedNode: '', message: failed.message };
  }
  for (const demoted of options.nominator.lowerOn(best.node.name, pod.shape.priority)) options.onDemoted(demoted);
  for (const victim of best.victims) void evict(options, pod, victim, best.node.name);
  return { nominatedNode: best.node.name, message: '' };
}

/** The text for the user, or undefined. */
function whyNotEligible(snapshot: Snapshot, pod: PodInfo, error: FitError): string | undefined {
  if (pod.shape.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const nominated = pod.pod.status?.nominatedNodeName;
  if (!nominated || error.statusOf(nominated)?.code === 'unresolvable') return undefined;
  for (const other of snapshot.node(nominated)?.pods.values() ?? []) {
    if (other.shape.priority < pod.shape.priority && isBeingPreempted(other)) return 'not eligible due to a terminating pod on the nominated node.';
  }
  return undefined;
}

function isBeingPreempted({ pod, terminating }: PodInfo): boolean {
  if (!terminating) return false;
  const target = pod.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  return target?.status === 'True' && target.reason === 'PreemptionByScheduler';
}

function findCandidates(options: PreemptionOptions, pod: PodInfo, error: FitError, statuses: Map<string, Status>): Candidate[] {
  const { snapshot, random, equivalences } = options;
  const potential: NodeInfo[] = [];
  for (const slot of snapshot.order) {
    const node = snapshot.at(slot);
    if (error.statusOf(node.name)?.code === 'unschedulable') potential.push(node);
  }
  if (potential.length === 0) return [];
  const wanted = Math.min(potential.length, Math.max(candidatesMin, Math.trunc((potential.length * candidatesPercentage) / 100)));
  const offset = random.below(potential.length);
  const equivalence = equivalences.get(pod.shape);
  const budgets = [...options.budgets()].map((budget) => ({ budget, selector: labelSelectorOf(budget.spec?.selector) }));
  const candidates: Candidate[] = [];
  let harmless = 0;
  for (let i = 0; i < potential.length; i++) {
    const node = potential[(offset + i) % potential.length] as NodeInfo;
    const found = tryNode(options, equivalence, pod, node, budgets);
    if ('code' in found) {
      statuses.set(node.name, found);
      continue;
    }
    candidates.push(found);
    if (found.violations === 0) harmless++;
    if (harmless > 0 && candidates.length >= wanted) break;
  }
  return candidates;
}

type Budgets = readonly { readonly budget: PodDisruptionBudget; readonly selector: ReturnType<typeof labelSelectorOf> }[];

/** Removes all that may go, then lets back whom it can, the important first, those protected by a budget before the others. */
function tryNode(options: PreemptionOptions, equivalence: Equivalence, pod: PodInfo, node: NodeInfo, budgets: Budgets): Candidate | Status {
  const { snapshot } = options;
  const removable = [...node.pods.values()].filter((other) => other.shape.priority < pod.shape.priority);
  if (removable.length === 0) return noVictims;
  removable.sort(byImportance);
  const removed = new Set(removable);
  const fits = () => {
    equivalence.catchUp();
    return options.cycle().fits(equivalence, pod, node);
  };
  for (const other of removable) snapshot.removePod(other, node.name);
  const status = fits();
  let violations = 0;
  if (!status) {
    const [protectedOnes, others] = splitByBudgets(removable, budgets);
    for (const [index, list] of [protectedOnes, others].entries()) {
      for (const other of list) {
        snapshot.addPod(other, node.name);
        removed.delete(other);
        if (!fits()) continue;
        snapshot.removePod(other, node.name);
        removed.add(other);
        if (index === 0) violations++;
      }
    }
  }
  for (const other of removed) snapshot.addPod(other, node.name);
  equivalence.catchUp();
  return status ?? { node, victims: removable.filter((other) => removed.has(other)), violations };
}

/** Higher priority first, then who runs longer. */
function byImportance(a: PodInfo, b: PodInfo): number {
  return b.shape.priority - a.shape.priority || startOf(a) - startOf(b);
}

function startOf({ pod }: PodInfo): number {
  const start = pod.status?.startTime;
  return start ? Date.parse(start) : Infinity;
}

/** Those whose going would break a budget, and the others; both in the order given. */
function splitByBudgets(pods: readonly PodInfo[], budgets: Budgets): [PodInfo[], PodInfo[]] {
  const allowed = budgets.map(({ budget }) => budget.status?.disruptionsAllowed ?? 0);
  const protectedOnes: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const pod of pods) {
    let violates = false;
    for (const [index, { budget, selector }] of budgets.entries()) {
      const { metadata } = pod.pod;
      if (budget.metadata.namespace !== metadata.namespace || selector.isEmpty || !selector.matches(metadata.labels)) continue;
      if (budget.status?.disruptedPods?.[metadata.name ?? ''] !== undefined) continue;
      allowed[index] = (allowed[index] as number) - 1;
      if ((allowed[index] as number) < 0) violates = true;
    }
    (violates ? protectedOnes : others).push(pod);
  }
  return [protectedOnes, others];
}

/** What hurts least, the first difference deciding. Lower is better. */
const costs: readonly ((candidate: Candidate) => number)[] = [
  ({ violations }) => violations,
  ({ victims }) => victims[0]?.shape.priority ?? -Infinity,
  // Shifted, so that negative priorities do not make many victims look cheap.
  ({ victims }) => victims.reduce((sum, { shape }) => sum + shape.priority + 2 ** 31, 0),
  ({ victims }) => victims.length,
  // Who has run for the shortest time loses the least.
  ({ victims }) => -Math.min(...victims.filter(({ shape }) => shape.priority === victims[0]?.shape.priority).map(startOf)),
];

function choose(candidates: readonly Candidate[]): Candidate | undefined {
  let left = candidates;
  for (const cost of costs) {
    if (left.length <= 1) break;
    const values = left.map(cost);
    const min = values.reduce((a, b) => Math.min(a, b), Infinity);
    left = left.filter((_, index) => values[index] === min);
  }
  return left[0];
}

async function evict({ api, clock, logger }: PreemptionOptions, preemptor: PodInfo, victim: PodInfo, nodeName: string): Promise<void> {
  const { pod } = victim;
  try {
    await api.patchPodStatus(pod, { conditions: [disruptionTarget(pod, preemptor.pod.spec.schedulerName ?? 'default-scheduler', clock)] });
    await api.deletePod(pod);
  } catch (error) {
    if (!isNotFound(error)) logger.warn('preempting a pod failed', { pod: pod.metadata.name, error });
    return;
  }
  api.record(pod, 'Normal', 'Preempted', `Preempted by pod ${preemptor.uid} on node ${nodeName}`);
}

function disruptionTarget({ metadata }: Pod, schedulerName: string, clock: Clock): object {
  return {
    type: 'DisruptionTarget',
    status: 'True',
    ...(metadata.generation ? { observedGeneration: metadata.generation } : {}),
    reason: 'PreemptionByScheduler',
    message: `${schedulerName}: preempting to accommodate a higher priority pod`,
    lastTransitionTime: formatTime(clock.now()),
  };
}
