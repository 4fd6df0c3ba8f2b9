/** autoscaling/v1 and v2. What version 1 means by naming no metric is decided by the conversion to version 2. */
import type { HorizontalPodAutoscaler as AutoscalerV1, Scale } from '../types/autoscaling-v1.ts';
import type { HorizontalPodAutoscaler, HPAScalingRules } from '../types/autoscaling-v2.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

const cpuUtilization = 80;

/** Fast up: the larger of 4 pods and 100% every 15 s, at once. */
function scaleUpRules(given: HPAScalingRules = {}): HPAScalingRules {
  return {
    ...given,
    stabilizationWindowSeconds: given.stabilizationWindowSeconds ?? 0,
    selectPolicy: given.selectPolicy ?? 'Max',
    policies: given.policies ?? [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  };
}

/** Down: all of it every 15 s; the controller's own setting says after how long. */
function scaleDownRules(given: HPAScalingRules = {}): HPAScalingRules {
  return {
    ...given,
    selectPolicy: given.selectPolicy ?? 'Max',
    policies: given.policies ?? [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  };
}

function defaultAutoscaler(autoscaler: HorizontalPodAutoscaler): void {
  autoscaler.status ??= { desiredReplicas: 0 };
  // Not optional on the wire.
  autoscaler.status.currentMetrics ??= null as unknown as [];
  const spec = autoscaler.spec;
  if (!spec) return;
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length)
    spec.metrics = [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpuUtilization } },
      },
    ];
  if (spec.behavior)
    spec.behavior = {
      scaleUp: scaleUpRules(spec.behavior.scaleUp),
      scaleDown: scaleDownRules(spec.behavior.scaleDown),
    };
}

export const defaulters: Defaulters = {
  'autoscaling/v2/HorizontalPodAutoscaler': defaulter<HorizontalPodAutoscaler>(defaultAutoscaler),
  'autoscaling/v1/HorizontalPodAutoscaler': defaulter<AutoscalerV1>((autoscaler) => {
    autoscaler.status ??= { currentReplicas: 0, desiredReplicas: 0 };
    if (autoscaler.spec) autoscaler.spec.minReplicas ??= 1;
  }),
  'autoscaling/v1/Scale': defaulter<Scale>((scale) => {
    scale.spec ??= {};
    scale.status ??= { replicas: 0 };
  }),
};
