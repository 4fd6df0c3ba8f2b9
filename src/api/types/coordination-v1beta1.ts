// Derived by tools/derive-api.ts. Do not edit.
import type { ListMeta, ObjectMeta } from './meta-v1.ts';

export interface LeaseCandidate {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: LeaseCandidateSpec;
}

export interface LeaseCandidateList {
  apiVersion?: string | undefined;
  items: LeaseCandidate[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface LeaseCandidateSpec {
  binaryVersion: string;
  emulationVersion?: string | undefined;
  leaseName: string;
  pingTime?: string | undefined;
  renewTime?: string | undefined;
  strategy: string;
}
