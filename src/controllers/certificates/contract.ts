/** What the controllers of certificate requests need done with keys and certificates; the composition root brings it. */

/** What a request asks for, as far as the rules look at it. */
export interface RequestedCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly ipAddresses: readonly unknown[];
}

/** PEM of a request to what it asks for. Throws where it is none, or not signed with its own key. */
export type ReadRequest = (request: string) => RequestedCertificate;

export interface SigningTerms {
  /** Epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** By the names of certificates.k8s.io. */
  readonly usages: readonly string[];
}

export interface CertificateAuthority {
  readonly read: ReadRequest;
  /** Epoch milliseconds: no certificate outlives its authority. */
  readonly notAfter: number;
  /** The certificate, PEM. Throws for usages that there are not. */
  sign(request: string, terms: SigningTerms): string;
}
