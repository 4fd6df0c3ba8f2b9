/**
 * What a pod's containers need next: a pure function of the pod's spec and what
 * runs. The worker carries the plan out and asks again after every change, so
 * nothing here remembers anything but the back-off it is handed.
 *
 * The order is upstream's (kuberuntime computePodActions): init containers one
 * after the other, a sidecar counting as done once it has started; then all
 * containers at once. Restarts back off from 10 s, doubling up to 5 min.
 */
import type { Container, Pod } from '../../api/types/core-v1.ts';
import type { ContainerKind, RuntimeContainer, RuntimePod } from './runtime.ts';
import { kindOfInit, latestContainer } from './runtime.ts';

export interface ContainerStart {
  readonly container: Container;
  readonly kind: ContainerKind;
  readonly attempt: number;
  /** It ran for long: its back-off begins anew with this attempt. */
  readonly forgiven?: boolean;
}

export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
}

export interface ContainerPlan {
  readonly start: readonly ContainerStart[];
  /** Why containers wait that could run but for their back-off. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /** When a back-off ends and the plan should be made again. */
  readonly wakeAtMs: number | undefined;
  /** Nothing is left to run or restart: the pod has ended. */
  readonly ended: boolean;
  /** A container has ended in a way after which all are to be stopped, removed and started anew. */
  readonly restartAll: boolean;
}

export interface PlanInput {
  readonly pod: Pod;
  readonly view: RuntimePod | undefined;
  readonly nowMs: number;
  readonly facts: ContainerFacts;
}

/** What is known of a pod's containers beyond what the runtime says. */
export interface ContainerFacts {
  /** The attempt from which on the container's restarts count; 0 at first. */
  backoffSince(container: string): number;
  /** Whether it was made, and nobody is about to start it any more. */
  isAbandoned(container: RuntimeContainer): boolean;
  /** Whether it was stopped only to run again. */
  isToRestart(container: RuntimeContainer): boolean;
  /** Whether a running container's startup probe, if it has one, has succeeded. */
  hasStarted(container: RuntimeContainer): boolean;
}

export const backoffFirstMs = 10_000;
export const backoffMaxMs = 300_000;
/** A container that ran this long is restarted as if it had never failed. */
const backoffForgottenMs = 600_000;
const restartAllContainers = 'RestartAllContainers';

/** How long restart number `attempt` (1 is the first) waits after the container's end: at once, 10 s, 20 s, ... */
export function restartDelayMs(attempt: number): number {
  return attempt <= 1 ? 0 : Math.min(backoffFirstMs * 2 ** Math.min(attempt - 2, 10), backoffMaxMs);
}

/** Whether a container that ended with `exitCode` runs again, by its own rules, its own policy or the pod's. */
export function shouldRestart(pod: Pod, container: Container, kind: ContainerKind, exitCode: number): boolean {
  if (kind === 'ephemeral') return false;
  if (ruledAction(container, exitCode) !== undefined) return true;
  const podPolicy = pod.spec.restartPolicy ?? 'Always';
  const policy = container.restartPolicy ?? podPolicy;
  if (kind === 'init') return exitCode !== 0 && policy !== 'Never';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** `Restart` or `RestartAllContainers`, where a rule of the container covers its end. */
function ruledAction(container: Container, exitCode: number): string | undefined {
  for (const { action, exitCodes } of container.restartPolicyRules ?? []) {
    const listed = exitCodes?.values?.includes(exitCode) ?? false;
    if (exitCodes?.operator === 'In' ? listed : exitCodes?.operator === 'NotIn' && !listed) return action;
  }
  return undefined;
}

interface Planning {
  readonly start: ContainerStart[];
  readonly waiting: Map<string, WaitingReason>;
  wakeAtMs: number | undefined;
}

export function planContainers(input: PlanInput): ContainerPlan {
  const { pod, view } = input;
  const plan: Planning = { start: [], waiting: new Map(), wakeAtMs: undefined };
  const result = (ended: boolean): ContainerPlan => ({ ...plan, ended, restartAll: false });
  if (mayRestartAll(pod) && allRestart(pod, view)) return { ...plan, ended: false, restartAll: true };
  for (const container of pod.spec.ephemeralContainers ?? []) if (!latestContainer(view, container.name)) plan.start.push({ container, kind: 'ephemeral', attempt: 0 });
  const mains = pod.spec.containers;
  // A pod whose containers have run is initialized for as long as its sandbox lives; only its sidecars may need to run again.
  const initialized = mains.some((container) => isCurrent(view, latestContainer(view, container.name)));
  for (const container of pod.spec.initContainers ?? []) {
    const kind = kindOfInit(container);
    const latest = latestContainer(view, container.name);
    const current = isCurrent(view, latest) ? latest : undefined;
    if (kind === 'sidecar') {
      if (!isAlive(input, current)) startOrWait(input, plan, container, kind, latest);
      if (!initialized && !(current?.state === 'running' && input.facts.hasStarted(current))) return result(false);
      continue;
    }
    if (initialized) continue;
    if (current?.state === 'exited' && current.exitCode === 0) continue;
    if (current?.state === 'exited' && !shouldRestart(pod, container, kind, current.exitCode)) return result(true);
    if (current?.state !== 'unknown' && !isAlive(input, current)) startOrWait(input, plan, container, kind, latest);
    return result(false);
  }
  return planMains(input, plan) ? { start: [], waiting: new Map(), wakeAtMs: undefined, ended: true, restartAll: false } : result(false);
}

/** Whether all of them have ended for good. */
function planMains(input: PlanInput, plan: Planning): boolean {
  const { pod, view } = input;
  let ended = true;
  for (const container of pod.spec.containers) {
    const latest = latestContainer(view, container.name);
    const current = isCurrent(view, latest);
    if (current && isAlive(input, latest)) {
      ended = false;
      continue;
    }
    // One of a sandbox before has not ended by itself, unless it says so.
    if (latest && latest.state !== 'created' && (current || latest.exitCode === 0) && !input.facts.isToRestart(latest) && !shouldRestart(pod, container, 'main', latest.exitCode)) continue;
    ended = false;
    startOrWait(input, plan, container, 'main', latest);
  }
  return ended;
}

/** It runs, or is about to. */
function isAlive(input: PlanInput, container: RuntimeContainer | undefined): boolean {
  return container?.state === 'running' || (container?.state === 'created' && !input.facts.isAbandoned(container));
}

function isCurrent(view: RuntimePod | undefined, container: RuntimeContainer | undefined): boolean {
  return container !== undefined && (container.sandboxId === undefined || container.sandboxId === view?.sandbox?.id);
}

function mayRestartAll({ spec }: Pod): boolean {
  const has = ({ restartPolicyRules }: Container) => restartPolicyRules?.some(({ action }) => action === restartAllContainers) ?? false;
  return spec.containers.some(has) || (spec.initContainers?.some(has) ?? false);
}

function allRestart({ spec }: Pod, view: RuntimePod | undefined): boolean {
  return [...(spec.initContainers ?? []), ...spec.containers].some((container) => {
    const latest = latestContainer(view, container.name);
    return latest?.state === 'exited' && isCurrent(view, latest) && ruledAction(container, latest.exitCode) === restartAllContainers;
  });
}

/** What has been reported of a container that the runtime does not know any more counts on. */
function firstAttempt({ status }: Pod, name: string): number {
  const reported = status?.containerStatuses?.find((one) => one.name === name) ?? status?.initContainerStatuses?.find((one) => one.name === name);
  return reported?.containerID ? reported.restartCount + 1 : 0;
}

function startOrWait(input: PlanInput, plan: Planning, container: Container, kind: ContainerKind, latest: RuntimeContainer | undefined): void {
  const { pod } = input;
  const attempt = latest === undefined ? firstAttempt(pod, container.name) : latest.attempt + 1;
  if (latest !== undefined) {
    const ranLong = latest.finishedAtMs - latest.startedAtMs >= backoffForgottenMs;
    const delayMs = ranLong ? 0 : restartDelayMs(attempt - input.facts.backoffSince(container.name));
    const readyAtMs = latest.finishedAtMs + delayMs;
    if (readyAtMs > input.nowMs) {
      plan.wakeAtMs = Math.min(plan.wakeAtMs ?? Infinity, readyAtMs);
      const of = `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
      plan.waiting.set(container.name, {
        reason: 'CrashLoopBackOff',
        message: `back-off ${durationText(delayMs)} restarting failed container=${container.name} pod=${of}`,
      });
      return;
    }
    if (ranLong) {
      plan.start.push({ container, kind, attempt, forgiven: true });
      return;
    }
  }
  plan.start.push({ container, kind, attempt });
}

/** As Go prints a duration of whole seconds: `10s`, `1m20s`, `5m0s`. */
function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
