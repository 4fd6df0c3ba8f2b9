/** What a Deployment says of its progress. Pure; reasons and wording are upstream's. */
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../api/types/apps-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { conditionOf, withoutCondition } from '../runtime/conditions.ts';
import { availableIn, totalSize } from './rollout.ts';
import type { Limits } from './rollout.ts';

/** The greatest int32 means that there is no deadline. */
const noDeadline = 2147483647;

export function hasDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== noDeadline;
}

export function setCondition(conditions: readonly DeploymentCondition[], type: string, status: string, reason: string, message: string, nowMs: number): DeploymentCondition[] {
  const old = conditionOf(conditions, type);
  if (old && old.status === status && old.reason === reason) return [...conditions];
  const now = formatTime(nowMs);
  const lastTransitionTime = old?.status === status ? old.lastTransitionTime : now;
  return [...withoutCondition(conditions, type), { type, status, lastUpdateTime: now, lastTransitionTime, reason, message }];
}

export function deploymentStatus(deployment: Deployment, limits: Limits, current: ReplicaSet | undefined, olds: readonly ReplicaSet[], nowMs: number): DeploymentStatus {
  const all = current ? [...olds, current] : [...olds];
  const sum = (field: 'replicas' | 'readyReplicas' | 'terminatingReplicas') => all.reduce((total, { status }) => total + (status?.[field] ?? 0), 0);
  const available = availableIn(all);
  const old = deployment.status ?? {};
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation,
    ...counts({
      replicas: sum('replicas'),
      updatedReplicas: current?.status?.replicas ?? 0,
      readyReplicas: sum('readyReplicas'),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, totalSize(all) - available),
    }),
    terminatingReplicas: sum('terminatingReplicas'),
    ...(old.collisionCount === undefined ? {} : { collisionCount: old.collisionCount }),
  };
  const enough = available >= limits.desired - limits.unavailable;
  let conditions = enough
    ? setCondition(old.conditions ?? [], 'Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', nowMs)
    : setCondition(old.conditions ?? [], 'Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.', nowMs);
  conditions = progress(deployment, limits, status, current, conditions, nowMs);
  const failure = [current, ...olds].map((set) => conditionOf(set?.status?.conditions, 'ReplicaFailure')).find((found) => found !== undefined);
  conditions = failure
    ? setCondition(conditions, 'ReplicaFailure', failure.status, failure.reason ?? '', failure.message ?? '', nowMs)
    : withoutCondition(conditions, 'ReplicaFailure');
  return { ...status, conditions };
}

/** Zeros are left out, as the server does. */
function counts(all: Record<string, number>): Partial<DeploymentStatus> {
  return Object.fromEntries(Object.entries(all).filter(([, count]) => count !== 0));
}

export function isComplete(deployment: Deployment, { desired }: Limits, status: DeploymentStatus): boolean {
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function progress(
  deployment: Deployment,
  limits: Limits,
  status: DeploymentStatus,
  current: ReplicaSet | undefined,
  conditions: DeploymentCondition[],
  nowMs: number,
): DeploymentCondition[] {
  if (!hasDeadline(deployment)) return withoutCondition(conditions, 'Progressing');
  const standing = conditionOf(conditions, 'Progressing');
  if (deployment.spec.paused) return conditions;
  if ((status.replicas ?? 0) === (status.updatedReplicas ?? 0) && standing?.reason === 'NewReplicaSetAvailable') return conditions;
  const subject = current ? `ReplicaSet "${current.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (isComplete(deployment, limits, status)) {
    return setCondition(conditions, 'Progressing', 'True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`, nowMs);
  }
  if (hasMoved(deployment.status ?? {}, status)) {
    // The time of the update is renewed each time: the deadline runs from the last progress.
    const lastTransitionTime = standing?.status === 'True' ? standing.lastTransitionTime : formatTime(nowMs);
    const condition = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: `${subject} is progressing.`, lastUpdateTime: formatTime(nowMs), lastTransitionTime };
    return [...withoutCondition(conditions, 'Progressing'), condition];
  }
  if (deadlineLeftMs(deployment, conditions, nowMs) === 0) {
    return setCondition(conditions, 'Progressing', 'False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`, nowMs);
  }
  return conditions;
}

function hasMoved(old: DeploymentStatus, status: DeploymentStatus): boolean {
  const oldOnes = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus) => replicas - updatedReplicas;
  return (
    (status.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) ||
    oldOnes(status) < oldOnes(old) ||
    (status.readyReplicas ?? 0) > (old.readyReplicas ?? 0) ||
    (status.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
  );
}

/** Until the deadline is over, 0 when it is; undefined where none runs. */
export function deadlineLeftMs(deployment: Deployment, conditions: readonly DeploymentCondition[] | undefined, nowMs: number): number | undefined {
  const standing = conditionOf(conditions, 'Progressing');
  if (!hasDeadline(deployment) || deployment.spec.paused || !standing || standing.reason === 'NewReplicaSetAvailable') return undefined;
  if (standing.reason === 'ProgressDeadlineExceeded') return 0;
  const from = Date.parse(standing.lastUpdateTime ?? '') || nowMs;
  return Math.max(0, from + (deployment.spec.progressDeadlineSeconds ?? 0) * 1000 - nowMs);
}
