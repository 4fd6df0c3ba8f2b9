/**
 * Signing and checking of JSON web tokens with node:crypto, synchronously: a
 * verification takes less time than a promise's way through a crypto worker.
 */
import { createHash, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export type JwtAlgorithm = 'RS256' | 'ES256' | 'ES384' | 'ES512';

const digests: Record<JwtAlgorithm, string> = {
  RS256: 'sha256',
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
};
const curveAlgorithms: Readonly<Record<string, JwtAlgorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

/** The one algorithm that a key is used with. Throws for keys that sign no tokens. */
export function algorithmOf(key: KeyObject): JwtAlgorithm {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  const algorithm = curveAlgorithms[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (!algorithm)
    throw new TypeError(`keys of type ${key.asymmetricKeyType ?? 'unknown'} cannot sign tokens`);
  return algorithm;
}

/** As upstream names keys: the hash of the encoded public key. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

function encodePart(value: unknown): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
}

export function signJwt(claims: unknown, privateKey: KeyObject, keyId: string): string {
  const algorithm = algorithmOf(privateKey);
  const text = `${encodePart({ alg: algorithm, kid: keyId })}.${encodePart(claims)}`;
  const signature = sign(digests[algorithm], Buffer.from(text, 'latin1'), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${text}.${signature.toString('base64url')}`;
}

export interface DecodedJwt {
  readonly algorithm: string;
  readonly keyId: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
}

function decodePart(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** What a token says of itself, not yet believed. Undefined for what is no token. */
export function decodeJwt(token: string): DecodedJwt | undefined {
  const [first, second, third, ...rest] = token.split('.');
  if (first === undefined || second === undefined || third === undefined || rest.length > 0) return undefined;
  const header = decodePart(first);
  const claims = decodePart(second);
  if (!header || !claims || typeof header['alg'] !== 'string') return undefined;
  return {
    algorithm: header['alg'],
    keyId: typeof header['kid'] === 'string' ? header['kid'] : undefined,
    claims,
  };
}

/** True where the signature is by that key, in the key's own algorithm. */
export function isSignedBy(token: string, algorithm: string, publicKey: KeyObject): boolean {
  if (algorithm !== algorithmOf(publicKey)) return false;
  const end = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  return verify(
    digests[algorithm as JwtAlgorithm],
    Buffer.from(token.slice(0, end), 'latin1'),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    signature,
  );
}
