/** The cluster's authority as the controllers of certificate requests need it. */
import type { CertificateAuthority } from '../controllers/certificates/contract.ts';
import { notAfterOf, readAuthority, usagesOf } from './pki/certificate.ts';
import { parseCertificateRequest, signCertificateRequest } from './pki/csr.ts';

/** Both PEM. Throws for what is no authority. */
export function certificateAuthority(certificate: string, privateKey: string): CertificateAuthority {
  const authority = readAuthority({ certificate, privateKey });
  return {
    read: parseCertificateRequest,
    notAfter: notAfterOf(certificate),
    sign: (request, { notBefore, notAfter, usages }) => signCertificateRequest(parseCertificateRequest(request), authority, { notBefore, notAfter, ...usagesOf(usages) }),
  };
}
