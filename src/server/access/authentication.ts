/**
 * Who is asking. An in-process transport has said so already; else the client
 * certificate decides, else the bearer token, else it is the anonymous user.
 * A token that nobody knows is 401, never the anonymous user.
 *
 * The same caller gets the same UserInfo object again wherever that is
 * possible: authorization caches by it.
 */
import { unauthorized } from '../../api/errors.ts';
import type { ExchangeRequest, PeerCertificate, UserInfo } from '../../base/exchange.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Authenticator } from './contract.ts';
import { anonymousUser, withAuthenticatedGroup } from './users.ts';

/** What a token proved: who, and for which of the asked audiences. */
export interface TokenIdentity {
  readonly user: UserInfo;
  /** Undefined: good for any audience. */
  readonly audiences?: readonly string[];
}

/** Undefined = not a token of this kind. Throws TokenError for one of its kind that is no good. */
export interface TokenAuthenticator {
  authenticateToken(token: string, audiences?: readonly string[]): TokenIdentity | undefined;
}

/** Why a token is no good: for TokenReview and the log; the caller of the API only sees 401. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

const certificatesCached = 4096;

/** The user of a client certificate: common name and organizations. */
export class CertificateAuthenticator {
  readonly #users = new BoundedCache<string, UserInfo>(certificatesCached);

  authenticate(certificate: PeerCertificate): UserInfo | undefined {
    if (certificate.commonName === '') return undefined;
    let user = this.#users.get(certificate.fingerprint);
    if (!user) {
      user = withAuthenticatedGroup({
        username: certificate.commonName,
        groups: [...certificate.organizations],
        extra: {
          'authentication.kubernetes.io/credential-id': [
            `X509SHA256=${certificate.fingerprint.replaceAll(':', '').toLowerCase()}`,
          ],
        },
      });
      this.#users.set(certificate.fingerprint, user);
    }
    return user;
  }
}

const webSocketTokenPrefix = 'base64url.bearer.authorization.k8s.io.';

/** The bearer token of a request; browsers, which cannot set headers on a WebSocket, put it among the protocols. */
export function bearerToken(headers: Readonly<Record<string, string>>): string | undefined {
  const authorization = headers['authorization'];
  if (authorization !== undefined) {
    const [scheme, token] = authorization.trim().split(' ', 3);
    if (scheme?.toLowerCase() === 'bearer' && token) return token;
  }
  const protocols = headers['sec-websocket-protocol'];
  if (protocols === undefined || !protocols.includes(webSocketTokenPrefix)) return undefined;
  for (const protocol of protocols.split(',')) {
    const name = protocol.trim();
    if (name.startsWith(webSocketTokenPrefix))
      return Buffer.from(name.slice(webSocketTokenPrefix.length), 'base64url').toString('utf8');
  }
  return undefined;
}

/** Asks each kind of token in turn. Throws TokenError where one refuses and no other accepts. */
export function authenticateToken(
  kinds: readonly TokenAuthenticator[],
  token: string,
  audiences?: readonly string[],
): TokenIdentity | undefined {
  let refusal: TokenError | undefined;
  for (const kind of kinds) {
    try {
      const identity = kind.authenticateToken(token, audiences);
      if (identity) return identity;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      refusal = error;
    }
  }
  if (refusal) throw refusal;
  return undefined;
}

export interface AuthenticationOptions {
  readonly tokens: readonly TokenAuthenticator[];
  /** Callers without credentials are 401 instead of system:anonymous. */
  readonly refuseAnonymous?: boolean;
}

/** The whole of authentication; never without an answer. */
export class Authentication implements Authenticator {
  readonly #certificates = new CertificateAuthenticator();
  readonly #tokens: readonly TokenAuthenticator[];
  readonly #refuseAnonymous: boolean;

  constructor({ tokens, refuseAnonymous = false }: AuthenticationOptions) {
    this.#tokens = tokens;
    this.#refuseAnonymous = refuseAnonymous;
  }

  /** Throws ApiError 401. */
  authenticate(request: ExchangeRequest): UserInfo {
    if (request.identity) return withAuthenticatedGroup(request.identity);
    const certified = request.peerCertificate && this.#certificates.authenticate(request.peerCertificate);
    if (certified) return certified;
    const token = bearerToken(request.headers);
    if (token !== undefined) return this.#userOf(token);
    if (this.#refuseAnonymous) throw unauthorized();
    return anonymousUser;
  }

  #userOf(token: string): UserInfo {
    let identity: TokenIdentity | undefined;
    try {
      identity = authenticateToken(this.#tokens, token);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
    }
    if (!identity) throw unauthorized();
    return withAuthenticatedGroup(identity.user);
  }
}
