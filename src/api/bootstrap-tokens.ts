/** Bootstrap tokens: what lets a machine ask to become a node. Each is a Secret of kube-system. */
import type { Secret } from './types/core-v1.ts';

export const bootstrapTokenType = 'bootstrap.kubernetes.io/token';
export const bootstrapTokenNamespace = 'kube-system';
/** `id.secret`. */
export const bootstrapTokenForm = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

export function bootstrapTokenName(id: string): string {
  return `bootstrap-token-${id}`;
}

/** A field of the Secret as text; empty where it is not there. */
export function bootstrapTokenField({ data }: Secret, field: string): string {
  return Buffer.from(data?.[field] ?? '', 'base64').toString();
}

/** Epoch milliseconds; undefined: never. A time that cannot be read counts as past. */
export function bootstrapTokenExpiry(secret: Secret): number | undefined {
  const text = bootstrapTokenField(secret, 'expiration');
  if (text === '') return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? 0 : time;
}

/** The ConfigMap that tells how a cluster is reached, and the proof that whoever knows the token has written it. */
export const clusterInfo = { namespace: 'kube-public', name: 'cluster-info' } as const;
export const clusterInfoField = 'kubeconfig';

export function signatureField(tokenId: string): string {
  return `${signaturePrefix}${tokenId}`;
}

export const signaturePrefix = 'jws-kubeconfig-';
