/** What each of the cluster's own signers asks of a request. Rules and wording are upstream's (pkg/apis/certificates/helpers.go). */
import type { RequestedCertificate } from './contract.ts';

export const kubeletClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';

type Check = (request: RequestedCertificate, usages: readonly string[]) => string | undefined;

/** By signer: why the request cannot be signed; undefined: it can. */
export const signers: Readonly<Record<string, Check>> = {
  'kubernetes.io/kube-apiserver-client': (_, usages) => clientUsagesProblem(usages),
  [kubeletClientSigner]: kubeletClientProblem,
  'kubernetes.io/kubelet-serving': kubeletServingProblem,
  'kubernetes.io/legacy-unknown': () => undefined,
};

export function kubeletClientProblem(request: RequestedCertificate, usages: readonly string[]): string | undefined {
  if (!isOfNodes(request)) return 'subject organization is not system:nodes';
  if (request.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (request.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (!isNode(request)) return 'subject common name does not begin with system:node:';
  return usagesProblem(usages, 'client auth');
}

function kubeletServingProblem(request: RequestedCertificate, usages: readonly string[]): string | undefined {
  if (!isOfNodes(request)) return 'subject organization is not system:nodes';
  if (request.dnsNames.length === 0 && request.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
  if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed';
  return usagesProblem(usages, 'server auth') ?? (isNode(request) ? undefined : 'subject common name does not begin with system:node:');
}

function isOfNodes({ organizations }: RequestedCertificate): boolean {
  return organizations.length === 1 && organizations[0] === 'system:nodes';
}

function isNode({ commonName }: RequestedCertificate): boolean {
  return commonName.startsWith('system:node:');
}

/** Keys that are not RSA's cannot encipher others. */
function usagesProblem(given: readonly string[], purpose: string): string | undefined {
  const required = [purpose, 'digital signature', 'key encipherment'].toSorted();
  const usages = new Set(given);
  const missing = required.filter((usage) => !usages.has(usage));
  if (usages.size + missing.length === required.length && missing.every((usage) => usage === 'key encipherment')) return undefined;
  return `usages did not match [${required.join(' ')}]`;
}

function clientUsagesProblem(usages: readonly string[]): string | undefined {
  const unknown = usages.find((usage) => !['digital signature', 'key encipherment', 'client auth'].includes(usage));
  if (unknown !== undefined) return `invalid usage for client certificate: ${unknown}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}
