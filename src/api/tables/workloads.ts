/** What makes and scales pods: apps, batch, autoscaling, policy and the ReplicationController. */
import { horizontalPodAutoscalerToV2 } from '../conversion/horizontal-pod-autoscaler.ts';
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../types/apps-v1.ts';
import type { HorizontalPodAutoscaler as HorizontalPodAutoscalerV1, Scale } from '../types/autoscaling-v1.ts';
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../types/autoscaling-v2.ts';
import type { CronJob, Job, JobStatus } from '../types/batch-v1.ts';
import type { ReplicationController } from '../types/core-v1.ts';
import type { PodDisruptionBudget } from '../types/policy-v1.ts';
import { parseGroupVersion } from '../object.ts';
import { containerCells, labelsCell, quantityCell, selectorCell } from './cells.ts';
import { humanDuration, since } from './elapsed.ts';
import { selectorText } from './selector-text.ts';
import { ageColumn, boolean, integer, nameColumn, table, text, wide, type Tables } from './table.ts';

const containersColumn = wide('Containers', 'Names of the containers in the template');
const imagesColumn = wide('Images', 'Images of the containers in the template');
const selectorColumn = wide('Selector', 'Labels that select the pods');
const desired = integer('Desired', 'How many pods are wanted');
const current = integer('Current', 'How many pods there are');
const ready = integer('Ready', 'How many pods are ready');

/** In order of precedence; Terminating comes before the ones after Failed. */
function jobStatusCell(job: Job): string {
  const holds = (type: string) =>
    job.status?.conditions?.find((condition) => condition.type === type)?.status === 'True';
  if (holds('Complete')) return 'Complete';
  if (holds('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(holds) ?? 'Running';
}

function jobCompletionsCell({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDurationCell({ startTime, completionTime }: JobStatus, now: number): string {
  if (!startTime) return '';
  return humanDuration((completionTime ? Date.parse(completionTime) : now) - Date.parse(startTime));
}

function controllerCell({ metadata }: ControllerRevision): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  if (!owner) return '<none>';
  const { group } = parseGroupVersion(owner.apiVersion);
  return `${(group === '' ? owner.kind : `${owner.kind}.${group}`).toLowerCase()}/${owner.name}`;
}

/** Quantities that are not set print so inside metrics. */
function amount(quantity: string | undefined): string {
  return quantity === undefined ? '<nil>' : quantityCell(quantity);
}

/** Of metrics that are amounts: averages are marked where a total is possible too. */
function amountMetric(target: MetricTarget, now: MetricValueStatus | undefined): string {
  if (target.averageValue !== undefined)
    return `${now?.averageValue === undefined ? '<unknown>' : amount(now.averageValue)}/${amount(target.averageValue)} (avg)`;
  return `${now ? amount(now.value) : '<unknown>'}/${amount(target.value)}`;
}

/** Of resource metrics: an amount or a percentage of what is requested. */
function resourceMetric(name: string, target: MetricTarget, now: MetricValueStatus | undefined): string {
  if (target.averageValue !== undefined)
    return `${name}: ${now ? amount(now.averageValue) : '<unknown>'}/${amount(target.averageValue)}`;
  const percent = (value: number | undefined, unset: string) => (value === undefined ? unset : `${value}%`);
  return `${name}: ${percent(now?.averageUtilization, '<unknown>')}/${percent(target.averageUtilization, '<auto>')}`;
}

function metricText(spec: MetricSpec, status: MetricStatus | undefined): string {
  const { external, pods, object, resource, containerResource } = spec;
  if (spec.type === 'External' && external) return amountMetric(external.target, status?.external?.current);
  if (spec.type === 'Object' && object) return amountMetric(object.target, status?.object?.current);
  if (spec.type === 'Pods' && pods)
    return `${status?.pods ? amount(status.pods.current.averageValue) : '<unknown>'}/${amount(pods.target.averageValue)}`;
  if (spec.type === 'Resource' && resource)
    return resourceMetric(resource.name, resource.target, status?.resource?.current);
  if (spec.type === 'ContainerResource' && containerResource)
    return resourceMetric(
      containerResource.name,
      containerResource.target,
      status?.containerResource?.current,
    );
  return '<unknown type>';
}

const metricsShownMax = 2;

function metricsCell({ spec, status }: HorizontalPodAutoscaler): string {
  const metrics = spec?.metrics ?? [];
  if (metrics.length === 0) return '<none>';
  const texts = metrics.map((metric, index) => metricText(metric, status?.currentMetrics?.[index]));
  const shown = texts.slice(0, metricsShownMax).join(', ');
  return texts.length > metricsShownMax ? `${shown} + ${texts.length - metricsShownMax} more...` : shown;
}

const apps: Tables = {
  '/ReplicationController': table<ReplicationController>(
    [nameColumn, desired, current, ready, ageColumn, containersColumn, imagesColumn, selectorColumn],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      spec?.replicas ?? 0,
      status?.replicas ?? 0,
      status?.readyReplicas ?? 0,
      since(metadata.creationTimestamp, now),
      ...containerCells(spec?.template?.spec?.containers),
      labelsCell(spec?.selector),
    ],
  ),
  'apps/ReplicaSet': table<ReplicaSet>(
    [nameColumn, desired, current, ready, ageColumn, containersColumn, imagesColumn, selectorColumn],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      spec?.replicas ?? 0,
      status?.replicas ?? 0,
      status?.readyReplicas ?? 0,
      since(metadata.creationTimestamp, now),
      ...containerCells(spec?.template?.spec?.containers),
      selectorCell(spec?.selector),
    ],
  ),
  'apps/Deployment': table<Deployment>(
    [
      nameColumn,
      text('Ready', 'How many pods are ready, of how many wanted'),
      text('Up-to-date', 'How many pods have the current template'),
      text('Available', 'How many pods have been ready long enough'),
      ageColumn,
      containersColumn,
      imagesColumn,
      selectorColumn,
    ],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      status?.updatedReplicas ?? 0,
      status?.availableReplicas ?? 0,
      since(metadata.creationTimestamp, now),
      ...containerCells(spec?.template?.spec?.containers),
      selectorText(spec?.selector) ?? '<invalid>',
    ],
  ),
  'apps/DaemonSet': table<DaemonSet>(
    [
      nameColumn,
      integer('Desired', 'How many nodes should run the pod'),
      integer('Current', 'How many nodes that should run the pod have it'),
      integer('Ready', 'How many nodes have a ready pod'),
      integer('Up-to-date', 'How many nodes have a pod of the current template'),
      integer('Available', 'How many nodes have a pod that has been ready long enough'),
      text('Node Selector', 'Labels of the nodes that should run the pod'),
      ageColumn,
      containersColumn,
      imagesColumn,
      selectorColumn,
    ],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      status?.desiredNumberScheduled ?? 0,
      status?.currentNumberScheduled ?? 0,
      status?.numberReady ?? 0,
      status?.updatedNumberScheduled ?? 0,
      status?.numberAvailable ?? 0,
      labelsCell(spec?.template?.spec?.nodeSelector),
      since(metadata.creationTimestamp, now),
      ...containerCells(spec?.template?.spec?.containers),
      selectorCell(spec?.selector),
    ],
  ),
  'apps/StatefulSet': table<StatefulSet>(
    [
      nameColumn,
      text('Ready', 'How many pods are ready, of how many wanted'),
      ageColumn,
      containersColumn,
      imagesColumn,
    ],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      since(metadata.creationTimestamp, now),
      ...containerCells(spec?.template?.spec?.containers),
    ],
  ),
  'apps/ControllerRevision': table<ControllerRevision>(
    [
      nameColumn,
      text('Controller', 'Owner of the revision'),
      text('Revision', 'Number of the revision'),
      ageColumn,
    ],
    (object, now) => [
      object.metadata.name ?? '',
      controllerCell(object),
      object.revision ?? 0,
      since(object.metadata.creationTimestamp, now),
    ],
  ),
};

const batch: Tables = {
  'batch/Job': table<Job>(
    [
      nameColumn,
      text('Status', 'State of the job'),
      text('Completions', 'How many pods succeeded, of how many wanted'),
      text('Duration', 'How long the job took or has been running'),
      ageColumn,
      containersColumn,
      imagesColumn,
      selectorColumn,
    ],
    (job, now) => [
      job.metadata.name ?? '',
      jobStatusCell(job),
      jobCompletionsCell(job),
      jobDurationCell(job.status ?? {}, now),
      since(job.metadata.creationTimestamp, now),
      ...containerCells(job.spec?.template?.spec?.containers),
      selectorCell(job.spec?.selector),
    ],
  ),
  'batch/CronJob': table<CronJob>(
    [
      nameColumn,
      text('Schedule', 'When jobs start, in cron form'),
      text('Timezone', 'Time zone of the schedule'),
      boolean('Suspend', 'Whether no further jobs start'),
      integer('Active', 'How many jobs are running'),
      text('Last Schedule', 'Time since a job was last started'),
      ageColumn,
      containersColumn,
      imagesColumn,
      selectorColumn,
    ],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      spec?.schedule ?? '',
      spec?.timeZone ?? '<none>',
      spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False',
      status?.active?.length ?? 0,
      status?.lastScheduleTime ? since(status.lastScheduleTime, now) : '<none>',
      since(metadata.creationTimestamp, now),
      ...containerCells(spec?.jobTemplate?.spec?.template?.spec?.containers),
      selectorCell(spec?.jobTemplate?.spec?.selector),
    ],
  ),
};

const scaling: Tables = {
  'autoscaling/HorizontalPodAutoscaler': table<HorizontalPodAutoscaler>(
    [
      nameColumn,
      text('Reference', 'What is scaled'),
      text('Targets', 'Current and wanted values of the metrics'),
      text('MinPods', 'Fewest pods'),
      text('MaxPods', 'Most pods'),
      text('Replicas', 'How many pods there are'),
      ageColumn,
    ],
    (object, now) => {
      const autoscaler =
        object.apiVersion === 'autoscaling/v1'
          ? horizontalPodAutoscalerToV2(object as unknown as HorizontalPodAutoscalerV1)
          : object;
      const { metadata, spec, status } = autoscaler;
      return [
        metadata.name ?? '',
        `${spec?.scaleTargetRef?.kind}/${spec?.scaleTargetRef?.name}`,
        metricsCell(autoscaler),
        spec?.minReplicas === undefined ? '<unset>' : `${spec.minReplicas}`,
        spec?.maxReplicas ?? 0,
        status?.currentReplicas ?? 0,
        since(metadata.creationTimestamp, now),
      ];
    },
  ),
  'autoscaling/Scale': table<Scale>(
    [text('Name', 'Name of the object'), desired, integer('Available', 'How many pods there are'), ageColumn],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      spec?.replicas ?? 0,
      status?.replicas ?? 0,
      since(metadata.creationTimestamp, now),
    ],
  ),
  'policy/PodDisruptionBudget': table<PodDisruptionBudget>(
    [
      nameColumn,
      text('Min Available', 'How many pods must stay available'),
      text('Max Unavailable', 'How many pods may be unavailable'),
      integer('Allowed Disruptions', 'How many pods may be disrupted now'),
      ageColumn,
    ],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      `${spec?.minAvailable ?? 'N/A'}`,
      `${spec?.maxUnavailable ?? 'N/A'}`,
      status?.disruptionsAllowed ?? 0,
      since(metadata.creationTimestamp, now),
    ],
  ),
};

export const workloadTables: Tables = { ...apps, ...batch, ...scaling };
