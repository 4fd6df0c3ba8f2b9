/** certificates.k8s.io/v1. */
import type { CertificateSigningRequest } from '../types/certificates-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

export const defaulters: Defaulters = {
  'certificates.k8s.io/v1/CertificateSigningRequest': defaulter<CertificateSigningRequest>((request) => {
    request.status ??= {};
  }),
};
