/**
 * A pod's status as the API shows it, from what the runtime says: a pure
 * function, with upstream's rules for phases, conditions and container states
 * (pkg/kubelet/kubelet_pods.go and status/generate.go).
 */
import { formatTime } from '../../base/clock.ts';
import { podRequestQuantities } from '../../api/pod-resources.ts';
import { qosOf } from '../../api/qos.ts';
import { formatQuantity } from '../../api/quantity.ts';
import type { Container, ContainerState, ContainerStatus, Pod, PodStatus, ResourceRequirements } from '../../api/types/core-v1.ts';
import type { WaitingReason } from './container-plan.ts';
import { shouldRestart } from './container-plan.ts';
import type { PodFailure } from './pod-failure.ts';
import { conditionsOf } from './status-conditions.ts';
import { endPhase, endStatuses } from './status-terminal.ts';
import type { ResizeCondition } from './resize/pod-resize.ts';
import type { ContainerKind, RuntimeContainer, RuntimePod } from './runtime.ts';
import { kindOfInit, latestContainer } from './runtime.ts';

export interface StatusInput {
  readonly pod: Pod;
  /** The last status written or read: keeps transition times, restart counts and what the runtime has forgotten. */
  readonly previous: PodStatus;
  readonly view: RuntimePod | undefined;
  /** No container of the pod will start again. */
  readonly terminal: boolean;
  /** Overrides phase, reason and message, e.g. for a passed deadline or an eviction. */
  readonly failure: PodFailure | undefined;
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  readonly hostIps: readonly string[];
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** A container was stopped only to run again: the pod does not end by that. Left out: none was. */
  readonly restarting?: boolean;
  /** Left out: the pod has what its spec asks for. */
  readonly resize?: ResizeView | undefined;
  isStarted(container: RuntimeContainer): boolean;
  isReady(container: RuntimeContainer): boolean;
}

/** What the pod has of what it asks for. */
export interface ResizeView {
  readonly conditions: readonly ResizeCondition[];
  allocated(container: string): ResourceRequirements | undefined;
  actual(container: RuntimeContainer): ResourceRequirements | undefined;
}

export function podStatus(input: StatusInput): PodStatus {
  const { pod, previous } = input;
  const { spec } = pod;
  const hasInit = (spec.initContainers?.length ?? 0) > 0;
  const mains = spec.containers.map((container) => containerStatus(input, container, 'main', hasInit, previous.containerStatuses));
  const inits = spec.initContainers?.map((container) => containerStatus(input, container, kindOfInit(container), hasInit, previous.initContainerStatuses));
  if (input.terminal) endStatuses(pod, mains, inits ?? []);
  const reached = podPhase(pod, mains, inits ?? [], input.terminal);
  const phase = phaseAfter(input, input.terminal ? endPhase(reached) : reached);
  const status: PodStatus = { phase };
  if (input.failure && phase === 'Failed') {
    status.reason = input.failure.reason;
    status.message = input.failure.message;
  } else if (phase === previous.phase) {
    if (previous.reason) status.reason = previous.reason;
    if (previous.message) status.message = previous.message;
  }
  if (pod.metadata.generation) status.observedGeneration = pod.metadata.generation;
  status.conditions = conditionsOf({ pod, previous, phase, failure: input.failure, mains, inits: inits ?? [], resize: input.resize?.conditions ?? [], sandboxReady: input.view?.sandbox?.ready ?? false, nowMs: input.nowMs });
  addAddresses(input, status);
  status.startTime = previous.startTime ?? formatTime(input.startedAtMs);
  if (!wasRefused(input)) {
    if (inits) status.initContainerStatuses = inits;
    status.containerStatuses = mains;
  }
  if (spec.ephemeralContainers) status.ephemeralContainerStatuses = spec.ephemeralContainers.map((container) => containerStatus(input, container, 'ephemeral', false, previous.ephemeralContainerStatuses));
  status.qosClass = qosOf(pod);
  if (spec.resources) {
    const resources = input.resize?.allocated('') ?? spec.resources;
    status.resources = resources;
    status.allocatedResources = Object.fromEntries(Array.from(podRequestQuantities({ ...pod, spec: { ...spec, resources } }, { includeStatus: false }), ([name, amount]) => [name, formatQuantity(amount)]));
  }
  // Written by others (scheduler, resource claims): passed on as they are.
  for (const field of ['nominatedNodeName', 'resourceClaimStatuses', 'extendedResourceClaimStatus'] as const) {
    if (previous[field] !== undefined) Object.assign(status, { [field]: previous[field] });
  }
  return status;
}

function runs(view: RuntimePod | undefined): boolean {
  return view?.containers.some(({ state }) => state === 'running') ?? false;
}

/** By this life of the kubelet, or by one before. */
function wasRefused({ failure, previous }: StatusInput): boolean {
  return failure?.refused ?? (previous.phase === 'Failed' && previous.containerStatuses === undefined);
}

/** Terminal phases are for ever, and a failure that the node declares wins over what the containers say, once none of them runs: others may take the pod's place then. */
function phaseAfter({ previous, failure, restarting, view }: StatusInput, phase: string): string {
  if (restarting && !failure && (phase === 'Failed' || phase === 'Succeeded')) return 'Running';
  if (previous.phase === 'Failed' || previous.phase === 'Succeeded') return previous.phase;
  return failure && !runs(view) ? 'Failed' : phase;
}

function addAddresses({ pod, previous, view, hostIps }: StatusInput, status: PodStatus): void {
  if (hostIps[0] !== undefined) {
    status.hostIP = hostIps[0];
    status.hostIPs = hostIps.map((ip) => ({ ip }));
  }
  const fromSandbox = pod.spec.hostNetwork ? hostIps : (view?.sandbox?.ips ?? []);
  const ips = fromSandbox.length > 0 ? fromSandbox : (previous.podIPs ?? []).map(({ ip }) => ip);
  if (ips[0] === undefined) return;
  status.podIP = ips[0];
  status.podIPs = ips.map((ip) => ({ ip }));
}

function containerStatus(input: StatusInput, container: Container, kind: ContainerKind, hasInit: boolean, previous: readonly ContainerStatus[] | undefined): ContainerStatus {
  const before = previous?.find((status) => status.name === container.name);
  const latest = latestContainer(input.view, container.name);
  const waiting = input.waiting.get(container.name);
  if (!latest) return withoutContainer(container, before, waiting, hasInit);
  const running = latest.state === 'running';
  const started = running && input.isStarted(latest);
  const status: ContainerStatus = {
    name: container.name,
    // It is about to start: to the API that is as if it were being made.
    state: latest.state === 'created' ? beforeStart(hasInit) : stateOf(latest),
    ...lastState(input, container, latest, before),
    ready: kind === 'ephemeral' ? false : kind === 'init' ? latest.state === 'exited' && latest.exitCode === 0 : running && input.isReady(latest),
    restartCount: Math.max(latest.attempt, before?.restartCount ?? 0),
    image: latest.image,
    imageID: latest.imageId,
    containerID: latest.id,
    started,
  };
  addResources(container, latest, status, input.resize);
  if (latest.user) {
    const { uid, gid, supplementalGroups } = latest.user;
    status.user = { linux: { uid, gid, supplementalGroups: [...supplementalGroups] } };
  }
  const mounts = volumeMounts(container);
  if (mounts) status.volumeMounts = mounts;
  if (waiting && latest.state === 'exited' && shouldRestart(input.pod, container, kind, latest.exitCode)) {
    status.lastState = status.state;
    status.state = { waiting: { reason: waiting.reason, message: waiting.message } };
  }
  return status;
}

function withoutContainer(container: Container, before: ContainerStatus | undefined, waiting: WaitingReason | undefined, hasInit: boolean): ContainerStatus {
  if (before?.state?.terminated) return before;
  const status: ContainerStatus = {
    name: container.name,
    state: waiting ? { waiting: { reason: waiting.reason, message: waiting.message } } : beforeStart(hasInit),
    lastState: before?.lastState ?? {},
    ready: false,
    restartCount: before?.restartCount ?? 0,
    image: container.image ?? '',
    imageID: '',
    started: false,
  };
  const mounts = volumeMounts(container);
  if (mounts) status.volumeMounts = mounts;
  if (!before?.state?.running) return status;
  // It ran, and the runtime knows nothing of it: it must not look as if it had never begun.
  status.lastState = {
    terminated: {
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was deleted.  The container used to be Running',
      exitCode: 137,
      startedAt: undefined,
      finishedAt: undefined,
    },
  };
  status.restartCount++;
  return status;
}

/** The end of the attempt before this one: the runtime's, or what the last status kept of it. */
function lastState(input: StatusInput, container: Container, latest: RuntimeContainer, before: ContainerStatus | undefined): { lastState: ContainerState } {
  const earlier = input.view?.containers.findLast((other) => other.name === container.name && other !== latest);
  if (earlier) return { lastState: stateOf(earlier) };
  if (before?.state?.terminated && before.containerID !== latest.id) return { lastState: { terminated: before.state.terminated } };
  return { lastState: before?.lastState ?? {} };
}

function beforeStart(hasInit: boolean): ContainerState {
  return { waiting: { reason: hasInit ? 'PodInitializing' : 'ContainerCreating' } };
}

function stateOf(container: RuntimeContainer): ContainerState {
  switch (container.state) {
    case 'running':
      return { running: { startedAt: formatTime(container.startedAtMs) } };
    case 'exited':
      return {
        terminated: {
          exitCode: container.exitCode,
          ...(container.reason === '' ? {} : { reason: container.reason }),
          ...(container.message === '' ? {} : { message: container.message }),
          startedAt: formatTime(container.startedAtMs),
          finishedAt: formatTime(container.finishedAtMs),
          containerID: container.id,
        },
      };
    default:
      return { waiting: {} };
  }
}

function addResources(container: Container, latest: RuntimeContainer, status: ContainerStatus, resize: ResizeView | undefined): void {
  const allocated = resize?.allocated(container.name) ?? container.resources;
  const requests = allocated?.requests;
  if (requests && Object.keys(requests).length > 0) status.allocatedResources = requests;
  status.resources = resize?.actual(latest) ?? allocated ?? {};
}

function volumeMounts(container: Container): ContainerStatus['volumeMounts'] {
  return container.volumeMounts?.map(({ name, mountPath, readOnly, recursiveReadOnly }) => ({
    name,
    mountPath,
    ...(readOnly ? { readOnly, recursiveReadOnly: recursiveReadOnly === 'Enabled' ? 'Enabled' : 'Disabled' } : {}),
  }));
}

/** Upstream's getPhase: what the containers' states add up to. */
export function podPhase(pod: Pod, mains: readonly ContainerStatus[], inits: readonly ContainerStatus[], terminal: boolean): string {
  const initialization = countInits(pod, inits);
  if (initialization.failed) return 'Failed';
  const counts = countMains(pod, mains);
  const waiting = counts.waiting + initialization.waiting;
  const running = counts.running + initialization.running;
  const hasRun = mains.some((status) => status.state?.running || status.state?.terminated || status.lastState?.terminated);
  if (initialization.pending || (initialization.sidecarsPending && !hasRun) || waiting > 0) return 'Pending';
  if (running > 0) return 'Running';
  if (counts.stopped === 0) return 'Pending';
  if (!terminal && counts.stopped !== counts.stoppedForGood) return 'Running';
  return counts.stopped === counts.succeeded ? 'Succeeded' : 'Failed';
}

function countInits(pod: Pod, statuses: readonly ContainerStatus[]) {
  const result = { failed: false, pending: false, sidecarsPending: false, waiting: 0, running: 0 };
  for (const container of pod.spec.initContainers ?? []) {
    const status = statuses.find((one) => one.name === container.name);
    if (container.restartPolicy === 'Always') {
      if (status?.state?.running) {
        if (!status.started) result.sidecarsPending = true;
        result.running++;
      } else if (!status?.state?.terminated && !status?.lastState?.terminated) {
        result.sidecarsPending = true;
        result.waiting++;
      }
      continue;
    }
    const end = status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined);
    if (!end) result.pending = true;
    else if (end.exitCode !== 0) {
      if (!shouldRestart(pod, container, 'init', end.exitCode)) result.failed = true;
      else result.pending = true;
    }
  }
  return result;
}

function countMains(pod: Pod, statuses: readonly ContainerStatus[]) {
  const counts = { running: 0, waiting: 0, stopped: 0, stoppedForGood: 0, succeeded: 0 };
  for (const [index, status] of statuses.entries()) {
    if (status.state?.running) {
      counts.running++;
      continue;
    }
    const end = status.state?.terminated ?? status.lastState?.terminated;
    if (!end) {
      counts.waiting++;
      continue;
    }
    counts.stopped++;
    if (status.state?.terminated && end.exitCode === 0) counts.succeeded++;
    const container = pod.spec.containers[index];
    if (container && !shouldRestart(pod, container, 'main', end.exitCode)) counts.stoppedForGood++;
  }
  return counts;
}
