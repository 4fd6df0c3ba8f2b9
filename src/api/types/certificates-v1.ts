// Derived by tools/derive-api.ts. Do not edit.
import type { ListMeta, ObjectMeta } from './meta-v1.ts';

export interface CertificateSigningRequest {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: CertificateSigningRequestSpec;
  status?: CertificateSigningRequestStatus | undefined;
}

export interface CertificateSigningRequestCondition {
  lastTransitionTime?: string | undefined;
  lastUpdateTime?: string | undefined;
  message?: string | undefined;
  reason?: string | undefined;
  status: string;
  type: string;
}

export interface CertificateSigningRequestList {
  apiVersion?: string | undefined;
  items: CertificateSigningRequest[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface CertificateSigningRequestSpec {
  expirationSeconds?: number | undefined;
  extra?: Record<string, string[]> | undefined;
  groups?: string[] | undefined;
  request: string;
  signerName: string;
  uid?: string | undefined;
  usages?: string[] | undefined;
  username?: string | undefined;
}

export interface CertificateSigningRequestStatus {
  certificate?: string | undefined;
  conditions?: CertificateSigningRequestCondition[] | undefined;
}
