/** The conditions of a pod that its kubelet owns, beside those it passes on. Rules and wording: upstream's status/generate.go. */
import { formatTime } from '../../base/clock.ts';
import type { Container, ContainerStatus, Pod, PodCondition, PodStatus } from '../../api/types/core-v1.ts';
import type { PodFailure } from './pod-failure.ts';
import type { ResizeCondition } from './resize/pod-resize.ts';

export interface ConditionsInput {
  readonly pod: Pod;
  readonly previous: PodStatus;
  readonly phase: string;
  readonly failure?: PodFailure | undefined;
  readonly mains: readonly ContainerStatus[];
  readonly inits: readonly ContainerStatus[];
  readonly resize: readonly ResizeCondition[];
  readonly sandboxReady: boolean;
  readonly nowMs: number;
}

/** What a condition says; type, generation and times are added to it. */
interface Verdict {
  readonly status: string;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

const ok: Verdict = { status: 'True' };

const ownedByKubelet = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled', 'PodResizePending', 'PodResizeInProgress']);

export function conditionsOf(input: ConditionsInput): PodCondition[] {
  const containersReady = containersReadyVerdict(input);
  const verdicts: readonly (readonly [string, Verdict])[] = [
    ['PodReadyToStartContainers', input.sandboxReady ? ok : { status: 'False' }],
    ['Initialized', initializedVerdict(input)],
    ['Ready', readyVerdict(input, containersReady)],
    ['ContainersReady', containersReady],
    ['PodScheduled', ok],
  ];
  const failed = input.failure?.condition;
  const foreign = (input.previous.conditions ?? []).filter(({ type }) => !ownedByKubelet.has(type) && type !== failed?.type);
  return [...foreign, ...verdicts.map(([type, verdict]) => stamp(input, type, verdict)), ...(failed ? [stamp(input, failed.type, failed)] : []), ...input.resize.map((condition) => resizeCondition(input, condition))];
}

/** Of the generation that asked for it, which the pod may be ahead of. */
function resizeCondition(input: ConditionsInput, { type, observedGeneration, ...said }: ResizeCondition): PodCondition {
  return { ...stamp(input, type, { status: 'True', ...said }), observedGeneration };
}

/** A condition's time is that of its last change of status. */
function stamp({ pod, previous, nowMs }: ConditionsInput, type: string, verdict: Verdict): PodCondition {
  const before = previous.conditions?.find((condition) => condition.type === type);
  return {
    type,
    ...(pod.metadata.generation ? { observedGeneration: pod.metadata.generation } : {}),
    status: verdict.status,
    lastTransitionTime: before?.status === verdict.status && before.lastTransitionTime ? before.lastTransitionTime : formatTime(nowMs),
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(verdict.message === undefined ? {} : { message: verdict.message }),
  };
}

function containersReadyVerdict({ pod, phase, mains, inits }: ConditionsInput): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const [unknown, unready] = sort([...sidecars, ...pod.spec.containers], [...inits, ...mains], (status) => status.ready);
  const message = complaint(unknown, unready, 'unready');
  return message === '' ? ok : { status: 'False', reason: 'ContainersNotReady', message };
}

function readyVerdict({ pod, previous }: ConditionsInput, containersReady: Verdict): Verdict {
  if (containersReady.status !== 'True') return containersReady;
  const missing: string[] = [];
  for (const { conditionType } of pod.spec.readinessGates ?? []) {
    const condition = previous.conditions?.find(({ type }) => type === conditionType);
    if (!condition) missing.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (condition.status !== 'True') missing.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`);
  }
  return missing.length === 0 ? ok : { status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') };
}

function initializedVerdict({ pod, phase, mains, inits }: ConditionsInput): Verdict {
  const containers = pod.spec.initContainers ?? [];
  const [unknown, incomplete] = sort(containers, inits, (status, container) => (container.restartPolicy === 'Always' ? status.started === true : status.ready));
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'True', reason: 'PodCompleted' };
  if (mains.some((status) => status.state?.running || status.state?.terminated || status.lastState?.terminated)) return ok;
  const message = complaint(unknown, incomplete, 'incomplete');
  return message === '' ? ok : { status: 'False', reason: 'ContainersNotInitialized', message };
}

/** Names of the containers without a status, and of those whose status is not good. */
function sort(containers: readonly Container[], statuses: readonly ContainerStatus[], isGood: (status: ContainerStatus, container: Container) => boolean): [string[], string[]] {
  const unknown: string[] = [];
  const bad: string[] = [];
  for (const container of containers) {
    const status = statuses.find(({ name }) => name === container.name);
    if (!status) unknown.push(container.name);
    else if (!isGood(status, container)) bad.push(container.name);
  }
  return [unknown, bad];
}

function complaint(unknown: readonly string[], bad: readonly string[], what: string): string {
  const parts: string[] = [];
  if (unknown.length > 0) parts.push(`containers with unknown status: [${unknown.join(' ')}]`);
  if (bad.length > 0) parts.push(`containers with ${what} status: [${bad.join(' ')}]`);
  return parts.join(', ');
}
