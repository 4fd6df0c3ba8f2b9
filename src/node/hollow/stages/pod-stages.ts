/**
 * The stages of a node's pods: which is due, and what is held back until then.
 * The node observes each pod with its status of the moment. While a stage is due
 * for a pod, what the kubelet asks for (a sandbox, a container, its stop) waits;
 * when its time has come, what it says happens (pod-stage.ts). What no stage
 * says anything of goes by the behaviours.
 *
 * A stage that has been taken is not taken again until the pod has changed.
 */
import { isDeepStrictEqual } from 'node:util';
import { formatTime } from '../../../base/clock.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Random } from '../../../base/random.ts';
import type { Pod, PodCondition } from '../../../api/types/core-v1.ts';
import { fillStatus, pickStage, type PodStage, type StagedContainer, type StagedStatus, type StageStep } from './pod-stage.ts';

export interface StageActions {
  /** A container hears what a stage says of it; false where there is none that could do it now. */
  enact(podUid: string, said: StagedContainer): boolean;
  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** What the kubelet does not own of a pod, written under its node's identity. */
  writeConditions(pod: Pod, conditions: readonly PodCondition[]): void;
  writeFinalizers(pod: Pod, finalizers: readonly string[]): void;
  deletePod(pod: Pod): void;
}

export interface PodStagesOptions {
  readonly stages: readonly PodStage[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly actions: StageActions;
}

interface Waiter {
  /** Undefined: the sandbox. */
  readonly container: string | undefined;
  readonly resolve: () => void;
}

interface StagedPod {
  /** Undefined until it has been observed. */
  pod: Pod | undefined;
  due: { readonly stage: PodStage; readonly timer: Timer } | undefined;
  /** Since the pod last changed. */
  readonly taken: Set<PodStage>;
  hasAddress: boolean;
  readonly said: Map<string, StagedContainer>;
  waiters: Waiter[];
}

const ownedByKubelet = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']);

export class PodStages {
  readonly #options: PodStagesOptions;
  readonly #pods = new Map<string, StagedPod>();

  constructor(options: PodStagesOptions) {
    this.#options = options;
  }

  /** The pod with its status as it is now; nothing once it is forgotten. */
  observe(podUid: string, pod: Pod | undefined): void {
    const staged = this.#of(podUid);
    if (!pod) {
      staged.due?.timer.cancel();
      this.#pods.delete(podUid);
      for (const { resolve } of staged.waiters) resolve();
      return;
    }
    if (staged.pod && !hasChanged(staged.pod, pod)) return;
    staged.pod = pod;
    staged.taken.clear();
    this.#choose(staged, pod);
  }

  /** Resolves when no stage is due, or one has said that it may be. */
  turn(podUid: string, container: string | undefined): Promise<void> {
    const staged = this.#of(podUid);
    if (this.#isFree(staged, container)) return Promise.resolve();
    return new Promise((resolve) => staged.waiters.push({ container, resolve }));
  }

  /** What has been said of a container; an end is heard only once, or it could never run again. */
  said(podUid: string, container: string): StagedContainer | undefined {
    const staged = this.#of(podUid);
    const said = staged.said.get(container);
    if (said?.state?.terminated) staged.said.delete(container);
    return said;
  }

  #of(podUid: string): StagedPod {
    let staged = this.#pods.get(podUid);
    if (!staged) this.#pods.set(podUid, (staged = { pod: undefined, due: undefined, taken: new Set(), hasAddress: false, said: new Map(), waiters: [] }));
    return staged;
  }

  #choose(staged: StagedPod, pod: Pod): void {
    const { stages, clock, random } = this.#options;
    const candidates = stages.filter((stage) => !staged.taken.has(stage) && stage.matches(pod));
    if (staged.due && candidates.includes(staged.due.stage)) return;
    staged.due?.timer.cancel();
    const stage = pickStage(candidates, pod, random);
    staged.due = stage && { stage, timer: clock.after(stage.delay(pod, random, clock.now()), () => this.#take(staged, stage)) };
    this.#release(staged);
  }

  #take(staged: StagedPod, stage: PodStage): void {
    const pod = staged.pod;
    if (!pod) return;
    staged.due = undefined;
    staged.taken.add(stage);
    try {
      for (const step of stage.steps) this.#step(staged, pod, step);
    } catch (error) {
      this.#options.logger.warn('a stage failed', { stage: stage.name, pod: pod.metadata.name, error });
    }
    // What it led to may have been observed meanwhile, and another stage be due.
    if (!staged.due && staged.pod) this.#choose(staged, staged.pod);
    this.#release(staged);
  }

  #step(staged: StagedPod, pod: Pod, step: StageStep): void {
    const { actions } = this.#options;
    if (step.event) actions.record(pod, step.event.type, step.event.reason, step.event.message);
    if (step.finalizers) {
      const before = pod.metadata.finalizers ?? [];
      const { add, remove, empty } = step.finalizers;
      const after = [...new Set([...(empty ? [] : before.filter((one) => !remove.includes(one))), ...add])];
      if (!isDeepStrictEqual(before, after)) actions.writeFinalizers(pod, after);
    }
    if (step.status) this.#enact(staged, pod, fillStatus(step.status, pod, this.#functions(pod)));
    // A pod that is on its way out goes by itself, once its containers have stopped.
    if (step.delete && !pod.metadata.deletionTimestamp) actions.deletePod(pod);
  }

  #enact(staged: StagedPod, pod: Pod, status: StagedStatus): void {
    const { actions } = this.#options;
    const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    if (status.podIP || containers.some(({ state }) => state?.running || state?.terminated)) staged.hasAddress = true;
    const foreign = (status.conditions ?? []).filter(({ type }) => !ownedByKubelet.has(type));
    if (foreign.length > 0) actions.writeConditions(pod, foreign);
    for (const said of containers) {
      if (!isTelling(said)) continue;
      const done = actions.enact(pod.metadata.uid ?? '', said);
      if (done && said.state?.terminated) staged.said.delete(said.name);
      else staged.said.set(said.name, said);
    }
  }

  #functions(pod: Pod) {
    const { clock } = this.#options;
    const { hostIP = '', podIP = '' } = pod.status ?? {};
    // A pod whose sandbox is held back has no address yet; templates only ask whether there will be one.
    const ip = podIP || 'pending';
    return {
      Now: () => formatTime(clock.now()),
      StartTime: () => formatTime(clock.now()),
      Version: () => 'coxswain',
      NodeIP: () => hostIP,
      NodeIPWith: () => hostIP,
      NodeIPsWith: () => [hostIP],
      PodIP: () => ip,
      PodIPWith: () => ip,
      PodIPsWith: () => [ip],
    };
  }

  #release(staged: StagedPod): void {
    const waiting: Waiter[] = [];
    for (const waiter of staged.waiters) if (this.#isFree(staged, waiter.container)) waiter.resolve();
      else waiting.push(waiter);
    staged.waiters = waiting;
  }

  #isFree(staged: StagedPod, container: string | undefined): boolean {
    if (staged.pod && !staged.due) return true;
    return container === undefined ? staged.hasAddress : staged.said.has(container);
  }
}

/** Being made is what it is anyway. */
function isTelling({ state, ready }: StagedContainer): boolean {
  if (state?.running || state?.terminated) return true;
  const reason = state?.waiting?.reason;
  return reason === undefined ? ready !== undefined && !state?.waiting : reason !== 'ContainerCreating' && reason !== 'PodInitializing';
}

function hasChanged(before: Pod, after: Pod): boolean {
  return !isDeepStrictEqual(before.status, after.status) || !isDeepStrictEqual(essence(before), essence(after));
}

function essence({ metadata }: Pod): object {
  const { labels, annotations, finalizers, deletionTimestamp, ownerReferences, generation } = metadata;
  return { labels, annotations, finalizers, deletionTimestamp, ownerReferences, generation };
}
