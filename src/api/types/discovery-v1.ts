// Derived by tools/derive-api.ts. Do not edit.
import type { ObjectReference } from './core-v1.ts';
import type { ListMeta, ObjectMeta } from './meta-v1.ts';

export interface Endpoint {
  addresses: string[];
  conditions?: EndpointConditions | undefined;
  deprecatedTopology?: Record<string, string> | undefined;
  hints?: EndpointHints | undefined;
  hostname?: string | undefined;
  nodeName?: string | undefined;
  targetRef?: ObjectReference | undefined;
  zone?: string | undefined;
}

export interface EndpointConditions {
  ready?: boolean | undefined;
  serving?: boolean | undefined;
  terminating?: boolean | undefined;
}

export interface EndpointHints {
  forNodes?: ForNode[] | undefined;
  forZones?: ForZone[] | undefined;
}

export interface EndpointPort {
  appProtocol?: string | undefined;
  name?: string | undefined;
  port?: number | undefined;
  protocol?: string | undefined;
}

export interface EndpointSlice {
  addressType: string;
  apiVersion?: string | undefined;
  endpoints?: Endpoint[] | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  ports?: EndpointPort[] | undefined;
}

export interface EndpointSliceList {
  apiVersion?: string | undefined;
  items: EndpointSlice[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface ForNode {
  name: string;
}

export interface ForZone {
  name: string;
}
