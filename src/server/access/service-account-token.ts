/**
 * Service-account tokens: bound ones (TokenRequest) and the old ones kept in
 * Secrets. A token holds as long as its service account and the object that it
 * is bound to exist under the same uid.
 *
 * A verified token is remembered with the objects that it hangs on. While none
 * of them changes and the next deadline has not come, a request with it costs
 * one look-up; after a change the objects are looked at again, the signature
 * never.
 */
import { goQuote } from '../../api/validation/go-format.ts';
import { timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { ServiceAccount, Secret } from '../../api/types/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { UserInfo } from '../../base/exchange.ts';
import type { ClusterView } from '../admission/contract.ts';
import { TokenError } from './authentication.ts';
import type { TokenAuthenticator, TokenIdentity } from './authentication.ts';
import { BoundedCache } from './bounded-cache.ts';
import { decodeJwt, isSignedBy, keyIdOf } from './jwt.ts';
import type { DecodedJwt } from './jwt.ts';
import { legacyIssuer } from './tokens.ts';
import type { BoundReference, ServiceAccountClaims } from './tokens.ts';
import {
  parseServiceAccountUsername,
  serviceAccountGroups,
  serviceAccountUsername,
  withAuthenticatedGroup,
} from './users.ts';

/** How far clocks may be apart, and how long a deleted object still counts. */
const leewaySeconds = 60;
const tokensCached = 16_384;

export interface ServiceAccountTokenOptions {
  readonly clock: Clock;
  readonly view: ClusterView;
  /** The first is the one new tokens carry; tokens of the others are taken too. */
  readonly issuers: readonly string[];
  /** What the API server answers to. */
  readonly audiences: readonly string[];
  readonly publicKeys: readonly KeyObject[];
}

interface VerifiedToken {
  readonly user: UserInfo;
  /** Empty for the old ones: good for the API server's own audiences. */
  readonly audiences: readonly string[];
  /** Checks the objects behind the token, throws TokenError, returns the epoch ms until which nothing but a change can end it. */
  readonly check: () => number;
  readonly dependsOn: readonly string[];
  checkedUntil: number;
}

function keyOf(resource: string, namespace: string, name: string): string {
  return `${resource}/${namespace}/${name}`;
}

export class ServiceAccountTokenAuthenticator implements TokenAuthenticator {
  readonly #options: ServiceAccountTokenOptions;
  readonly #keys: readonly { readonly id: string; readonly key: KeyObject }[];
  readonly #dependents = new Map<string, Set<VerifiedToken>>();
  readonly #verified = new BoundedCache<string, VerifiedToken>(tokensCached, (_, token) =>
    this.#forget(token),
  );
  readonly #stop: readonly (() => void)[];

  constructor(options: ServiceAccountTokenOptions) {
    this.#options = options;
    this.#keys = options.publicKeys.map((key) => ({ id: keyIdOf(key), key }));
    this.#stop = ['serviceaccounts', 'secrets', 'pods', 'nodes'].map((resource) =>
      options.view.onChange('', resource, ({ namespace, name }) => {
        for (const token of this.#dependents.get(keyOf(resource, namespace, name)) ?? [])
          token.checkedUntil = 0;
      }),
    );
  }

  close(): void {
    for (const stop of this.#stop) stop();
    this.#verified.clear();
  }

  authenticateToken(token: string, asked?: readonly string[]): TokenIdentity | undefined {
    const known = this.#verified.get(token) ?? this.#verify(token);
    if (!known) return undefined;
    if (known.checkedUntil <= this.#options.clock.now()) {
      try {
        known.checkedUntil = known.check();
      } catch (error) {
        this.#verified.delete(token);
        throw error;
      }
    }
    const wanted = asked ?? this.#options.audiences;
    const offered = known.audiences.length > 0 ? known.audiences : this.#options.audiences;
    const audiences = offered.filter((audience) => wanted.includes(audience));
    if (audiences.length === 0)
      throw new TokenError(
        `token audiences ${quoteAll(offered)} is invalid for the target audiences ${quoteAll(wanted)}`,
      );
    return { user: known.user, audiences };
  }

  #verify(token: string): VerifiedToken | undefined {
    const decoded = decodeJwt(token);
    if (!decoded) return undefined;
    const issuer = decoded.claims['iss'];
    const isLegacy = issuer === legacyIssuer;
    if (!isLegacy && !(typeof issuer === 'string' && this.#options.issuers.includes(issuer)))
      return undefined;
    this.#checkSignature(token, decoded);
    const verified = isLegacy ? this.#legacy(token, decoded) : this.#bound(decoded);
    verified.checkedUntil = verified.check();
    this.#verified.set(token, verified);
    for (const key of verified.dependsOn) {
      const dependents = this.#dependents.get(key);
      if (dependents) dependents.add(verified);
      else this.#dependents.set(key, new Set([verified]));
    }
    return verified;
  }

  #checkSignature(token: string, { algorithm, keyId }: DecodedJwt): void {
    const keys = keyId === undefined ? this.#keys : this.#keys.filter(({ id }) => id === keyId);
    if (keys.length === 0) throw new TokenError('invalid signature, no keys found');
    if (!keys.some(({ key }) => isSignedBy(token, algorithm, key)))
      throw new TokenError('error verifying the token signature');
  }

  #forget(token: VerifiedToken): void {
    for (const key of token.dependsOn) {
      const dependents = this.#dependents.get(key);
      dependents?.delete(token);
      if (dependents?.size === 0) this.#dependents.delete(key);
    }
  }

  #bound(decoded: DecodedJwt): VerifiedToken {
    const claims = decoded.claims as unknown as ServiceAccountClaims;
    const about = claims['kubernetes.io'];
    const { namespace, serviceaccount, pod, secret, node } = about ?? {};
    if (!namespace || !serviceaccount?.name || !serviceaccount.uid)
      throw new TokenError('service account token claims could not be validated');
    const extra: Record<string, string[]> = {};
    if (claims.jti) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${claims.jti}`];
    if (pod) {
      extra['authentication.kubernetes.io/pod-name'] = [pod.name];
      extra['authentication.kubernetes.io/pod-uid'] = [pod.uid ?? ''];
    }
    if (node) {
      extra['authentication.kubernetes.io/node-name'] = [node.name];
      if (node.uid) extra['authentication.kubernetes.io/node-uid'] = [node.uid];
    }
    const dependsOn = [keyOf('serviceaccounts', namespace, serviceaccount.name)];
    if (pod) dependsOn.push(keyOf('pods', namespace, pod.name));
    if (secret) dependsOn.push(keyOf('secrets', namespace, secret.name));
    if (node && !pod) dependsOn.push(keyOf('nodes', '', node.name));
    const check = () => {
      let until = this.#checkTimes(claims);
      until = Math.min(until, this.#checkServiceAccount(namespace, serviceaccount));
      if (secret)
        until = Math.min(until, this.#checkBoundObject('secrets', 'secret', 'Secret', namespace, secret));
      if (pod) until = Math.min(until, this.#checkBoundObject('pods', 'pod', 'Pod', namespace, pod));
      if (node && !pod) until = Math.min(until, this.#checkBoundObject('nodes', 'node', 'node', '', node));
      return until;
    };
    const user = serviceAccountUser(namespace, serviceaccount.name, serviceaccount.uid, extra);
    return { user, audiences: audiencesOf(claims), check, dependsOn, checkedUntil: 0 };
  }

  #checkTimes({ exp, nbf, iat }: ServiceAccountClaims): number {
    const now = this.#options.clock.now() / 1000;
    if (nbf !== undefined && nbf > now + leewaySeconds)
      throw new TokenError('service account token is not valid yet');
    if (exp !== undefined && exp < now - leewaySeconds)
      throw new TokenError('service account token has expired');
    if (iat !== undefined && iat > now + leewaySeconds)
      throw new TokenError('service account token is issued in the future');
    return exp === undefined ? Infinity : (exp + leewaySeconds) * 1000;
  }

  #checkServiceAccount(namespace: string, { name, uid }: BoundReference): number {
    const account = this.#options.view.get('', 'serviceaccounts', namespace, name);
    if (!account) throw new TokenError(`serviceaccounts "${name}" not found`);
    if (account.metadata.uid !== uid)
      throw new TokenError(`service account UID (${account.metadata.uid}) does not match claim (${uid})`);
    return this.#deadline(
      account.metadata.deletionTimestamp,
      `service account ${namespace}/${name} has been deleted`,
    );
  }

  #checkBoundObject(
    resource: string,
    kind: string,
    title: string,
    namespace: string,
    { name, uid }: BoundReference,
  ): number {
    const object = this.#options.view.get('', resource, namespace, name);
    if (!object) throw new TokenError('service account token has been invalidated');
    if (object.metadata.uid !== uid)
      throw new TokenError(
        `${title === 'node' ? 'node' : kind} UID (${object.metadata.uid}) does not match service account ${kind} ref claim (${uid})`,
      );
    return this.#deadline(object.metadata.deletionTimestamp, 'service account token has been invalidated');
  }

  /** A deleted object counts for a little while: the last requests of a pod that ends must get through. */
  #deadline(deletionTimestamp: string | undefined, refusal: string): number {
    if (deletionTimestamp === undefined) return Infinity;
    const end = Date.parse(deletionTimestamp) + leewaySeconds * 1000;
    if (end < this.#options.clock.now()) throw new TokenError(refusal);
    return end;
  }

  #legacy(token: string, { claims }: DecodedJwt): VerifiedToken {
    const text = (name: string) => {
      const value = claims[`kubernetes.io/serviceaccount/${name}`];
      return typeof value === 'string' ? value : '';
    };
    const subject = parseServiceAccountUsername(typeof claims['sub'] === 'string' ? claims['sub'] : '');
    const namespace = text('namespace');
    const secretName = text('secret.name');
    const name = text('service-account.name');
    const uid = text('service-account.uid');
    if (!namespace) throw new TokenError('namespace claim is missing');
    if (!secretName) throw new TokenError('secretName claim is missing');
    if (!name) throw new TokenError('serviceAccountName claim is missing');
    if (!uid) throw new TokenError('serviceAccountUID claim is missing');
    if (subject?.namespace !== namespace || subject.name !== name)
      throw new TokenError('sub claim is invalid');
    const check = () => {
      const secret = this.#options.view.get('', 'secrets', namespace, secretName) as Secret | undefined;
      if (!secret || secret.metadata.deletionTimestamp) throw new TokenError('Token has been invalidated');
      if (!isSame(Buffer.from(secret.data?.['token'] ?? '', 'base64'), Buffer.from(token)))
        throw new TokenError("Token does not match server's copy");
      const account = this.#options.view.get('', 'serviceaccounts', namespace, name) as
        ServiceAccount | undefined;
      if (!account) throw new TokenError(`serviceaccounts "${name}" not found`);
      if (account.metadata.deletionTimestamp)
        throw new TokenError(`ServiceAccount ${namespace}/${name} has been deleted`);
      if (account.metadata.uid !== uid)
        throw new TokenError(`ServiceAccount UID (${account.metadata.uid}) does not match claim (${uid})`);
      if (secret.metadata.labels?.['kubernetes.io/legacy-token-invalid-since'])
        throw new TokenError(
          `the token in secret ${namespace}/${secretName} for service account ${namespace}/${name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the 'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token`,
        );
      return Infinity;
    };
    const dependsOn = [keyOf('serviceaccounts', namespace, name), keyOf('secrets', namespace, secretName)];
    return {
      user: serviceAccountUser(namespace, name, uid, {}),
      audiences: [],
      check,
      dependsOn,
      checkedUntil: 0,
    };
  }
}

function serviceAccountUser(
  namespace: string,
  name: string,
  uid: string,
  extra: Record<string, string[]>,
): UserInfo {
  return withAuthenticatedGroup({
    username: serviceAccountUsername(namespace, name),
    uid,
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  });
}

function audiencesOf({ aud }: ServiceAccountClaims): readonly string[] {
  return typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud : [];
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** As Go prints a list of strings with %q. */
function quoteAll(texts: readonly string[]): string {
  return `[${texts.map((text) => goQuote(text)).join(' ')}]`;
}
