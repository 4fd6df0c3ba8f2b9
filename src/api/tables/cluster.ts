/** What the cluster is made of and what it records: nodes, namespaces, events, leases, scheduling, and the API server's own objects. */
import { coreEventOf } from '../conversion/event.ts';
import type { StorageVersion } from '../types/apiserverinternal-v1alpha1.ts';
import type { APIService } from '../types/apiregistration-v1.ts';
import type { Lease } from '../types/coordination-v1.ts';
import type { LeaseCandidate } from '../types/coordination-v1beta1.ts';
import type { ComponentStatus, Event, Namespace, Node } from '../types/core-v1.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../types/flowcontrol-v1.ts';
import type { RuntimeClass } from '../types/node-v1.ts';
import type { PriorityClass } from '../types/scheduling-v1.ts';
import type { PodGroup, Workload } from '../types/scheduling-v1alpha2.ts';
import type { StorageVersionMigration } from '../types/storagemigration-v1beta1.ts';
import type { KubeObject } from '../object.ts';
import { firstThree } from './cells.ts';
import { since } from './elapsed.ts';
import {
  ageColumn,
  boolean,
  integer,
  nameColumn,
  table,
  text,
  wide,
  type Cell,
  type Tables,
} from './table.ts';

const roleLabelPrefix = 'node-role.kubernetes.io/';

/** From `node-role.kubernetes.io/<role>` and `kubernetes.io/role=<role>`. */
function nodeRolesCell(labels: Readonly<Record<string, string>> | undefined): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(labels ?? {})) {
    if (key.startsWith(roleLabelPrefix)) roles.add(key.slice(roleLabelPrefix.length));
    else if (key === 'kubernetes.io/role') roles.add(value);
  }
  roles.delete('');
  return [...roles].sort().join(',') || '<none>';
}

function nodeStatusCell({ spec, status }: Node): string {
  // Where a type is there twice, the later one counts.
  const ready = status?.conditions?.findLast(({ type }) => type === 'Ready');
  const word = !ready ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return spec?.unschedulable ? `${word},SchedulingDisabled` : word;
}

function nodeCells(node: Node, now: number): Cell[] {
  const info = node.status?.nodeInfo;
  const address = (wanted: string) =>
    node.status?.addresses?.find(({ type }) => type === wanted)?.address ?? '<none>';
  const kernel = info?.kernelVersion || '<unknown>';
  return [
    node.metadata.name ?? '',
    nodeStatusCell(node),
    nodeRolesCell(node.metadata.labels),
    since(node.metadata.creationTimestamp, now),
    info?.kubeletVersion ?? '',
    address('InternalIP'),
    address('ExternalIP'),
    info?.osImage || '<unknown>',
    info?.architecture ? `${kernel} (${info.architecture})` : kernel,
    info?.containerRuntimeVersion || '<unknown>',
  ];
}

/** Of either group; the fields of the newer API count where the older ones are empty. */
function eventCells(given: KubeObject, now: number): Cell[] {
  const event = coreEventOf(given) as unknown as Event;
  const { involvedObject, source, series } = event;
  const firstSeen = since(event.firstTimestamp || event.eventTime, now);
  const lastSeen = series
    ? since(series.lastObservedTime, now)
    : event.lastTimestamp
      ? since(event.lastTimestamp, now)
      : firstSeen;
  const kind = (involvedObject?.kind ?? '').toLowerCase();
  const component = source?.component || event.reportingComponent || '';
  const host = source?.host || event.reportingInstance;
  return [
    lastSeen,
    event.type ?? '',
    event.reason ?? '',
    involvedObject?.name ? `${kind}/${involvedObject.name}` : kind,
    involvedObject?.fieldPath ?? '',
    host ? `${component}, ${host}` : component,
    (event.message ?? '').trim(),
    firstSeen,
    series ? (series.count ?? 0) : event.count || 1,
    event.metadata.name ?? '',
  ];
}

const eventTable = table<KubeObject>(
  [
    text('Last Seen', 'Time since it was last observed'),
    text('Type', 'Normal or Warning'),
    text('Reason', 'Why it happened, in one word'),
    text('Object', 'What it is about'),
    wide('Subobject', 'Which part of the object it is about'),
    wide('Source', 'Who reports it'),
    text('Message', 'What happened'),
    wide('First Seen', 'Time since it was first observed'),
    wide('Count', 'How often it was observed'),
    { ...nameColumn, priority: 1 },
  ],
  eventCells,
);

function podGroupStatusCell({ status }: PodGroup): string {
  const condition = (wanted: string) => status?.conditions?.findLast(({ type }) => type === wanted);
  const disrupted = condition('DisruptionTarget');
  if (disrupted) return disrupted.reason;
  const scheduled = condition('PodGroupScheduled');
  return !scheduled ? 'Pending' : scheduled.status === 'True' ? 'Scheduled' : 'Unschedulable';
}

const core: Tables = {
  '/Node': table<Node>(
    [
      nameColumn,
      text('Status', 'Whether the node is ready and takes pods'),
      text('Roles', 'Roles of the node'),
      ageColumn,
      text('Version', 'Version of the kubelet'),
      wide('Internal-IP', 'Address within the cluster'),
      wide('External-IP', 'Address from outside'),
      wide('OS-Image', 'Operating system'),
      wide('Kernel-Version', 'Kernel and architecture'),
      wide('Container-Runtime', 'Container runtime and its version'),
    ],
    nodeCells,
  ),
  '/Namespace': table<Namespace>(
    [nameColumn, text('Status', 'Active or Terminating'), ageColumn],
    ({ metadata, status }, now) => [
      metadata.name ?? '',
      status?.phase ?? '',
      since(metadata.creationTimestamp, now),
    ],
  ),
  '/Event': eventTable,
  'events.k8s.io/Event': eventTable,
  '/ComponentStatus': table<ComponentStatus>(
    [
      nameColumn,
      text('Status', 'Whether the component is healthy'),
      text('Message', 'What the component says'),
      text('Error', 'What is wrong'),
    ],
    ({ metadata, conditions }) => {
      const healthy = conditions?.find(({ type }) => type === 'Healthy');
      const word = !healthy ? 'Unknown' : healthy.status === 'True' ? 'Healthy' : 'Unhealthy';
      return [metadata.name ?? '', word, healthy?.message ?? '', healthy?.error ?? ''];
    },
  ),
  'coordination.k8s.io/Lease': table<Lease>(
    [nameColumn, text('Holder', 'Who holds the lease'), ageColumn],
    ({ metadata, spec }, now) => [
      metadata.name ?? '',
      spec?.holderIdentity ?? '',
      since(metadata.creationTimestamp, now),
    ],
  ),
  'coordination.k8s.io/LeaseCandidate': table<LeaseCandidate>(
    [
      nameColumn,
      text('LeaseName', 'Lease that is contended for'),
      text('BinaryVersion', 'Version of the candidate'),
      text('EmulationVersion', 'Version that the candidate behaves as'),
      ageColumn,
    ],
    ({ metadata, spec }, now) => [
      metadata.name ?? '',
      spec?.leaseName ?? '',
      spec?.binaryVersion ?? '',
      spec?.emulationVersion ?? '',
      since(metadata.creationTimestamp, now),
    ],
  ),
  'node.k8s.io/RuntimeClass': table<RuntimeClass>(
    [nameColumn, text('Handler', 'Configuration of the container runtime that is used'), ageColumn],
    ({ metadata, handler }, now) => [
      metadata.name ?? '',
      handler ?? '',
      since(metadata.creationTimestamp, now),
    ],
  ),
};

const scheduling: Tables = {
  'scheduling.k8s.io/PriorityClass': table<PriorityClass>(
    [
      nameColumn,
      integer('Value', 'The priority; more is more important'),
      boolean('Global-Default', 'Whether pods without a class get this one'),
      ageColumn,
      text('PreemptionPolicy', 'Whether pods of lower priority may be preempted'),
    ],
    ({ metadata, value, globalDefault, preemptionPolicy }, now) => [
      metadata.name ?? '',
      value ?? 0,
      globalDefault ?? false,
      since(metadata.creationTimestamp, now),
      preemptionPolicy ?? '',
    ],
  ),
  'scheduling.k8s.io/Workload': table<Workload>([nameColumn, ageColumn], ({ metadata }, now) => [
    metadata.name ?? '',
    since(metadata.creationTimestamp, now),
  ]),
  'scheduling.k8s.io/PodGroup': table<PodGroup>(
    [
      nameColumn,
      text('Policy', 'How the pods of the group are scheduled'),
      text('Workload', 'Workload that the group belongs to'),
      text('Status', 'Whether the group is scheduled'),
      ageColumn,
    ],
    (group, now) => [
      group.metadata.name ?? '',
      group.spec?.schedulingPolicy?.gang ? 'Gang' : 'Basic',
      group.spec?.podGroupTemplateRef
        ? (group.spec.podGroupTemplateRef.workload?.workloadName ?? '')
        : '<none>',
      podGroupStatusCell(group),
      since(group.metadata.creationTimestamp, now),
    ],
  ),
};

function migrationStatusCell({ status }: StorageVersionMigration): string {
  const phases = ['Running', 'Failed', 'Succeeded'];
  return (
    status?.conditions?.findLast(
      (condition) => condition.status === 'True' && phases.includes(condition.type),
    )?.type ?? 'Unknown'
  );
}

function apiServiceAvailableCell({ status }: APIService): string {
  const available = status?.conditions?.find(({ type }) => type === 'Available');
  if (!available) return 'Unknown';
  return available.status !== 'True' && available.reason
    ? `${available.status} (${available.reason})`
    : available.status;
}

function byPrecedence(left: FlowSchema, right: FlowSchema): number {
  const difference = (left.spec?.matchingPrecedence ?? 0) - (right.spec?.matchingPrecedence ?? 0);
  if (difference !== 0) return difference;
  return (left.metadata.name ?? '') < (right.metadata.name ?? '') ? -1 : 1;
}

const server: Tables = {
  'flowcontrol.apiserver.k8s.io/FlowSchema': table<FlowSchema>(
    [
      nameColumn,
      text('PriorityLevel', 'Priority level of the requests that match'),
      text('MatchingPrecedence', 'Order of matching; lower comes first'),
      text('DistinguisherMethod', 'What tells flows apart'),
      ageColumn,
      text('MissingPL', 'Whether the priority level is missing'),
    ],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      spec?.priorityLevelConfiguration?.name ?? '',
      spec?.matchingPrecedence ?? 0,
      spec?.distinguisherMethod?.type ?? '<none>',
      since(metadata.creationTimestamp, now),
      status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
    ],
    { order: (left, right) => byPrecedence(left as unknown as FlowSchema, right as unknown as FlowSchema) },
  ),
  'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration': table<PriorityLevelConfiguration>(
    [
      nameColumn,
      text('Type', 'Limited or Exempt'),
      text('NominalConcurrencyShares', "Share of the server's concurrency"),
      text('Queues', 'How many queues'),
      text('HandSize', 'How many queues a flow is dealt'),
      text('QueueLengthLimit', 'How many requests a queue holds'),
      ageColumn,
    ],
    ({ metadata, spec }, now) => {
      const queuing = spec?.limited?.limitResponse?.queuing;
      return [
        metadata.name ?? '',
        spec?.type ?? '',
        spec?.limited ? (spec.limited.nominalConcurrencyShares ?? 0) : '<none>',
        queuing ? (queuing.queues ?? 0) : '<none>',
        queuing ? (queuing.handSize ?? 0) : '<none>',
        queuing ? (queuing.queueLengthLimit ?? 0) : '<none>',
        since(metadata.creationTimestamp, now),
      ];
    },
  ),
  'internal.apiserver.k8s.io/StorageVersion': table<StorageVersion>(
    [
      nameColumn,
      text('CommonEncodingVersion', 'Version that all servers write'),
      text('StorageVersions', 'Version that each server writes'),
      ageColumn,
    ],
    ({ metadata, status }, now) => [
      metadata.name ?? '',
      status?.commonEncodingVersion ?? '<unset>',
      firstThree(
        (status?.storageVersions ?? []).map((version) => `${version.apiServerID}=${version.encodingVersion}`),
        '<unset>',
      ),
      since(metadata.creationTimestamp, now),
    ],
  ),
  'storagemigration.k8s.io/StorageVersionMigration': table<StorageVersionMigration>(
    [
      text('Name', 'Name of the object'),
      text('Resource', 'Resource that is migrated'),
      text('Status', 'State of the migration'),
    ],
    (migration) => {
      const { group, resource } = migration.spec?.resource ?? {};
      return [
        migration.metadata.name ?? '',
        group ? `${resource}.${group}` : (resource ?? ''),
        migrationStatusCell(migration),
      ];
    },
  ),
  'apiregistration.k8s.io/APIService': table<APIService>(
    [
      nameColumn,
      text('Service', 'Service that answers for this API, or Local'),
      text('Available', 'Whether the API can be reached'),
      ageColumn,
    ],
    (object, now) => [
      object.metadata.name ?? '',
      object.spec?.service ? `${object.spec.service.namespace}/${object.spec.service.name}` : 'Local',
      apiServiceAvailableCell(object),
      since(object.metadata.creationTimestamp, now),
    ],
  ),
};

export const clusterTables: Tables = { ...core, ...scheduling, ...server };
