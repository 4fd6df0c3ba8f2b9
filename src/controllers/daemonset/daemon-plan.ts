/**
 * What a DaemonSet does next. First every node gets one pod and loses what it
 * has beyond (two are allowed while an update surges); when all nodes are in
 * order, the next pods of the old revision are replaced. Pure.
 */
import type { DaemonSet } from '../../api/types/apps-v1.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { scaledValue } from '../runtime/int-or-percent.ts';
import { isAvailable, isReady, isTerminal } from '../runtime/pod-state.ts';
import { revisionHashLabel } from '../runtime/revisions.ts';
import { fitOf, type NodeFit } from './node-fit.ts';

/** What a round orders. */
export interface DaemonPlan {
  /** The nodes that get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
}

export interface DaemonInput {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  /** By node. */
  readonly pods: ReadonlyMap<string, readonly Pod[]>;
  readonly hash: string;
  readonly nowMs: number;
  /** A failed pod of the node stays for a while, lest it fails over and over. */
  readonly heldBack: (node: string) => boolean;
}

interface Round extends DaemonInput {
  readonly surge: number;
  readonly unavailable: number;
  /** Nodes that should run a pod. */
  readonly desired: number;
  readonly fits: ReadonlyMap<string, NodeFit>;
}

const noFit: NodeFit = { shouldRun: false, mayContinue: false };

/** The node that a pod is on, or made for. */
export function nodeOfDaemonPod({ spec }: Pod): string {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return spec.nodeName ?? terms?.[0]?.matchFields?.find(({ key }) => key === 'metadata.name')?.values?.[0] ?? '';
}

export function planDaemons(input: DaemonInput): DaemonPlan {
  const { set } = input;
  const template = set.spec?.template.spec ?? { containers: [] };
  const fits = new Map(input.nodes.map((node) => [node.metadata.name ?? '', fitOf(template, node)]));
  const desired = [...fits.values()].filter(({ shouldRun }) => shouldRun).length;
  const rolling = set.spec?.updateStrategy?.type !== 'OnDelete';
  const { maxSurge = 0, maxUnavailable = 1 } = rolling ? (set.spec?.updateStrategy?.rollingUpdate ?? {}) : {};
  const surge = scaledValue(maxSurge, desired, true);
  const unavailable = scaledValue(maxUnavailable, desired, true);
  const round: Round = { ...input, fits, desired, surge, unavailable: desired > 0 && surge === 0 && unavailable === 0 ? 1 : unavailable };
  const plan = manage(round);
  if (!rolling || plan.create.length > 0 || plan.remove.length > 0) return plan;
  return surge > 0 ? rollSurging(round) : rollInPlace(round);
}

export function byAge(a: Pod, b: Pod): number {
  return Number(!a.spec.nodeName) - Number(!b.spec.nodeName) || ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1);
}

function manage(round: Round): DaemonPlan {
  const { pods, fits, surge, heldBack } = round;
  const create: string[] = [];
  const remove: Pod[] = [];
  for (const [name, { shouldRun, mayContinue }] of fits) {
    const here = pods.get(name) ?? [];
    if (shouldRun && here.length === 0) create.push(name);
    const staying = here.filter(({ metadata }) => !metadata.deletionTimestamp);
    if (!mayContinue) {
      remove.push(...staying);
      continue;
    }
    // A daemon that ended is replaced: its pod goes first, the next round makes another.
    remove.push(...staying.filter((pod) => pod.status?.phase === 'Succeeded' || (pod.status?.phase === 'Failed' && !heldBack(name))));
    const live = staying.filter((pod) => !isTerminal(pod)).toSorted(byAge);
    if (surge === 0) remove.push(...live.slice(1));
    else if (live.length > 1) remove.push(...beyondSurge(live, round));
    else if (live.length === 0 && shouldRun && here.length > 0) create.push(name);
  }
  // Of nodes that are gone podgc deletes what was assigned, we what was not.
  for (const [name, here] of pods) if (!fits.has(name)) remove.push(...here.filter(({ spec, metadata }) => !spec.nodeName && !metadata.deletionTimestamp));
  return { create, remove };
}

/** One of each revision may be there: the old one while it serves and the new one does not. */
function beyondSurge(live: readonly Pod[], { set, hash, nowMs }: Round): Pod[] {
  const [[fresh, ...moreFresh], [old, ...moreOld]] = split(live, hash);
  const surplus = [...moreFresh, ...moreOld];
  if (fresh && old && (!isReady(old) || isAvailable(fresh, set.spec?.minReadySeconds ?? 0, nowMs))) surplus.push(old);
  return surplus;
}

function split(pods: readonly Pod[], hash: string): [fresh: Pod[], old: Pod[]] {
  const isFresh = ({ metadata }: Pod) => metadata.labels?.[revisionHashLabel] === hash;
  return [pods.filter(isFresh), pods.filter((pod) => !isFresh(pod))];
}

/** The state of an update on a node; undefined where there are too many pods to say. */
interface Updating {
  readonly name: string;
  readonly fresh: Pod | undefined;
  readonly old: Pod | undefined;
  readonly odd: boolean;
}

function updatingNodes({ pods, fits, hash }: Round): Updating[] {
  const names = new Set([...pods.keys(), ...[...fits].filter(([, { shouldRun }]) => shouldRun).map(([name]) => name)]);
  return [...names].map((name) => {
    const [fresh, old] = split((pods.get(name) ?? []).filter(({ metadata }) => !metadata.deletionTimestamp), hash);
    return { name, fresh: fresh[0], old: old[0], odd: fresh.length > 1 || old.length > 1 };
  });
}

/** Old pods that serve nothing go at once; of the others as many as may be missing. */
function rollInPlace(round: Round): DaemonPlan {
  const { set, unavailable: unavailableMax, nowMs } = round;
  const serves = (pod: Pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);
  const idle: Pod[] = [];
  const candidates: Pod[] = [];
  let unavailable = 0;
  for (const { fresh, old, odd } of updatingNodes(round)) {
    if (odd || !fresh === !old) unavailable++;
    else if (fresh) unavailable += serves(fresh) ? 0 : 1;
    else if (old && serves(old)) candidates.push(old);
    else if (old) {
      idle.push(old);
      unavailable++;
    }
  }
  return { create: [], remove: [...idle, ...candidates.slice(0, Math.max(0, unavailableMax - unavailable))] };
}

/** New pods come beside old ones that serve, as many as may surge; an old one goes when its successor serves. */
function rollSurging(round: Round): DaemonPlan {
  const { set, surge, desired, fits, nowMs } = round;
  const serves = (pod: Pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);
  const remove: Pod[] = [];
  const unwanted: Pod[] = [];
  const replace: string[] = [];
  const candidates: string[] = [];
  let surging = 0;
  let available = 0;
  for (const { name, fresh, old, odd } of updatingNodes(round)) {
    if (odd) {
      surging++;
      continue;
    }
    const serving = old ?? fresh;
    if (serving && serves(serving)) available++;
    if (!old) continue;
    if (fresh) {
      if (serves(fresh)) remove.push(old);
      else surging++;
      continue;
    }
    const { shouldRun } = fits.get(name) ?? noFit;
    if (!shouldRun) (serves(old) ? unwanted : remove).push(old);
    else (serves(old) ? candidates : replace).push(name);
  }
  // Pods that the nodes no longer want go only as others serve in their place.
  remove.push(...unwanted.slice(0, Math.max(0, available - desired)));
  return { create: [...replace, ...candidates.slice(0, Math.max(0, surge - surging))], remove };
}
