/**
 * The proof, beside the public address and authority of a cluster, that somebody
 * who knows a bootstrap token has vouched for them: a JSON Web Signature (RFC
 * 7515) by HMAC, without its payload, which is there already.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** `token`: `id.secret`. */
export function signDetached(content: string, tokenId: string, token: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: tokenId })).toString('base64url');
  return `${header}..${signatureOf(header, content, token)}`;
}

/** False for whatever is no such proof. */
export function isSignedBy(proof: string, content: string, token: string): boolean {
  const [header = '', payload, signature = ''] = proof.split('.');
  if (payload !== '') return false;
  const [given, expected] = [Buffer.from(signature), Buffer.from(signatureOf(header, content, token))];
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function signatureOf(header: string, content: string, token: string): string {
  return createHmac('sha256', token).update(`${header}.${Buffer.from(content).toString('base64url')}`).digest('base64url');
}
