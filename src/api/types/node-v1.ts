// Derived by tools/derive-api.ts. Do not edit.
import type { Toleration } from './core-v1.ts';
import type { ListMeta, ObjectMeta } from './meta-v1.ts';

export interface Overhead {
  podFixed?: Record<string, string> | undefined;
}

export interface RuntimeClass {
  apiVersion?: string | undefined;
  handler: string;
  kind?: string | undefined;
  metadata: ObjectMeta;
  overhead?: Overhead | undefined;
  scheduling?: Scheduling | undefined;
}

export interface RuntimeClassList {
  apiVersion?: string | undefined;
  items: RuntimeClass[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface Scheduling {
  nodeSelector?: Record<string, string> | undefined;
  tolerations?: Toleration[] | undefined;
}
