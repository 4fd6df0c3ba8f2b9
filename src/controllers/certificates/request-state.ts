/** Where a certificate request is on its way, as its conditions say. */
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';

export function isApproved(request: CertificateSigningRequest): boolean {
  return hasCondition(request, 'Approved') && !hasCondition(request, 'Denied');
}

export function isDecided(request: CertificateSigningRequest): boolean {
  return hasCondition(request, 'Approved') || hasCondition(request, 'Denied');
}

export function hasFailed({ status }: CertificateSigningRequest): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Failed' && is === 'True') ?? false;
}

export function isIssued({ status }: CertificateSigningRequest): boolean {
  return !!status?.certificate;
}

export function pemOf({ spec }: CertificateSigningRequest): string {
  return Buffer.from(spec.request, 'base64').toString('utf8');
}

function hasCondition({ status }: CertificateSigningRequest, type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type) ?? false;
}
