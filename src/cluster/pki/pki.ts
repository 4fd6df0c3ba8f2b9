/**
 * The cluster's keys and certificates, in one directory (0700, private files
 * 0600) under kubeadm's file names, so that an existing PKI can be brought
 * along. What is missing is made, what ends soon is renewed: an authority keeps
 * its key, so certificates that it signed stay good.
 *
 * ECDSA P-256 throughout: a new cluster's keys take a few milliseconds.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import {
  alternativeName,
  createAuthority,
  encodeSubject,
  exportPrivateKey,
  generateKey,
  notAfterOf,
  readAuthority,
  signCertificate,
} from './certificate.ts';
import type { Authority, CertifiedKey, ExtendedUsage, Subject } from './certificate.ts';
import { parseCertificateRequest, signCertificateRequest } from './csr.ts';
import type { SigningPolicy } from './csr.ts';

export type { CertifiedKey } from './certificate.ts';

const dayMs = 24 * 60 * 60 * 1000;
const authorityDays = 3650;
const certificateDays = 365;
const renewWithinDays = 30;
/** Clients whose clock is a little behind must not find a certificate of the future. */
const backdateMs = 5 * 60 * 1000;

export interface PkiOptions {
  readonly clock: Clock;
  /** The service's own address; 10.96.0.1 unless set. */
  readonly serviceAddress?: string;
  readonly clusterDomain?: string;
  /** More host names and IP addresses for the serving certificate. */
  readonly extraNames?: readonly string[];
}

export interface ClientSubject extends Subject {
  readonly days?: number;
}

export interface ServingSubject extends Subject {
  /** Host names and IP addresses. */
  readonly names: readonly string[];
  readonly days?: number;
}

export interface ServiceAccountKeys {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface Pki {
  readonly directory: string;
  /** PEM of the cluster's authority: clients trust it, and it vouches for clients. */
  readonly authorityCertificate: string;
  /** Its key, PEM: for whoever signs in its name. */
  readonly authorityKey: string;
  readonly serving: CertifiedKey;
  readonly frontProxyAuthorityCertificate: string;
  /** With what the server shows itself to aggregated API servers. */
  readonly frontProxyClient: CertifiedKey;
  readonly serviceAccountKeys: ServiceAccountKeys;
  issueClientCertificate(subject: ClientSubject): CertifiedKey;
  /** For kubelets and the like; usable as a client certificate too. */
  issueServingCertificate(subject: ServingSubject): CertifiedKey;
  /** Signs a PEM request with the cluster's authority. Throws DerError for a bad one. */
  signCsr(request: string, policy: SigningPolicy): string;
}

/** The names under which a cluster's own components are known. */
export const componentSubjects = {
  /** Past all authorization. */
  admin: { commonName: 'kubernetes-admin', organizations: ['system:masters'] },
  controllerManager: { commonName: 'system:kube-controller-manager' },
  scheduler: { commonName: 'system:kube-scheduler' },
  proxy: { commonName: 'system:kube-proxy' },
  /** The API server, to the nodes. */
  nodeClient: { commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters'] },
  node: (name: string) => ({ commonName: `system:node:${name}`, organizations: ['system:nodes'] }),
} as const;

/** Replaces the file in one step: a crash leaves the old or the new one. */
export function writePrivateFile(path: string, text: string, mode = 0o600): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, path);
}

/** True while a certificate need not be renewed. */
export function isFresh(certificate: string, clock: Clock): boolean {
  return notAfterOf(certificate) - clock.now() > renewWithinDays * dayMs;
}

class Directory {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
  }

  read(name: string): string | undefined {
    const path = join(this.#path, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }

  readPair(name: string): CertifiedKey | undefined {
    const certificate = this.read(`${name}.crt`);
    const privateKey = this.read(`${name}.key`);
    return certificate !== undefined && privateKey !== undefined ? { certificate, privateKey } : undefined;
  }

  /** The key goes first: a certificate without its key is of no use, the other way round it is made again. */
  writePair(name: string, pair: CertifiedKey): CertifiedKey {
    this.write(`${name}.key`, pair.privateKey, 0o600);
    this.write(`${name}.crt`, pair.certificate, 0o644);
    return pair;
  }

  write(name: string, text: string, mode: number): void {
    writePrivateFile(join(this.#path, name), text, mode);
  }
}

function loadAuthority(directory: Directory, file: string, commonName: string, clock: Clock): Authority {
  const now = clock.now();
  const kept = directory.readPair(file);
  if (kept && isFresh(kept.certificate, clock)) return readAuthority(kept);
  const privateKey = kept && createPrivateKey(kept.privateKey);
  const key = privateKey && { privateKey, publicKey: createPublicKey(privateKey) };
  return readAuthority(
    directory.writePair(
      file,
      createAuthority(commonName, now - backdateMs, now + authorityDays * dayMs, key),
    ),
  );
}

interface LeafOptions {
  readonly authority: Authority;
  readonly subject: Subject;
  readonly usages: readonly ExtendedUsage[];
  readonly names: readonly string[];
  readonly days: number;
  readonly clock: Clock;
}

function issue({ authority, subject, usages, names, days, clock }: LeafOptions): CertifiedKey {
  const { publicKey, privateKey } = generateKey();
  const now = clock.now();
  const certificate = signCertificate(
    {
      subject: encodeSubject(subject),
      publicKey,
      notBefore: now - backdateMs,
      notAfter: now + days * dayMs,
      isAuthority: false,
      keyUsages: ['digital signature', 'key encipherment'],
      extendedUsages: usages,
      alternativeNames: names.map(alternativeName),
    },
    authority,
  );
  return { certificate, privateKey: exportPrivateKey(privateKey) };
}

/** For a server that has nobody to sign its certificate: an authority is made for it, and forgotten. */
export function selfSignedServing({ days = certificateDays, names, ...subject }: ServingSubject, clock: Clock): CertifiedKey {
  const now = clock.now();
  const authority = readAuthority(createAuthority(`${subject.commonName}-ca`, now - backdateMs, now + days * dayMs));
  return issue({ authority, subject, usages: ['server auth'], names, days, clock });
}

/** Good as long as it is signed by this authority, covers the names and does not end soon. */
function isUsable(pair: CertifiedKey, { authority, names, clock }: LeafOptions): boolean {
  const certificate = new X509Certificate(pair.certificate);
  return (
    isFresh(pair.certificate, clock) &&
    certificate.verify(createPublicKey(authority.privateKey)) &&
    names.every(
      (name) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined,
    )
  );
}

function loadLeaf(directory: Directory, file: string, options: LeafOptions): CertifiedKey {
  const kept = directory.readPair(file);
  return kept && isUsable(kept, options) ? kept : directory.writePair(file, issue(options));
}

function loadServiceAccountKeys(directory: Directory): ServiceAccountKeys {
  const kept = directory.read('sa.key');
  const privateKey = kept ? createPrivateKey(kept) : generateKey().privateKey;
  const publicKey = createPublicKey(privateKey);
  if (!kept) {
    directory.write('sa.key', exportPrivateKey(privateKey), 0o600);
    directory.write('sa.pub', publicKey.export({ type: 'spki', format: 'pem' }) as string, 0o644);
  }
  return { privateKey, publicKey };
}

export function servingNames(options: PkiOptions): string[] {
  const domain = options.clusterDomain ?? 'cluster.local';
  const names = [
    'localhost',
    '127.0.0.1',
    '::1',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
  ];
  names.push(
    `kubernetes.default.svc.${domain}`,
    options.serviceAddress ?? '10.96.0.1',
    hostname().toLowerCase(),
    ...(options.extraNames ?? []),
  );
  return [...new Set(names)];
}

/** Reads the PKI of `directory`, and makes what is not there. Rejects where a file is unreadable or malformed. */
export async function loadOrCreatePki(path: string, options: PkiOptions): Promise<Pki> {
  const { clock } = options;
  const directory = new Directory(path);
  const authority = loadAuthority(directory, 'ca', 'kubernetes', clock);
  const frontProxyAuthority = loadAuthority(directory, 'front-proxy-ca', 'front-proxy-ca', clock);
  const leaf = { days: certificateDays, clock };
  return {
    directory: path,
    authorityCertificate: authority.certificate,
    authorityKey: exportPrivateKey(authority.privateKey),
    serving: loadLeaf(directory, 'apiserver', {
      ...leaf,
      authority,
      subject: { commonName: 'kube-apiserver' },
      usages: ['server auth'],
      names: servingNames(options),
    }),
    frontProxyAuthorityCertificate: frontProxyAuthority.certificate,
    frontProxyClient: loadLeaf(directory, 'front-proxy-client', {
      ...leaf,
      authority: frontProxyAuthority,
      subject: { commonName: 'front-proxy-client' },
      usages: ['client auth'],
      names: [],
    }),
    serviceAccountKeys: loadServiceAccountKeys(directory),
    issueClientCertificate: ({ days = certificateDays, ...subject }) =>
      issue({ authority, subject, usages: ['client auth'], names: [], days, clock }),
    issueServingCertificate: ({ days = certificateDays, names, ...subject }) =>
      issue({ authority, subject, usages: ['server auth', 'client auth'], names, days, clock }),
    signCsr: (request, policy) => signCertificateRequest(parseCertificateRequest(request), authority, policy),
  };
}
