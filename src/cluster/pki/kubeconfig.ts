/**
 * Kubeconfig files with everything embedded, so that one file is enough to
 * reach the cluster. A file that is still good is left alone: people set
 * namespaces and contexts of their own in it.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { CertifiedKey } from './certificate.ts';
import { isFresh, writePrivateFile } from './pki.ts';

const clusterName = 'coxswain';

export interface KubeconfigOptions {
  /** `https://127.0.0.1:6443`. */
  readonly server: string;
  /** PEM. */
  readonly authorityCertificate: string;
  readonly user: string;
  readonly client: CertifiedKey;
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

export function formatKubeconfig({ server, authorityCertificate, user, client }: KubeconfigOptions): string {
  return `apiVersion: v1
kind: Config
current-context: ${clusterName}
preferences: {}
clusters:
- name: ${clusterName}
  cluster:
    server: ${JSON.stringify(server)}
    certificate-authority-data: ${base64(authorityCertificate)}
contexts:
- name: ${clusterName}
  context:
    cluster: ${clusterName}
    user: ${JSON.stringify(user)}
users:
- name: ${JSON.stringify(user)}
  user:
    client-certificate-data: ${base64(client.certificate)}
    client-key-data: ${base64(client.privateKey)}
`;
}

/** Of a cluster alone, for whoever has no name in it yet. */
export function anonymousKubeconfig(server: string, authorityCertificate: string): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: ""
  cluster:
    server: ${JSON.stringify(server)}
    certificate-authority-data: ${base64(authorityCertificate)}
`;
}

function isCurrent(text: string, options: Omit<KubeconfigOptions, 'client'>, clock: Clock): boolean {
  const certificate = /client-certificate-data: (\S+)/.exec(text)?.[1];
  if (!certificate || !text.includes(base64(options.authorityCertificate))) return false;
  if (
    !text.includes(`server: ${JSON.stringify(options.server)}`) &&
    !text.includes(`server: ${options.server}\n`)
  )
    return false;
  try {
    return isFresh(Buffer.from(certificate, 'base64').toString('utf8'), clock);
  } catch {
    return false;
  }
}

export interface WriteKubeconfigOptions extends Omit<KubeconfigOptions, 'client'> {
  /** Called only where the file must be written. */
  readonly issue: () => CertifiedKey;
  readonly clock: Clock;
}

/** Writes the file (0600) unless the one that is there still leads to this cluster. True if it was written. */
export function writeKubeconfig(path: string, { issue, clock, ...options }: WriteKubeconfigOptions): boolean {
  if (existsSync(path) && isCurrent(readFileSync(path, 'utf8'), options, clock)) return false;
  mkdirSync(dirname(path), { recursive: true });
  writePrivateFile(path, formatKubeconfig({ ...options, client: issue() }));
  return true;
}
