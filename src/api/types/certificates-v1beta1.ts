// Derived by tools/derive-api.ts. Do not edit.
import type { Condition, ListMeta, ObjectMeta } from './meta-v1.ts';

export interface ClusterTrustBundle {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: ClusterTrustBundleSpec;
}

export interface ClusterTrustBundleList {
  apiVersion?: string | undefined;
  items: ClusterTrustBundle[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface ClusterTrustBundleSpec {
  signerName?: string | undefined;
  trustBundle: string;
}

export interface PodCertificateRequest {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: PodCertificateRequestSpec;
  status?: PodCertificateRequestStatus | undefined;
}

export interface PodCertificateRequestList {
  apiVersion?: string | undefined;
  items: PodCertificateRequest[];
  kind?: string | undefined;
  metadata: ListMeta;
}

export interface PodCertificateRequestSpec {
  maxExpirationSeconds?: number | undefined;
  nodeName: string;
  nodeUID: string;
  pkixPublicKey?: string | undefined;
  podName: string;
  podUID: string;
  proofOfPossession?: string | undefined;
  serviceAccountName: string;
  serviceAccountUID: string;
  signerName: string;
  stubPKCS10Request: string;
  unverifiedUserAnnotations?: Record<string, string> | undefined;
}

export interface PodCertificateRequestStatus {
  beginRefreshAt?: string | undefined;
  certificateChain?: string | undefined;
  conditions?: Condition[] | undefined;
  notAfter?: string | undefined;
  notBefore?: string | undefined;
}
