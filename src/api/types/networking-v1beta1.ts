// Derived by tools/derive-api.ts. Do not edit.
import type { Condition, ListMeta, ObjectMeta } from './meta-v1.ts';

export interface IPAddress {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: IPAddressSpec;
}

export interface IPAddressList {
  apiVersion?: string | undefined;
  items: IPAddress[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface IPAddressSpec {
  parentRef: ParentReference;
}

export interface ParentReference {
  group?: string | undefined;
  name: string;
  namespace?: string | undefined;
  resource: string;
}

export interface ServiceCIDR {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: ServiceCIDRSpec;
  status?: ServiceCIDRStatus | undefined;
}

export interface ServiceCIDRList {
  apiVersion?: string | undefined;
  items: ServiceCIDR[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface ServiceCIDRSpec {
  cidrs?: string[] | undefined;
}

export interface ServiceCIDRStatus {
  conditions?: Condition[] | undefined;
}
