// Derived by tools/derive-api.ts. Do not edit.
import type { PersistentVolumeSpec, TopologySelectorTerm } from './core-v1.ts';
import type { LabelSelector, ListMeta, ObjectMeta } from './meta-v1.ts';

export interface CSIDriver {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: CSIDriverSpec;
}

export interface CSIDriverList {
  apiVersion?: string | undefined;
  items: CSIDriver[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface CSIDriverSpec {
  attachRequired?: boolean | undefined;
  fsGroupPolicy?: string | undefined;
  nodeAllocatableUpdatePeriodSeconds?: number | undefined;
  podInfoOnMount?: boolean | undefined;
  preventPodSchedulingIfMissing?: boolean | undefined;
  requiresRepublish?: boolean | undefined;
  seLinuxMount?: boolean | undefined;
  serviceAccountTokenInSecrets?: boolean | undefined;
  storageCapacity?: boolean | undefined;
  tokenRequests?: TokenRequest[] | undefined;
  volumeLifecycleModes?: string[] | undefined;
}

export interface CSINode {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: CSINodeSpec;
}

export interface CSINodeDriver {
  allocatable?: VolumeNodeResources | undefined;
  name: string;
  nodeID: string;
  topologyKeys?: string[] | undefined;
}

export interface CSINodeList {
  apiVersion?: string | undefined;
  items: CSINode[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface CSINodeSpec {
  drivers: CSINodeDriver[];
}

export interface CSIStorageCapacity {
  apiVersion?: string | undefined;
  capacity?: string | undefined;
  kind?: string | undefined;
  maximumVolumeSize?: string | undefined;
  metadata: ObjectMeta;
  nodeTopology?: LabelSelector | undefined;
  storageClassName: string;
}

export interface CSIStorageCapacityList {
  apiVersion?: string | undefined;
  items: CSIStorageCapacity[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface StorageClass {
  allowVolumeExpansion?: boolean | undefined;
  allowedTopologies?: TopologySelectorTerm[] | undefined;
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  mountOptions?: string[] | undefined;
  parameters?: Record<string, string> | undefined;
  provisioner: string;
  reclaimPolicy?: string | undefined;
  volumeBindingMode?: string | undefined;
}

export interface StorageClassList {
  apiVersion?: string | undefined;
  items: StorageClass[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface TokenRequest {
  audience: string;
  expirationSeconds?: number | undefined;
}

export interface VolumeAttachment {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: VolumeAttachmentSpec;
  status?: VolumeAttachmentStatus | undefined;
}

export interface VolumeAttachmentList {
  apiVersion?: string | undefined;
  items: VolumeAttachment[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface VolumeAttachmentSource {
  inlineVolumeSpec?: PersistentVolumeSpec | undefined;
  persistentVolumeName?: string | undefined;
}

export interface VolumeAttachmentSpec {
  attacher: string;
  nodeName: string;
  source: VolumeAttachmentSource;
}

export interface VolumeAttachmentStatus {
  attachError?: VolumeError | undefined;
  attached: boolean;
  attachmentMetadata?: Record<string, string> | undefined;
  detachError?: VolumeError | undefined;
}

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

export interface VolumeError {
  errorCode?: number | undefined;
  message?: string | undefined;
  time?: string | undefined;
}

export interface VolumeNodeResources {
  count?: number | undefined;
}
