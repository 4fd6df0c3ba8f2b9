/** resource.k8s.io/v1: exactly one device, unless said otherwise. */
import type {
  DeviceClaim,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from '../types/resource-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

function defaultRequest(request: Pick<ExactDeviceRequest, 'allocationMode' | 'count'>): void {
  request.allocationMode ||= 'ExactCount';
  if (request.allocationMode === 'ExactCount') request.count ||= 1;
}

function defaultDevices(devices: DeviceClaim | undefined): void {
  // Not optional on the wire.
  if (devices) devices.requests ??= null as unknown as [];
  for (const { exactly, firstAvailable } of devices?.requests ?? []) {
    if (exactly) defaultRequest(exactly);
    firstAvailable?.forEach(defaultRequest);
  }
}

function defaultSlice({ spec }: ResourceSlice): void {
  for (const device of spec?.devices ?? [])
    for (const mapping of Object.values(device.nodeAllocatableResourceMappings ?? {}))
      mapping.allocationMultiplier ??= '1';
}

export const defaulters: Defaulters = {
  'resource.k8s.io/v1/ResourceClaim': defaulter<ResourceClaim>((claim) => {
    claim.status ??= {};
    if (claim.spec) claim.spec.devices ??= {};
    defaultDevices(claim.spec?.devices);
  }),
  'resource.k8s.io/v1/ResourceClaimTemplate': defaulter<ResourceClaimTemplate>(({ spec }) => {
    if (!spec) return;
    spec.metadata ??= {};
    (spec.spec ??= {}).devices ??= {};
    defaultDevices(spec.spec.devices);
  }),
  'resource.k8s.io/v1/ResourceSlice': defaulter<ResourceSlice>(defaultSlice),
};
