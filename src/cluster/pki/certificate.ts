/**
 * X.509 v3 certificates: made here, signed with node:crypto. Only what a
 * cluster's PKI needs: authorities, serving and client certificates.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import * as der from './der.ts';

/** A certificate and its private key, both PEM. */
export interface CertifiedKey {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

export interface CertificateTemplate {
  /** The encoded name. */
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  /** Epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isAuthority: boolean;
  readonly keyUsages: readonly KeyUsage[];
  readonly extendedUsages: readonly ExtendedUsage[];
  /** Encoded GeneralNames; see `alternativeName`. */
  readonly alternativeNames: readonly Buffer[];
}

export interface Authority {
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: KeyObject;
  /** The encoded name, as it stands in the certificate. */
  readonly subject: Buffer;
}

const oid = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  rsaWithSha256: '1.2.840.113549.1.1.11',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** What certificates may be used for, under the names of certificates.k8s.io: object identifiers. */
const extendedUsageOid = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
} as const;
export type ExtendedUsage = keyof typeof extendedUsageOid;

/** And what their keys may: bit numbers of RFC 5280's KeyUsage. */
const keyUsageBits = {
  signing: 0,
  'digital signature': 0,
  'content commitment': 1,
  'key encipherment': 2,
  'data encipherment': 3,
  'key agreement': 4,
  'cert sign': 5,
  'crl sign': 6,
  'encipher only': 7,
  'decipher only': 8,
} as const;
export type KeyUsage = keyof typeof keyUsageBits;

/** The two kinds apart. Throws for a name that is of neither. */
export function usagesOf(names: readonly string[]): { readonly keyUsages: readonly KeyUsage[]; readonly extendedUsages: readonly ExtendedUsage[] } {
  const isKeyUsage = (name: string): name is KeyUsage => Object.hasOwn(keyUsageBits, name);
  const isExtended = (name: string): name is ExtendedUsage => Object.hasOwn(extendedUsageOid, name);
  const unknown = names.filter((name) => !isKeyUsage(name) && !isExtended(name));
  if (unknown.length > 0) throw new Error(`unrecognized usage values: ${unknown.join(', ')}`);
  return { keyUsages: names.filter(isKeyUsage), extendedUsages: names.filter(isExtended) };
}

export function generateKey(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

export function exportPrivateKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** Organizations first and sorted, then the common name. */
export function encodeSubject({ commonName, organizations = [] }: Subject): Buffer {
  const attribute = (type: string, value: string) =>
    der.sequence(der.objectIdentifier(type), der.utf8String(value));
  const names: Buffer[] = [];
  if (organizations.length > 0) {
    const values = organizations.map((organization) => attribute(oid.organization, organization));
    names.push(der.setOf(...values.sort(Buffer.compare)));
  }
  names.push(der.setOf(attribute(oid.commonName, commonName)));
  return der.sequence(...names);
}

/** What a name holds that authentication looks at. Throws DerError. */
export function decodeSubject(encoded: Buffer): { commonName: string; organizations: string[] } {
  const subject = { commonName: '', organizations: [] as string[] };
  for (const relative of der.membersOf(der.decodeFirst(encoded), der.tag.sequence))
    for (const attribute of der.membersOf(relative, der.tag.set)) {
      const [type, value] = der.membersOf(attribute, der.tag.sequence);
      const text = value?.content.toString('utf8') ?? '';
      const name = der.readObjectIdentifier(type);
      if (name === oid.commonName) subject.commonName = text;
      else if (name === oid.organization) subject.organizations.push(text);
    }
  return subject;
}

/** The GeneralName of a host name or an IP address. */
export function alternativeName(name: string): Buffer {
  if (isIPv4(name)) return der.encode(der.contextTag(7, false), Buffer.from(name.split('.').map(Number)));
  if (isIPv6(name)) return der.encode(der.contextTag(7, false), ipv6Bytes(name));
  return der.encode(der.contextTag(2, false), Buffer.from(name, 'latin1'));
}

function ipv6Bytes(address: string): Buffer {
  // URL parsing writes the address in its one canonical form, without an embedded IPv4 part.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [
    ...before,
    ...Array.from({ length: 8 - before.length - after.length }, () => '0'),
    ...after,
  ];
  const bytes = Buffer.alloc(16);
  groups.forEach((group, index) => bytes.writeUInt16BE(parseInt(group, 16), index * 2));
  return bytes;
}

function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
}

function encodeKeyUsages(usages: readonly KeyUsage[]): Buffer {
  const bits = usages.reduce((all, usage) => all | (0x8000 >> keyUsageBits[usage]), 0);
  const bytes = Buffer.from((bits & 0xff) === 0 ? [bits >> 8] : [bits >> 8, bits & 0xff]);
  const last = bytes.at(-1) ?? 0;
  return der.bitString(bytes, last === 0 ? 0 : 31 - Math.clz32(last & -last));
}

function encodeExtensions(template: CertificateTemplate, issuerKey: KeyObject): Buffer {
  const extension = (type: string, critical: boolean, value: Buffer) =>
    der.sequence(
      der.objectIdentifier(type),
      ...(critical ? [der.boolean(true)] : []),
      der.octetString(value),
    );
  const extensions = [extension(oid.keyUsage, true, encodeKeyUsages(template.keyUsages))];
  if (template.extendedUsages.length > 0) {
    const usages = template.extendedUsages.map((usage) => der.objectIdentifier(extendedUsageOid[usage]));
    extensions.push(extension(oid.extendedKeyUsage, false, der.sequence(...usages)));
  }
  extensions.push(
    extension(oid.basicConstraints, true, der.sequence(...(template.isAuthority ? [der.boolean(true)] : []))),
  );
  if (template.isAuthority)
    extensions.push(
      extension(oid.subjectKeyIdentifier, false, der.octetString(keyIdentifier(template.publicKey))),
    );
  const issuer = der.sequence(der.encode(der.contextTag(0, false), keyIdentifier(issuerKey)));
  extensions.push(extension(oid.authorityKeyIdentifier, false, issuer));
  if (template.alternativeNames.length > 0)
    extensions.push(extension(oid.subjectAlternativeName, false, der.sequence(...template.alternativeNames)));
  return der.encode(der.contextTag(3, true), der.sequence(...extensions));
}

export function signatureAlgorithm(key: KeyObject): Buffer {
  return key.asymmetricKeyType === 'rsa'
    ? der.sequence(der.objectIdentifier(oid.rsaWithSha256), der.encode(der.tag.null))
    : der.sequence(der.objectIdentifier(oid.ecdsaWithSha256));
}

/** Signs the template with the issuer's key; the result is PEM. */
export function signCertificate(
  template: CertificateTemplate,
  issuer: { readonly subject: Buffer; readonly privateKey: KeyObject },
): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const algorithm = signatureAlgorithm(issuer.privateKey);
  const body = der.sequence(
    der.encode(der.contextTag(0, true), der.integer(Buffer.from([2]))),
    der.integer(serial),
    algorithm,
    issuer.subject,
    der.sequence(der.time(template.notBefore), der.time(template.notAfter)),
    template.subject,
    template.publicKey.export({ type: 'spki', format: 'der' }),
    encodeExtensions(template, createPublicKey(issuer.privateKey)),
  );
  const signature = sign('sha256', body, issuer.privateKey);
  return der.writePem(der.sequence(body, algorithm, der.bitString(signature)), 'CERTIFICATE');
}

/** An authority from its PEM files. Throws DerError or node:crypto's errors. */
export function readAuthority({ certificate, privateKey }: CertifiedKey): Authority {
  const [body] = der.membersOf(der.decodeFirst(der.readPem(certificate, 'CERTIFICATE')), der.tag.sequence);
  const fields = der.membersOf(body, der.tag.sequence);
  // version [0], serial, algorithm, issuer, validity, subject
  const subject = der.expectTag(fields[5], der.tag.sequence).bytes;
  return { certificate, privateKey: createPrivateKey(privateKey), subject };
}

/** A self-signed authority. With `key` it is the same authority as before, for longer. */
export function createAuthority(
  commonName: string,
  notBefore: number,
  notAfter: number,
  key = generateKey(),
): CertifiedKey {
  const subject = encodeSubject({ commonName });
  const template: CertificateTemplate = {
    subject,
    publicKey: key.publicKey,
    notBefore,
    notAfter,
    isAuthority: true,
    keyUsages: ['digital signature', 'key encipherment', 'cert sign'],
    extendedUsages: [],
    alternativeNames: [alternativeName(commonName)],
  };
  return {
    certificate: signCertificate(template, { subject, privateKey: key.privateKey }),
    privateKey: exportPrivateKey(key.privateKey),
  };
}

/** When it ends, epoch milliseconds. */
export function notAfterOf(certificate: string): number {
  return new X509Certificate(certificate).validToDate.getTime();
}
