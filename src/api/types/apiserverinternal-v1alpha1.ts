// Derived by tools/derive-api.ts. Do not edit.
import type { ListMeta, ObjectMeta } from './meta-v1.ts';

export interface ServerStorageVersion {
  apiServerID: string;
  decodableVersions: string[];
  encodingVersion: string;
  servedVersions?: string[] | undefined;
}

export interface StorageVersion {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: StorageVersionSpec;
  status?: StorageVersionStatus | undefined;
}

export interface StorageVersionCondition {
  lastTransitionTime?: string | undefined;
  message: string;
  observedGeneration?: number | undefined;
  reason: string;
  status: string;
  type: string;
}

export interface StorageVersionList {
  apiVersion?: string | undefined;
  items: StorageVersion[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export type StorageVersionSpec = Record<string, never>;

export interface StorageVersionStatus {
  commonEncodingVersion?: string | undefined;
  conditions?: StorageVersionCondition[] | undefined;
  storageVersions?: ServerStorageVersion[] | undefined;
}
