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
}

export interface PlanInput {
  readonly pod: Pod;
  readonly view: RuntimePod | undefined;
  readonly nowMs: number;
  /** Whether a running container's startup probe, if it has one, has succeeded. */
  hasStarted(container: RuntimeContainer): boolean;
}

export const backoffFirstMs = 10_000;
export const backoffMaxMs = 300_000;
/** A container that ran this long is restarted as if it had never failed. */
const backoffForgottenMs = 600_000;

/** How long restart number `attempt` (1 is the first) waits after the container's end: at once, 10 s, 20 s, ... */
export function restartDelayMs(attempt: number): number {
  return attempt <= 1 ? 0 : Math.min(backoffFirstMs * 2 ** Math.min(attempt - 2, 10), backoffMaxMs);
}

/** Whether a container that ended with `exitCode` runs again, by its own rules, its own policy or the pod's. */
export function shouldRestart(pod: Pod, container: Container, kind: ContainerKind, exitCode: number): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    const codes = rule.exitCodes;
    if (!codes) continue;
    const listed = codes.values?.includes(exitCode) ?? false;
    if (codes.operator === 'In' ? listed : codes.operator === 'NotIn' && !listed) return rule.action === 'Restart';
  }
  const podPolicy = pod.spec.restartPolicy ?? 'Always';
  const policy = container.restartPolicy ?? podPolicy;
  if (kind === 'init') return exitCode !== 0 && policy !== 'Never';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

interface Planning {
  readonly start: ContainerStart[];
  readonly waiting: Map<string, WaitingReason>;
  wakeAtMs: number | undefined;
}

export function planContainers(input: PlanInput): ContainerPlan {
  const { pod, view } = input;
  const plan: Planning = { start: [], waiting: new Map(), wakeAtMs: undefined };
  const result = (ended: boolean): ContainerPlan => ({ ...plan, ended });
  const mains = pod.spec.containers;
  // A pod whose containers have run is initialized for good; only its sidecars may need to run again.
  const initialized = mains.some((container) => latestContainer(view, container.name) !== undefined);
  for (const container of pod.spec.initContainers ?? []) {
    const kind = kindOfInit(container);
    const latest = latestContainer(view, container.name);
    if (kind === 'sidecar') {
      if (latest?.state !== 'running' && latest?.state !== 'created') startOrWait(input, plan, container, kind, latest);
      if (!initialized && !(latest?.state === 'running' && input.hasStarted(latest))) return result(false);
      continue;
    }
    if (initialized) continue;
    if (latest?.state === 'exited' && latest.exitCode === 0) continue;
    if (latest?.state === 'exited' && !shouldRestart(pod, container, kind, latest.exitCode)) return result(true);
    if (latest === undefined || latest.state === 'exited') startOrWait(input, plan, container, kind, latest);
    return result(false);
  }
  let ended = true;
  for (const container of mains) {
    const latest = latestContainer(view, container.name);
    if (latest?.state === 'running' || latest?.state === 'created') {
      ended = false;
      continue;
    }
    if (latest && !shouldRestart(pod, container, 'main', latest.exitCode)) continue;
    ended = false;
    startOrWait(input, plan, container, 'main', latest);
  }
  return ended ? { start: [], waiting: new Map(), wakeAtMs: undefined, ended } : result(false);
}

function startOrWait(input: PlanInput, plan: Planning, container: Container, kind: ContainerKind, latest: RuntimeContainer | undefined): void {
  const attempt = latest === undefined ? 0 : latest.attempt + 1;
  if (latest !== undefined) {
    const { pod } = input;
    const ranLong = latest.finishedAtMs - latest.startedAtMs >= backoffForgottenMs;
    const delayMs = ranLong ? 0 : restartDelayMs(attempt);
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
  }
  plan.start.push({ container, kind, attempt });
}

/** As Go prints a duration of whole seconds: `10s`, `1m20s`, `5m0s`. */
function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
