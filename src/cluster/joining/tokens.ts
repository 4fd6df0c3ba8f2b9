/** Bootstrap tokens of a cluster: made, told of, taken back. */
import { createHash, createPublicKey } from 'node:crypto';
import { parse } from 'yaml';
import {
  bootstrapTokenExpiry,
  bootstrapTokenField,
  bootstrapTokenForm,
  bootstrapTokenName,
  bootstrapTokenNamespace,
  bootstrapTokenType,
  clusterInfo,
  clusterInfoField,
} from '../../api/bootstrap-tokens.ts';
import { formatTime, type Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import { nodeTokenGroup } from '../bootstrap/joining.ts';

export interface NewToken {
  /** `id.secret`. */
  readonly token: string;
  /** 0: it never ends. */
  readonly ttlMs: number;
  readonly description?: string | undefined;
}

export interface KnownToken {
  readonly token: string;
  /** Epoch milliseconds; undefined: never. */
  readonly expiresAt: number | undefined;
  readonly usages: readonly string[];
  readonly groups: string;
  readonly description: string;
}

const characters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** `below` gives whole numbers that nobody can guess. */
export function newToken(below: (bound: number) => number): string {
  const text = (length: number) => Array.from({ length }, () => characters[below(characters.length)]).join('');
  return `${text(6)}.${text(16)}`;
}

export async function createToken(client: Client, clock: Clock, { token, ttlMs, description }: NewToken): Promise<void> {
  const [, id, secret] = bootstrapTokenForm.exec(token) ?? [];
  if (id === undefined || secret === undefined) throw new Error(`a token has the form abcdef.0123456789abcdef, and "${token}" has not`);
  const fields = {
    'token-id': id,
    'token-secret': secret,
    ...(ttlMs > 0 ? { expiration: formatTime(clock.now() + ttlMs) } : {}),
    'usage-bootstrap-authentication': 'true',
    'usage-bootstrap-signing': 'true',
    'auth-extra-groups': nodeTokenGroup,
    ...(description ? { description } : {}),
  };
  const data = Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
  await client.create(secrets, { metadata: { namespace: bootstrapTokenNamespace, name: bootstrapTokenName(id) }, type: bootstrapTokenType, data });
}

export async function listTokens(client: Client): Promise<readonly KnownToken[]> {
  const { items } = await client.list(secrets, { namespace: bootstrapTokenNamespace, fieldSelector: `type=${bootstrapTokenType}` });
  return items.map((secret) => ({
    token: `${bootstrapTokenField(secret, 'token-id')}.${bootstrapTokenField(secret, 'token-secret')}`,
    expiresAt: bootstrapTokenExpiry(secret),
    usages: ['authentication', 'signing'].filter((usage) => bootstrapTokenField(secret, `usage-bootstrap-${usage}`) === 'true'),
    groups: bootstrapTokenField(secret, 'auth-extra-groups'),
    description: bootstrapTokenField(secret, 'description'),
  }));
}

/** `token`: it, or its id alone. */
export async function deleteToken(client: Client, token: string): Promise<void> {
  await client.delete(secrets, { namespace: bootstrapTokenNamespace, name: bootstrapTokenName(token.split('.')[0] ?? '') });
}

/** How the cluster tells strangers to reach it, and by which they know it. */
export async function joinFacts(client: Client): Promise<{ readonly server: string; readonly authorityHash: string }> {
  const { data } = await client.get(configMaps, clusterInfo);
  const { server, ca } = readClusterInfo(data?.[clusterInfoField] ?? '');
  return { server, authorityHash: authorityHash(ca) };
}

/** Of a kubeconfig that names a cluster and nobody in it. Throws where it does not. */
export function readClusterInfo(text: string): { readonly server: string; readonly ca: string } {
  const { clusters } = parse(text) as { readonly clusters?: readonly { readonly cluster?: Readonly<Record<string, unknown>> }[] };
  const { server, 'certificate-authority-data': authority } = clusters?.[0]?.cluster ?? {};
  if (typeof server !== 'string' || typeof authority !== 'string') throw new Error('cluster-info names no server, or no authority');
  return { server, ca: Buffer.from(authority, 'base64').toString('utf8') };
}

/** As kubeadm has it: of the key that the certificate is for, so that the certificate may be renewed. */
export function authorityHash(certificate: string): string {
  const key = createPublicKey(certificate).export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}
