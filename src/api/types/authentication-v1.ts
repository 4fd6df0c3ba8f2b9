// Derived by tools/derive-api.ts. Do not edit.
import type { ObjectMeta } from './meta-v1.ts';

export interface BoundObjectReference {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  name?: string | undefined;
  uid?: string | undefined;
}

export interface SelfSubjectReview {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  status?: SelfSubjectReviewStatus | undefined;
}

export interface SelfSubjectReviewStatus {
  userInfo?: UserInfo | undefined;
}

export interface TokenRequest {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: TokenRequestSpec;
  status?: TokenRequestStatus | undefined;
}

export interface TokenRequestSpec {
  audiences?: string[] | undefined;
  boundObjectRef?: BoundObjectReference | undefined;
  expirationSeconds?: number | undefined;
}

export interface TokenRequestStatus {
  expirationTimestamp?: string | undefined;
  token?: string | undefined;
}

export interface TokenReview {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  spec: TokenReviewSpec;
  status?: TokenReviewStatus | undefined;
}

export interface TokenReviewSpec {
  audiences?: string[] | undefined;
  token: string;
}

export interface TokenReviewStatus {
  audiences?: string[] | undefined;
  authenticated?: boolean | undefined;
  error?: string | undefined;
  user?: UserInfo | undefined;
}

export interface UserInfo {
  extra?: Record<string, string[]> | undefined;
  groups?: string[] | undefined;
  uid?: string | undefined;
  username?: string | undefined;
}
