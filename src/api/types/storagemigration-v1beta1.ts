// Derived by tools/derive-api.ts. Do not edit.
import type { Condition, GroupResource, ListMeta, ObjectMeta } from './meta-v1.ts';

export interface StorageVersionMigration {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: StorageVersionMigrationSpec;
  status?: StorageVersionMigrationStatus | undefined;
}

export interface StorageVersionMigrationList {
  apiVersion?: string | undefined;
  items: StorageVersionMigration[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface StorageVersionMigrationSpec {
  resource: GroupResource;
}

export interface StorageVersionMigrationStatus {
  conditions?: Condition[] | undefined;
  resourceVersion?: string | undefined;
}
