/**
 * Pods: one word for the state of all containers. The rules of precedence are
 * upstream's (printPod): an init container that is not done hides the rest;
 * among containers the first in order wins; deletion hides everything.
 */
import type { KubeObject } from '../object.ts';
import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodStatus,
  PodTemplate,
} from '../types/core-v1.ts';
import { containerCells, labelsCell } from './cells.ts';
import { since } from './elapsed.ts';
import { ageColumn, nameColumn, table, text, wide, type RowCondition, type Tables } from './table.ts';

interface Restarts {
  count: number;
  /** Of the latest of them; empty where unknown. */
  lastAt: string;
}

/** What the containers add up to. */
interface Summary {
  reason: string;
  ready: number;
  restarts: Restarts;
}

const completed: Readonly<Record<string, readonly RowCondition[]>> = {
  Succeeded: [
    {
      type: 'Completed',
      status: 'True',
      reason: 'Succeeded',
      message: 'The pod has completed successfully.',
    },
  ],
  Failed: [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }],
};

function count(restarts: Restarts, status: ContainerStatus): void {
  restarts.count += status.restartCount;
  const finishedAt = status.lastState?.terminated?.finishedAt ?? '';
  // RFC 3339 in UTC with whole seconds: the order of the texts is the order of the times.
  if (finishedAt > restarts.lastAt) restarts.lastAt = finishedAt;
}

function isSidecar(container: Container | undefined): boolean {
  return container?.restartPolicy === 'Always';
}

function terminatedReason({ reason, signal, exitCode }: NonNullable<ContainerState['terminated']>): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);
}

/** Why initialization is not over because of this init container, or undefined where it is no obstacle. */
function initObstacle(
  status: ContainerStatus,
  sidecar: boolean,
  index: number,
  total: number,
): string | undefined {
  const { terminated, waiting } = status.state ?? {};
  if (terminated && terminated.exitCode === 0) return undefined;
  if (sidecar && status.started) return undefined;
  if (terminated) return `Init:${terminatedReason(terminated)}`;
  if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
  return `Init:${index}/${total}`;
}

function hasCondition(status: PodStatus | undefined, type: string): boolean {
  return status?.conditions?.find((condition) => condition.type === type)?.status === 'True';
}

/** Reads the init containers in order and stops at the first obstacle. */
function summarizeInit(pod: Pod, summary: Summary): { initializing: boolean; sidecars: Restarts } {
  const specs = pod.spec?.initContainers ?? [];
  const sidecars: Restarts = { count: 0, lastAt: '' };
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const sidecar = isSidecar(specs.find(({ name }) => name === status.name));
    count(summary.restarts, status);
    if (sidecar) count(sidecars, status);
    const obstacle = initObstacle(status, sidecar, index, specs.length);
    if (obstacle !== undefined) {
      summary.reason = obstacle;
      return { initializing: true, sidecars };
    }
    if (sidecar && status.started && status.ready && status.state?.terminated?.exitCode !== 0)
      summary.ready++;
  }
  return { initializing: false, sidecars };
}

function summarizeContainers(pod: Pod, summary: Summary): void {
  let running = false;
  let failure = '';
  // Backwards, so that the first container has the last word.
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    count(summary.restarts, status);
    const { waiting, terminated, running: isRunning } = status.state ?? {};
    if (waiting?.reason) summary.reason = waiting.reason;
    else if (terminated) {
      summary.reason = terminatedReason(terminated);
      if (terminated.exitCode !== 0) failure = summary.reason;
    } else if (status.ready && isRunning) {
      running = true;
      summary.ready++;
    }
  }
  if (summary.reason !== 'Completed') return;
  if (running && pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
    summary.reason = 'Running';
  else if (failure !== '') summary.reason = failure;
  else if (running) summary.reason = 'NotReady';
}

function summarize(pod: Pod): Summary {
  const { status } = pod;
  const summary: Summary = {
    reason: status?.reason || status?.phase || '',
    ready: 0,
    restarts: { count: 0, lastAt: '' },
  };
  if (status?.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated'))
    summary.reason = 'SchedulingGated';
  const { initializing, sidecars } = summarizeInit(pod, summary);
  if (!initializing || hasCondition(status, 'Initialized')) {
    summary.restarts = sidecars;
    summarizeContainers(pod, summary);
  }
  if (pod.metadata.deletionTimestamp) {
    if (status?.reason === 'NodeLost') summary.reason = 'Unknown';
    else if (status?.phase !== 'Succeeded' && status?.phase !== 'Failed') summary.reason = 'Terminating';
  }
  return summary;
}

function readinessGatesCell(pod: Pod): string {
  const gates = pod.spec?.readinessGates;
  if (!gates?.length) return '<none>';
  return `${gates.filter(({ conditionType }) => hasCondition(pod.status, conditionType)).length}/${gates.length}`;
}

function podCells(pod: Pod, now: number): string[] {
  const { reason, ready, restarts } = summarize(pod);
  const spec = pod.spec;
  const total = (spec?.containers?.length ?? 0) + (spec?.initContainers?.filter(isSidecar).length ?? 0);
  return [
    pod.metadata.name ?? '',
    `${ready}/${total}`,
    reason,
    restarts.count !== 0 && restarts.lastAt !== ''
      ? `${restarts.count} (${since(restarts.lastAt, now)} ago)`
      : `${restarts.count}`,
    since(pod.metadata.creationTimestamp, now),
    pod.status?.podIP || pod.status?.podIPs?.[0]?.ip || '<none>',
    spec?.nodeName || '<none>',
    pod.status?.nominatedNodeName || '<none>',
    readinessGatesCell(pod),
  ];
}

export const podTables: Tables = {
  '/Pod': table<Pod>(
    [
      nameColumn,
      text('Ready', 'How many containers are ready, of how many'),
      text('Status', 'The state of the containers together'),
      text('Restarts', 'How often containers were restarted, and when last'),
      ageColumn,
      wide('IP', 'Address of the pod'),
      wide('Node', 'Node that the pod runs on'),
      wide('Nominated Node', 'Node on which preemption makes room for the pod'),
      wide('Readiness Gates', 'How many additional readiness conditions hold, of how many'),
    ],
    podCells,
    { conditions: (pod: KubeObject) => completed[(pod as unknown as Pod).status?.phase ?? ''] ?? [] },
  ),
  '/PodTemplate': table<PodTemplate>(
    [
      nameColumn,
      text('Containers', 'Names of the containers'),
      text('Images', 'Images of the containers'),
      text('Pod Labels', 'Labels of the template'),
    ],
    ({ metadata, template }) => [
      metadata.name ?? '',
      ...containerCells(template?.spec?.containers),
      labelsCell(template?.metadata?.labels),
    ],
  ),
};
