/** What a replication status says about its pods. */
import type { Pod, PodTemplateSpec } from '../../api/types/core-v1.ts';
import { selectorFromLabels } from '../../api/selectors/label-selector.ts';
import { conditionOf, withCondition, withoutCondition } from '../runtime/conditions.ts';
import type { StatusCondition } from '../runtime/conditions.ts';
import { messageOf } from '../runtime/pod-control.ts';
import { isAvailable, isReady } from '../runtime/pod-state.ts';

export interface ReplicaStatus {
  replicas: number;
  fullyLabeledReplicas?: number | undefined;
  readyReplicas?: number | undefined;
  availableReplicas?: number | undefined;
  terminatingReplicas?: number | undefined;
  observedGeneration?: number | undefined;
  conditions?: StatusCondition[] | undefined;
}

export interface ReplicaStatusInput {
  readonly old: ReplicaStatus | undefined;
  readonly generation: number | undefined;
  readonly wanted: number;
  readonly minReadySeconds: number;
  readonly template: PodTemplateSpec | undefined;
  readonly active: readonly Pod[];
  /** Undefined where the status does not count them. */
  readonly terminating: number | undefined;
  /** Why pods could not be created or deleted. */
  readonly failure: unknown;
  readonly nowMs: number;
}

export function replicaStatus(input: ReplicaStatusInput): ReplicaStatus {
  const { active, nowMs, failure } = input;
  const templateLabels = selectorFromLabels(input.template?.metadata?.labels ?? {});
  let labeled = 0;
  let ready = 0;
  let available = 0;
  for (const pod of active) {
    if (templateLabels.matches(pod.metadata.labels)) labeled++;
    if (!isReady(pod)) continue;
    ready++;
    if (isAvailable(pod, input.minReadySeconds, nowMs)) available++;
  }
  let conditions = input.old?.conditions;
  const standing = conditionOf(conditions, 'ReplicaFailure');
  if (failure !== undefined && !standing) {
    const reason = active.length < input.wanted ? 'FailedCreate' : 'FailedDelete';
    conditions = withCondition(conditions, { type: 'ReplicaFailure', status: 'True', reason, message: messageOf(failure) }, nowMs);
  } else if (failure === undefined && standing) {
    conditions = withoutCondition(conditions, 'ReplicaFailure');
  }
  return {
    replicas: active.length,
    fullyLabeledReplicas: labeled,
    readyReplicas: ready,
    availableReplicas: available,
    ...(input.terminating === undefined ? {} : { terminatingReplicas: input.terminating }),
    observedGeneration: input.generation,
    ...(conditions && conditions.length > 0 ? { conditions } : {}),
  };
}
