/** Who may approve and sign certificate requests, and what nobody gets signed through the API. */
import { isDeepStrictEqual } from 'node:util';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import { goQuote } from '../../api/validation/go-format.ts';
import type { Authorizer, RequestAttributes } from '../access/contract.ts';
import type { AdmissionPlugin, AdmissionRequest } from './contract.ts';
import { concerns, refuse } from './requests.ts';

const certificatesGroup = 'certificates.k8s.io';
const clientSigner = 'kubernetes.io/kube-apiserver-client';

/** What the plugins need of a parsed request. Throws for what is none. */
export type ParseCertificateRequest = (pem: string) => {
  readonly commonName: string;
  readonly organizations: readonly string[];
};

/** The PEM text of a CertificateSigningRequest's spec.request, which is base64 of it. */
export function requestText(request: CertificateSigningRequest): string {
  return Buffer.from(request.spec.request, 'base64').toString('latin1');
}

/** By the signer's name, or by `<its domain>/*`. */
async function maySign(
  authorizer: Authorizer,
  attributes: RequestAttributes,
  verb: string,
  signerName: string,
): Promise<boolean> {
  for (const name of [signerName, `${signerName.split('/')[0] ?? ''}/*`]) {
    const question: RequestAttributes = {
      ...attributes,
      verb,
      isResource: true,
      group: certificatesGroup,
      version: '*',
      resource: 'signers',
      subresource: '',
      namespace: '',
      name,
      fieldSelector: '',
      labelSelector: '',
    };
    if ((await authorizer.authorize(question)).decision === 'allow') return true;
  }
  return false;
}

export class CertificateApproval implements AdmissionPlugin {
  readonly name = 'CertificateApproval';
  readonly #authorizer: Authorizer;

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  handles(request: AdmissionRequest): boolean {
    return (
      request.operation === 'UPDATE' &&
      concerns(request, certificatesGroup, 'certificatesigningrequests', 'approval')
    );
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const { signerName } = (request.oldObject as unknown as CertificateSigningRequest).spec;
    if (!(await maySign(this.#authorizer, request.attributes, 'approve', signerName)))
      throw refuse(request, `user not permitted to approve requests with signerName ${goQuote(signerName)}`);
  }
}

export class CertificateSigning implements AdmissionPlugin {
  readonly name = 'CertificateSigning';
  readonly #authorizer: Authorizer;

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  handles(request: AdmissionRequest): boolean {
    return (
      request.operation === 'UPDATE' &&
      concerns(request, certificatesGroup, 'certificatesigningrequests', 'status')
    );
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const old = request.oldObject as unknown as CertificateSigningRequest;
    const { status } = request.object as unknown as CertificateSigningRequest;
    if (
      old.status?.certificate === status?.certificate &&
      isDeepStrictEqual(old.status?.conditions ?? [], status?.conditions ?? [])
    )
      return;
    const { signerName } = old.spec;
    if (!(await maySign(this.#authorizer, request.attributes, 'sign', signerName)))
      throw refuse(request, `user not permitted to sign requests with signerName ${goQuote(signerName)}`);
  }
}

export class CertificateSubjectRestriction implements AdmissionPlugin {
  readonly name = 'CertificateSubjectRestriction';
  readonly #parse: ParseCertificateRequest;

  constructor(parse: ParseCertificateRequest) {
    this.#parse = parse;
  }

  handles(request: AdmissionRequest): boolean {
    return (
      request.operation === 'CREATE' && concerns(request, certificatesGroup, 'certificatesigningrequests')
    );
  }

  validate(request: AdmissionRequest): void {
    const object = request.object as unknown as CertificateSigningRequest;
    if (object.spec.signerName !== clientSigner) return;
    let organizations: readonly string[];
    try {
      ({ organizations } = this.#parse(requestText(object)));
    } catch (error) {
      throw refuse(request, `failed to parse CSR: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (organizations.includes('system:masters'))
      throw refuse(request, `use of ${clientSigner} signer with system:masters group is not allowed`);
  }
}
