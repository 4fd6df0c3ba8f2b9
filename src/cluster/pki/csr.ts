/**
 * Certificate signing requests (PKCS #10): making them, reading, checking the
 * proof of possession, and signing, for the certificates API.
 */
import { createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import * as der from './der.ts';
import { alternativeName, decodeSubject, encodeSubject, signatureAlgorithm, signCertificate } from './certificate.ts';
import type { Authority, ExtendedUsage, KeyUsage, Subject } from './certificate.ts';

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** The encoded name, which goes into the certificate as it is. */
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
  /** Raw address bytes, 4 or 16 of them. */
  readonly ipAddresses: readonly Buffer[];
  /** The requested GeneralNames, encoded. */
  readonly alternativeNames: readonly Buffer[];
}

/** A request for a certificate of that subject, for these host names and addresses, signed with its own key; PEM. */
export function createCertificateRequest(subject: Subject, privateKey: KeyObject, names: readonly string[] = []): string {
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const attributes = der.encode(der.contextTag(0, true), ...(names.length > 0 ? [namesAttribute(names)] : []));
  const body = der.sequence(der.integer(Buffer.from([0])), encodeSubject(subject), publicKey, attributes);
  const signature = sign('sha256', body, privateKey);
  return der.writePem(der.sequence(body, signatureAlgorithm(privateKey), der.bitString(signature)), 'CERTIFICATE REQUEST');
}

function namesAttribute(names: readonly string[]): Buffer {
  const value = der.sequence(...names.map(alternativeName));
  const extension = der.sequence(der.objectIdentifier(subjectAlternativeName), der.octetString(value));
  return der.sequence(der.objectIdentifier(extensionRequest), der.setOf(der.sequence(extension)));
}

const extensionRequest = '1.2.840.113549.1.9.14';
const subjectAlternativeName = '2.5.29.17';

/** The digest of each signature algorithm that is taken; null where the algorithm has its own. */
const digests: Readonly<Record<string, string | null>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.3.101.112': null,
};

function requestedNames(attributes: der.DerValue): Buffer[] {
  for (const attribute of der.decodeAll(attributes.content)) {
    const [type, values] = der.membersOf(attribute, der.tag.sequence);
    if (der.readObjectIdentifier(type) !== extensionRequest) continue;
    for (const extensions of der.membersOf(values, der.tag.set))
      for (const extension of der.membersOf(extensions, der.tag.sequence)) {
        const fields = der.membersOf(extension, der.tag.sequence);
        if (der.readObjectIdentifier(fields[0]) !== subjectAlternativeName) continue;
        const value = der.expectTag(fields.at(-1), der.tag.octetString);
        return der.membersOf(der.decodeFirst(value.content), der.tag.sequence).map((name) => name.bytes);
      }
  }
  return [];
}

/** Throws DerError where the request is malformed or not signed with its own key. */
export function parseCertificateRequest(pem: string): CertificateRequest {
  const request = der.decodeFirst(der.readPem(pem, '(?:NEW )?CERTIFICATE REQUEST'));
  const [body, algorithm, signature] = der.membersOf(request, der.tag.sequence);
  const [, subject, key, attributes] = der.membersOf(body, der.tag.sequence);
  const subjectBytes = der.expectTag(subject, der.tag.sequence).bytes;
  let publicKey: KeyObject;
  try {
    publicKey = createPublicKey({
      key: der.expectTag(key, der.tag.sequence).bytes,
      type: 'spki',
      format: 'der',
    });
  } catch {
    throw new der.DerError('unsupported public key');
  }
  const name = der.readObjectIdentifier(der.membersOf(algorithm, der.tag.sequence)[0]);
  if (!Object.hasOwn(digests, name)) throw new der.DerError('unsupported signature algorithm');
  const signed = der.expectTag(signature, der.tag.bitString).content.subarray(1);
  if (!verify(digests[name] ?? null, (body as der.DerValue).bytes, publicKey, signed))
    throw new der.DerError('signature does not match the key');
  const alternativeNames = attributes ? requestedNames(attributes) : [];
  const ofKind = (number: number) =>
    alternativeNames
      .map((encoded) => der.decodeFirst(encoded))
      .filter((value) => (value.tag & 0x1f) === number)
      .map((value) => value.content);
  const texts = (number: number) => ofKind(number).map((content) => content.toString('latin1'));
  return {
    ...decodeSubject(subjectBytes),
    subject: subjectBytes,
    publicKey,
    emailAddresses: texts(1),
    dnsNames: texts(2),
    uris: texts(6),
    ipAddresses: ofKind(7),
    alternativeNames,
  };
}

export interface SigningPolicy {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly keyUsages: readonly KeyUsage[];
  readonly extendedUsages: readonly ExtendedUsage[];
}

/** The requested certificate, PEM; what it may be used for is the signer's decision. */
export function signCertificateRequest(
  request: CertificateRequest,
  authority: Authority,
  policy: SigningPolicy,
): string {
  const { subject, publicKey, alternativeNames } = request;
  return signCertificate({ ...policy, subject, publicKey, alternativeNames, isAuthority: false }, authority);
}
