/**
 * Issuing of service-account tokens, and the documents by which others can
 * check them (OIDC discovery, JWKS). The claims are upstream's.
 */
import { goQuote } from '../../api/validation/go-format.ts';
import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { badRequest, conflict, invalid, notFound } from '../../api/errors.ts';
import type { TokenRequest } from '../../api/types/authentication-v1.ts';
import type { ObjectMeta } from '../../api/types/meta-v1.ts';
import type { Pod, Secret, ServiceAccount } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { ClusterView } from '../admission/contract.ts';
import { algorithmOf, keyIdOf, signJwt } from './jwt.ts';
import { serviceAccountUsername } from './users.ts';

/** Who signs the tokens that live in Secrets; they are bound to the Secret and never expire. */
export const legacyIssuer = 'kubernetes/serviceaccount';

export interface BoundReference {
  readonly name: string;
  readonly uid?: string;
}

/** What a bound token says. Times are seconds since the epoch. */
export interface ServiceAccountClaims {
  readonly aud: readonly string[] | string;
  readonly exp?: number;
  readonly iat?: number;
  readonly iss: string;
  readonly jti?: string;
  readonly nbf?: number;
  readonly sub: string;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly node?: BoundReference;
    readonly pod?: BoundReference;
    readonly secret?: BoundReference;
    readonly serviceaccount: BoundReference;
    readonly warnafter?: number;
  };
}

const expirationSecondsMin = 600;
const expirationSecondsMax = 2 ** 32;
const defaultExpirationSeconds = 3600;
/** What the projected volumes of pods ask for; such a token lives a year, but is reported stale after this. */
const warnOnlyExpirationSeconds = 3607;
const extendedExpirationSeconds = 365 * 24 * 60 * 60;

export interface TokenIssuerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly view: ClusterView;
  readonly issuer: string;
  readonly privateKey: KeyObject;
  /** What the API server answers to; tokens get these where none are asked for. */
  readonly audiences: readonly string[];
}

export class TokenIssuer {
  readonly #options: TokenIssuerOptions;
  readonly #keyId: string;

  constructor(options: TokenIssuerOptions) {
    this.#options = options;
    this.#keyId = keyIdOf(createPublicKey(options.privateKey));
  }

  /**
   * Answers a TokenRequest for the service account of the path. Throws ApiError
   * as upstream: 404 without the account or the bound object, 409 for another
   * uid, 422 for a bad duration, 400 for what a token cannot be bound to.
   */
  answer(request: TokenRequest, namespace: string, name: string): TokenRequest {
    const { clock, view, audiences: ownAudiences } = this.#options;
    const metadata = request.metadata ?? {};
    for (const [field, asked, actual, what] of [
      ['metadata.name', metadata.name, name, 'name'],
      ['metadata.namespace', metadata.namespace, namespace, 'namespace'],
    ] as const)
      if (asked && asked !== actual)
        throw invalid('authentication.k8s.io', 'TokenRequest', name, [
          {
            reason: 'FieldValueInvalid',
            field,
            message: `Invalid value: ${goQuote(asked)}: must match the service account ${what} if specified`,
          },
        ]);
    const account = view.get('', 'serviceaccounts', namespace, name) as ServiceAccount | undefined;
    if (!account) throw notFound({ group: '', kind: 'serviceaccounts', name });
    const uid = account.metadata.uid ?? '';
    if (metadata.uid && metadata.uid !== uid)
      throw conflict(
        { group: 'authentication.k8s.io', kind: 'TokenRequest', name },
        `the UID in the token request (${metadata.uid}) does not match the UID of the service account (${uid})`,
      );
    const expirationSeconds = request.spec?.expirationSeconds ?? defaultExpirationSeconds;
    checkExpiration(expirationSeconds);
    const audiences = request.spec?.audiences?.length ? request.spec.audiences : [...ownAudiences];
    const bound = this.#boundObjects(request, namespace, name);
    const now = clock.now();
    const extended =
      bound.pod !== undefined &&
      expirationSeconds === warnOnlyExpirationSeconds &&
      audiences.every((audience) => ownAudiences.includes(audience));
    const token = this.issue({ account, ...bound, audiences, expirationSeconds, extended });
    return {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { ...metadata, name, namespace, uid, creationTimestamp: formatTime(now) },
      spec: {
        audiences,
        expirationSeconds,
        ...(request.spec?.boundObjectRef ? { boundObjectRef: request.spec.boundObjectRef } : {}),
      },
      status: { token, expirationTimestamp: formatTime(now + expirationSeconds * 1000) },
    };
  }

  /** Signs a token. At most one of pod (with its node), secret and node is bound. */
  issue({
    account,
    pod,
    secret,
    node,
    audiences,
    expirationSeconds,
    extended = false,
  }: IssueOptions): string {
    const { clock, random, issuer, privateKey } = this.#options;
    const now = Math.floor(clock.now() / 1000);
    const namespace = account.metadata.namespace ?? '';
    const name = account.metadata.name ?? '';
    const claims: ServiceAccountClaims = {
      aud: audiences,
      exp: now + (extended ? extendedExpirationSeconds : expirationSeconds),
      iat: now,
      iss: issuer,
      jti: random.uuid(),
      'kubernetes.io': {
        namespace,
        ...(node ? { node: referenceTo(node) } : {}),
        ...(pod ? { pod: referenceTo(pod) } : {}),
        ...(secret ? { secret: referenceTo(secret) } : {}),
        serviceaccount: referenceTo(account),
        ...(extended ? { warnafter: now + expirationSeconds } : {}),
      },
      nbf: now,
      sub: serviceAccountUsername(namespace, name),
    };
    return signJwt(claims, privateKey, this.#keyId);
  }

  #boundObjects(
    request: TokenRequest,
    namespace: string,
    accountName: string,
  ): { pod?: Named; secret?: Named; node?: Named } {
    const reference = request.spec?.boundObjectRef;
    if (!reference) return {};
    const { view } = this.#options;
    const kind = reference.kind ?? '';
    const apiVersion = reference.apiVersion ?? '';
    const resource = apiVersion === 'v1' ? boundResources[kind] : undefined;
    if (!resource) {
      const [version = '', group = ''] = apiVersion.split('/').reverse();
      throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
    }
    const name = reference.name ?? '';
    const object = view.get('', resource, resource === 'nodes' ? '' : namespace, name);
    if (!object) throw notFound({ group: '', kind: resource, name });
    if (resource === 'pods' && (object as unknown as Pod).spec?.serviceAccountName !== accountName)
      throw badRequest(
        `cannot bind token for serviceaccount ${goQuote(accountName)} to pod running with different serviceaccount name.`,
      );
    if (reference.uid && reference.uid !== object.metadata.uid)
      throw conflict(
        { group: '', kind, name },
        `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    if (resource === 'secrets') return { secret: object };
    if (resource === 'nodes') return { node: object };
    const nodeName = (object as unknown as Pod).spec?.nodeName;
    if (!nodeName) return { pod: object };
    return { pod: object, node: view.get('', 'nodes', '', nodeName) ?? { metadata: { name: nodeName } } };
  }
}

/** The token that a Secret of type kubernetes.io/service-account-token holds. It needs no issuer: controllers sign it too. */
export function secretTokenOf(account: ServiceAccount, secret: Secret, privateKey: KeyObject): string {
  const namespace = account.metadata.namespace ?? '';
  const name = account.metadata.name ?? '';
  const claims = {
    iss: legacyIssuer,
    'kubernetes.io/serviceaccount/namespace': namespace,
    'kubernetes.io/serviceaccount/secret.name': secret.metadata.name,
    'kubernetes.io/serviceaccount/service-account.name': name,
    'kubernetes.io/serviceaccount/service-account.uid': account.metadata.uid,
    sub: serviceAccountUsername(namespace, name),
  };
  return signJwt(claims, privateKey, keyIdOf(createPublicKey(privateKey)));
}

type Named = { readonly metadata: ObjectMeta };

export interface IssueOptions {
  readonly account: Named;
  readonly pod?: Named;
  readonly secret?: Named;
  readonly node?: Named;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  /** Lives a year, counts as stale after `expirationSeconds`. */
  readonly extended?: boolean;
}

const boundResources: Readonly<Record<string, string>> = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' };

function referenceTo({ metadata }: Named): BoundReference {
  return { name: metadata.name ?? '', ...(metadata.uid ? { uid: metadata.uid } : {}) };
}

function checkExpiration(seconds: number): void {
  const refuse = (why: string) =>
    invalid('authentication.k8s.io', 'TokenRequest', '', [
      {
        reason: 'FieldValueInvalid',
        field: 'spec.expirationSeconds',
        message: `Invalid value: ${seconds}: ${why}`,
      },
    ]);
  if (seconds < expirationSecondsMin) throw refuse('may not specify a duration less than 10 minutes');
  if (seconds > expirationSecondsMax) throw refuse('may not specify a duration larger than 2^32 seconds');
}

/** The body of /openid/v1/jwks (application/jwk-set+json). */
export function jwksDocument(publicKeys: readonly KeyObject[]): string {
  return JSON.stringify({
    keys: publicKeys.map((key) => {
      const { kty, crv, x, y, n, e } = key.export({ format: 'jwk' });
      const named = { use: 'sig', kty, kid: keyIdOf(key) };
      const alg = algorithmOf(key);
      return kty === 'RSA' ? { ...named, alg, n, e } : { ...named, crv, alg, x, y };
    }),
  });
}

/** The body of /.well-known/openid-configuration. `jwksUri` is where others reach /openid/v1/jwks. */
export function discoveryDocument(issuer: string, jwksUri: string, publicKeys: readonly KeyObject[]): string {
  return JSON.stringify({
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(publicKeys.map(algorithmOf))].sort(),
  });
}
