/** Devices and claims to them: resource.k8s.io. */
import type {
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from '../types/resource-v1.ts';
import type { ResourcePoolStatusRequest } from '../types/resource-v1alpha3.ts';
import type { DeviceTaintRule } from '../types/resource-v1beta2.ts';
import { since } from './elapsed.ts';
import { ageColumn, integer, nameColumn, table, text, type Cell, type Tables } from './table.ts';

function claimStateCell({ metadata, status }: ResourceClaim): string {
  const states: string[] = [];
  if (metadata.deletionTimestamp) states.push('deleted');
  else if (!status?.allocation) states.push('pending');
  if (status?.allocation) states.push('allocated', ...(status.reservedFor?.length ? ['reserved'] : []));
  return states.join(',');
}

function poolStatusCells({ metadata, spec, status }: ResourcePoolStatusRequest, now: number): Cell[] {
  const verdict = status?.conditions?.find(
    (condition) =>
      condition.status === 'True' && (condition.type === 'Complete' || condition.type === 'Failed'),
  );
  const pools = status?.pools ?? [];
  const poolCount = status?.poolCount ?? 0;
  const counted = status !== undefined && verdict?.type !== 'Failed';
  const sum = (field: 'totalDevices' | 'availableDevices' | 'allocatedDevices' | 'unavailableDevices') =>
    counted ? `${pools.reduce((total, pool) => total + (pool[field] ?? 0), 0)}` : '-';
  const complete = verdict?.type === 'Complete';
  return [
    metadata.name ?? '',
    spec?.driver ?? '',
    sum('totalDevices'),
    sum('availableDevices'),
    sum('allocatedDevices'),
    sum('unavailableDevices'),
    counted ? `${pools.filter(({ validationError }) => validationError !== undefined).length}` : '-',
    poolCount,
    complete && poolCount > pools.length
      ? `Complete (${pools.length}/${poolCount} pools)`
      : (verdict?.type ?? 'Pending'),
    complete ? since(verdict?.lastTransitionTime, now) : '<none>',
  ];
}

const nameAndAge = table<DeviceClass | ResourceClaimTemplate>(
  [nameColumn, ageColumn],
  ({ metadata }, now) => [metadata.name ?? '', since(metadata.creationTimestamp, now)],
);

export const deviceTables: Tables = {
  'resource.k8s.io/DeviceClass': nameAndAge,
  'resource.k8s.io/ResourceClaimTemplate': nameAndAge,
  'resource.k8s.io/ResourceClaim': table<ResourceClaim>(
    [nameColumn, text('State', 'Whether devices are allocated and in use'), ageColumn],
    (claim, now) => [
      claim.metadata.name ?? '',
      claimStateCell(claim),
      since(claim.metadata.creationTimestamp, now),
    ],
  ),
  'resource.k8s.io/ResourceSlice': table<ResourceSlice>(
    [
      nameColumn,
      text('Node', 'Node that the devices are on'),
      text('Driver', 'Driver of the devices'),
      text('Pool', 'Pool that the devices belong to'),
      ageColumn,
    ],
    ({ metadata, spec }, now) => [
      metadata.name ?? '',
      spec?.nodeName ?? '',
      spec?.driver ?? '',
      spec?.pool?.name ?? '',
      since(metadata.creationTimestamp, now),
    ],
  ),
  'resource.k8s.io/DeviceTaintRule': table<DeviceTaintRule>(
    [
      nameColumn,
      text('Key', 'Key of the taint'),
      text('Value', 'Value of the taint'),
      text('Effect', 'What the taint does'),
      text('TimeAdded', 'Time since the taint was added'),
      ageColumn,
    ],
    ({ metadata, spec }, now) => [
      metadata.name ?? '',
      spec?.taint?.key ?? '',
      spec?.taint?.value ?? '',
      spec?.taint?.effect ?? '',
      spec?.taint?.timeAdded ? since(spec.taint.timeAdded, now) : '',
      since(metadata.creationTimestamp, now),
    ],
  ),
  'resource.k8s.io/ResourcePoolStatusRequest': table<ResourcePoolStatusRequest>(
    [
      nameColumn,
      text('Driver', 'Driver whose pools are asked for'),
      text('Total', 'How many devices there are'),
      text('Available', 'How many devices are free'),
      text('Allocated', 'How many devices are in use'),
      text('Unavailable', 'How many devices cannot be used'),
      text('Errors', 'How many pools are not valid'),
      integer('Pools', 'How many pools there are'),
      text('Status', 'State of the request'),
      text('Completed', 'Time since it was answered'),
    ],
    poolStatusCells,
  ),
};
