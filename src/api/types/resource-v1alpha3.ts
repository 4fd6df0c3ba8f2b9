// Derived by tools/derive-api.ts. Do not edit.
import type { Condition, ListMeta, ObjectMeta } from './meta-v1.ts';

export interface DeviceTaint {
  effect: string;
  key: string;
  timeAdded?: string | undefined;
  value?: string | undefined;
}

export interface DeviceTaintRule {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: DeviceTaintRuleSpec;
  status?: DeviceTaintRuleStatus | undefined;
}

export interface DeviceTaintRuleList {
  apiVersion?: string | undefined;
  items: DeviceTaintRule[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface DeviceTaintRuleSpec {
  deviceSelector?: DeviceTaintSelector | undefined;
  taint: DeviceTaint;
}

export interface DeviceTaintRuleStatus {
  conditions?: Condition[] | undefined;
}

export interface DeviceTaintSelector {
  device?: string | undefined;
  driver?: string | undefined;
  pool?: string | undefined;
}

export interface PoolStatus {
  allocatedDevices?: number | undefined;
  availableDevices?: number | undefined;
  driver: string;
  generation: number;
  nodeName?: string | undefined;
  poolName: string;
  resourceSliceCount?: number | undefined;
  totalDevices?: number | undefined;
  unavailableDevices?: number | undefined;
  validationError?: string | undefined;
}

export interface ResourcePoolStatusRequest {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: ResourcePoolStatusRequestSpec;
  status?: ResourcePoolStatusRequestStatus | undefined;
}

export interface ResourcePoolStatusRequestList {
  apiVersion?: string | undefined;
  items: ResourcePoolStatusRequest[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface ResourcePoolStatusRequestSpec {
  driver: string;
  limit?: number | undefined;
  poolName?: string | undefined;
}

export interface ResourcePoolStatusRequestStatus {
  conditions?: Condition[] | undefined;
  poolCount: number;
  pools?: PoolStatus[] | undefined;
}
