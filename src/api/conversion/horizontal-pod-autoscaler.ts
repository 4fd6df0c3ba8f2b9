/**
 * HorizontalPodAutoscaler v1 <-> v2. Version 1 knows one metric, the CPU
 * utilization; what else an autoscaler has travels through it as JSON in
 * annotations, so that a client of version 1 can write back what it read.
 * Names and forms of the annotations are upstream's.
 */
import type {
  HorizontalPodAutoscaler as AutoscalerV1,
  HorizontalPodAutoscalerSpec as SpecV1,
  HorizontalPodAutoscalerStatus as StatusV1,
} from '../types/autoscaling-v1.ts';
import type {
  HorizontalPodAutoscaler as AutoscalerV2,
  HorizontalPodAutoscalerBehavior,
  HorizontalPodAutoscalerCondition,
  HPAScalingRules,
  MetricSpec,
  MetricStatus,
} from '../types/autoscaling-v2.ts';
import type { ObjectMeta } from '../types/meta-v1.ts';
import { metricSpecFromV1, metricSpecToV1, metricStatusFromV1, metricStatusToV1 } from './metrics.ts';

const metricsAnnotation = 'autoscaling.alpha.kubernetes.io/metrics';
const currentMetricsAnnotation = 'autoscaling.alpha.kubernetes.io/current-metrics';
const conditionsAnnotation = 'autoscaling.alpha.kubernetes.io/conditions';
const behaviorAnnotation = 'autoscaling.alpha.kubernetes.io/behavior';

const annotationsOfConversion = [
  metricsAnnotation,
  currentMetricsAnnotation,
  conditionsAnnotation,
  behaviorAnnotation,
  'autoscaling.alpha.kubernetes.io/scale-down-tolerance',
  'autoscaling.alpha.kubernetes.io/scale-up-tolerance',
];

const noReplicas: StatusV1 = { currentReplicas: 0, desiredReplicas: 0 };

/** What version 1 means when it names no metric. */
const defaultCpuUtilization = 80;

function cpuMetric(averageUtilization: number): MetricSpec {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

/** The utilization that version 1 has a field for. */
function cpuUtilizationOf(metric: MetricSpec): number | undefined {
  return metric.type === 'Resource' && metric.resource?.name === 'cpu'
    ? metric.resource.target.averageUtilization
    : undefined;
}

function withoutAnnotationsOfConversion(metadata: ObjectMeta): ObjectMeta {
  const { annotations } = metadata;
  if (!annotations || !annotationsOfConversion.some((key) => key in annotations)) return metadata;
  const kept = Object.entries(annotations).filter(([key]) => !annotationsOfConversion.includes(key));
  const { annotations: _, ...rest } = metadata;
  return kept.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(kept) };
}

/** As Go writes JSON: fit for HTML. */
function encode(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Undefined for what is missing, is no JSON or is of another form: such annotations are dropped in silence. */
function decode<T>(annotations: Readonly<Record<string, string>> | undefined, key: string): T | undefined {
  const encoded = annotations?.[key];
  if (encoded === undefined) return undefined;
  try {
    return (JSON.parse(encoded) as T) ?? undefined;
  } catch {
    return undefined;
  }
}

function decodeList<T>(
  annotations: Readonly<Record<string, string>> | undefined,
  key: string,
): T[] | undefined {
  const list = decode<unknown>(annotations, key);
  const isList = Array.isArray(list) && list.every((item) => typeof item === 'object' && item !== null);
  return isList ? (list as T[]) : undefined;
}

/** The annotation holds upstream's internal form, whose fields begin with capitals. */
function encodeBehavior({ scaleUp, scaleDown }: HorizontalPodAutoscalerBehavior): string {
  const rules = (given: HPAScalingRules | undefined) =>
    given && {
      StabilizationWindowSeconds: given.stabilizationWindowSeconds ?? null,
      SelectPolicy: given.selectPolicy ?? null,
      Policies:
        given.policies?.map(({ type, value, periodSeconds }) => ({
          Type: type,
          Value: value,
          PeriodSeconds: periodSeconds,
        })) ?? null,
      Tolerance: given.tolerance ?? null,
    };
  return encode({ ScaleUp: rules(scaleUp) ?? null, ScaleDown: rules(scaleDown) ?? null });
}

/** Field names in any case, without what is null. */
function decamel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decamel);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null)
      .map(([name, field]) => [name.charAt(0).toLowerCase() + name.slice(1), decamel(field)]),
  );
}

export function horizontalPodAutoscalerToV2(given: AutoscalerV1): AutoscalerV2 {
  const annotations = given.metadata.annotations;
  const metrics = (decodeList(annotations, metricsAnnotation) ?? []).map(metricSpecFromV1);
  const utilization = given.spec?.targetCPUUtilizationPercentage;
  if (utilization !== undefined) metrics.push(cpuMetric(utilization));
  if (metrics.length === 0) metrics.push(cpuMetric(defaultCpuUtilization));

  const { targetCPUUtilizationPercentage: _, ...spec } = given.spec ?? ({} as SpecV1);
  const converted: AutoscalerV2 = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: withoutAnnotationsOfConversion(given.metadata),
    spec: { ...spec, metrics },
  };
  const behavior = decamel(decode(annotations, behaviorAnnotation)) as
    HorizontalPodAutoscalerBehavior | undefined;
  if (behavior?.scaleUp || behavior?.scaleDown) converted.spec.behavior = behavior;
  const status = statusToV2(given);
  if (status) converted.status = status;
  return converted;
}

function statusToV2({ metadata: { annotations }, status }: AutoscalerV1): AutoscalerV2['status'] {
  const saved = decodeList(annotations, currentMetricsAnnotation)?.map(metricStatusFromV1);
  const conditions = decodeList<HorizontalPodAutoscalerCondition>(annotations, conditionsAnnotation);
  if (!status && !saved && !conditions) return undefined;
  const { currentCPUUtilizationPercentage: utilization, ...rest } = status ?? noReplicas;
  const fromField: MetricStatus[] | undefined =
    utilization === undefined
      ? undefined
      : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: utilization } } }];
  const currentMetrics = saved ?? fromField;
  return { ...rest, ...(currentMetrics && { currentMetrics }), ...(conditions && { conditions }) };
}

export function horizontalPodAutoscalerToV1(given: AutoscalerV2): AutoscalerV1 {
  const metadata = withoutAnnotationsOfConversion(given.metadata);
  const { metrics = [], behavior, ...spec } = given.spec ?? {};
  const saved: Record<string, string> = {};
  const others = metrics.filter((metric) => cpuUtilizationOf(metric) === undefined);
  if (others.length > 0) saved[metricsAnnotation] = encode(others.map(metricSpecToV1));
  if (behavior) saved[behaviorAnnotation] = encodeBehavior(behavior);

  const converted: AutoscalerV1 = {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata,
    spec,
  };
  const utilization = metrics.map(cpuUtilizationOf).find((value) => value !== undefined);
  if (utilization !== undefined) converted.spec.targetCPUUtilizationPercentage = utilization;
  if (given.status) {
    const { currentMetrics, conditions, ...rest } = given.status;
    // All of them: the field of version 1 lacks the raw value.
    if (currentMetrics?.length)
      saved[currentMetricsAnnotation] = encode(currentMetrics.map(metricStatusToV1));
    if (conditions?.length) saved[conditionsAnnotation] = encode(conditions.map(orderedCondition));
    const cpu = currentMetrics?.findLast(
      ({ type, resource }) =>
        type === 'Resource' && resource?.name === 'cpu' && resource.current.averageUtilization !== undefined,
    )?.resource?.current.averageUtilization;
    converted.status = {
      ...rest,
      currentReplicas: rest.currentReplicas ?? 0,
      ...(cpu !== undefined && { currentCPUUtilizationPercentage: cpu }),
    };
  }
  if (Object.keys(saved).length > 0)
    converted.metadata = { ...metadata, annotations: { ...metadata.annotations, ...saved } };
  return converted;
}

function orderedCondition(condition: HorizontalPodAutoscalerCondition): Record<string, unknown> {
  const { type, status, lastTransitionTime = null, reason, message } = condition;
  return { type, status, lastTransitionTime, ...(reason && { reason }), ...(message && { message }) };
}
