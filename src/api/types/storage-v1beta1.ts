// Derived by tools/derive-api.ts. Do not edit.
import type { ListMeta, ObjectMeta } from './meta-v1.ts';

export interface VolumeAttributesClass {
  apiVersion?: string | undefined;
  driverName: string;
  kind?: string | undefined;
  metadata: ObjectMeta;
  parameters?: Record<string, string> | undefined;
}

export interface VolumeAttributesClassList {
  apiVersion?: string | undefined;
  items: VolumeAttributesClass[];
  kind?: string | undefined;
  metadata: ListMeta;
}
