import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { ApiError } from '../../api/errors.ts';
import { systemClock } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { ExchangeRequest } from '../../base/exchange.ts';
import { seededRandom } from '../../base/random.ts';
import { MemoryView } from '../admission/memory-view.testing.ts';
import { Authentication } from './authentication.ts';
import { BootstrapTokenAuthenticator } from './bootstrap-token.ts';
import { decodeJwt } from './jwt.ts';
import { reviewSelf, reviewToken } from './reviews.ts';
import { ServiceAccountTokenAuthenticator } from './service-account-token.ts';
import { discoveryDocument, jwksDocument, secretTokenOf, TokenIssuer } from './tokens.ts';

const issuer = 'https://kubernetes.default.svc.cluster.local';

function request(more: Partial<ExchangeRequest> = {}): ExchangeRequest {
  return {
    method: 'GET',
    target: '/',
    headers: {},
    body: async () => new Uint8Array(),
    remoteAddress: '',
    ...more,
  };
}

function bearer(token: string): ExchangeRequest {
  return request({ headers: { authorization: `Bearer ${token}` } });
}

function setUp(privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey) {
  let offsetMs = 0;
  const system = systemClock();
  const clock: Clock = { ...system, now: () => system.now() + offsetMs };
  const view = new MemoryView();
  view.put('', 'serviceaccounts', { metadata: { namespace: 'default', name: 'robot', uid: 'sa-1' } });
  view.put('', 'nodes', { metadata: { name: 'n1', uid: 'node-1' } });
  view.put('', 'pods', {
    metadata: { namespace: 'default', name: 'web', uid: 'pod-1' },
    spec: { serviceAccountName: 'robot', nodeName: 'n1' },
  });
  const publicKeys = [createPublicKey(privateKey)];
  const tokens = new TokenIssuer({
    clock,
    random: seededRandom(1),
    view,
    issuer,
    privateKey,
    audiences: [issuer],
  });
  const accounts = new ServiceAccountTokenAuthenticator({
    clock,
    view,
    issuers: [issuer],
    audiences: [issuer],
    publicKeys,
  });
  const kinds = [accounts, new BootstrapTokenAuthenticator(view, clock)];
  return {
    view,
    tokens,
    kinds,
    privateKey,
    publicKeys,
    clock,
    authentication: new Authentication({ tokens: kinds }),
    advance: (ms: number) => (offsetMs += ms),
  };
}

function tokenFor({ tokens }: ReturnType<typeof setUp>, spec: object = {}): string {
  return (
    tokens.answer({ metadata: {}, spec: { audiences: [], ...spec } }, 'default', 'robot').status?.token ?? ''
  );
}

const is401 = (error: unknown) =>
  error instanceof ApiError && error.code === 401 && error.message === 'Unauthorized';
const podReference = { kind: 'Pod', apiVersion: 'v1', name: 'web', uid: 'pod-1' };

describe('authentication', () => {
  test('no credentials: the anonymous user', () => {
    const { authentication } = setUp();
    assert.deepEqual(authentication.authenticate(request()), {
      username: 'system:anonymous',
      groups: ['system:unauthenticated'],
    });
    assert.equal(
      authentication.authenticate(request({ headers: { authorization: 'Basic abc' } })).username,
      'system:anonymous',
    );
  });

  test('client certificate: common name and organizations, the same object again', () => {
    const { authentication } = setUp();
    const peerCertificate = { commonName: 'jane', organizations: ['dev'], fingerprint: 'ab12' };
    const user = authentication.authenticate(request({ peerCertificate }));
    assert.deepEqual(user, {
      username: 'jane',
      groups: ['dev', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab12'] },
    });
    assert.equal(authentication.authenticate(request({ peerCertificate: { ...peerCertificate } })), user);
  });

  test('in-process identity is taken as it is', () => {
    const { authentication } = setUp();
    const identity = { username: 'system:kube-scheduler', groups: [] };
    const user = authentication.authenticate(request({ identity }));
    assert.deepEqual(user.groups, ['system:authenticated']);
    assert.equal(authentication.authenticate(request({ identity })), user);
  });

  test('a token that nobody knows is 401', () => {
    const { authentication } = setUp();
    for (const token of [
      'x',
      'a.b.c',
      `${Buffer.from('{}').toString('base64url')}.${Buffer.from('{"iss":"other"}').toString('base64url')}.x`,
    ])
      assert.throws(() => authentication.authenticate(bearer(token)), is401);
  });

  test('bootstrap token', () => {
    const setup = setUp();
    const data = (values: Record<string, string>) =>
      Object.fromEntries(
        Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
      );
    const values = {
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
    };
    const put = (more: Record<string, string> = {}) =>
      setup.view.put('', 'secrets', {
        metadata: { namespace: 'kube-system', name: 'bootstrap-token-abcdef' },
        type: 'bootstrap.kubernetes.io/token',
        data: data({ ...values, ...more }),
      });
    put();
    const user = setup.authentication.authenticate(bearer('abcdef.0123456789abcdef'));
    assert.deepEqual(user, {
      username: 'system:bootstrap:abcdef',
      groups: [
        'system:bootstrappers',
        'system:bootstrappers:kubeadm:default-node-token',
        'system:authenticated',
      ],
    });
    assert.throws(() => setup.authentication.authenticate(bearer('abcdef.0123456789abcdee')), is401);
    put({ expiration: '2020-01-01T00:00:00Z' });
    assert.throws(() => setup.authentication.authenticate(bearer('abcdef.0123456789abcdef')), is401);
  });
});

describe('service-account tokens', () => {
  test('bound to a pod: claims and user as upstream', () => {
    const setup = setUp();
    const token = tokenFor(setup, { boundObjectRef: podReference, expirationSeconds: 3607 });
    const { claims } = decodeJwt(token) ?? {};
    assert.deepEqual(claims?.['aud'], [issuer]);
    const about = claims?.['kubernetes.io'] as Record<string, unknown>;
    assert.deepEqual(about['pod'], { name: 'web', uid: 'pod-1' });
    assert.deepEqual(about['node'], { name: 'n1', uid: 'node-1' });
    assert.equal((claims?.['exp'] as number) - (claims?.['iat'] as number), 31_536_000);
    assert.equal((about['warnafter'] as number) - (claims?.['iat'] as number), 3607);
    assert.deepEqual(setup.authentication.authenticate(bearer(token)), {
      username: 'system:serviceaccount:default:robot',
      uid: 'sa-1',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/credential-id': [`JTI=${String(claims?.['jti'])}`],
        'authentication.kubernetes.io/node-name': ['n1'],
        'authentication.kubernetes.io/node-uid': ['node-1'],
        'authentication.kubernetes.io/pod-name': ['web'],
        'authentication.kubernetes.io/pod-uid': ['pod-1'],
      },
    });
  });

  test('known ones are not looked at again until something changes', () => {
    const setup = setUp();
    const token = tokenFor(setup, { boundObjectRef: podReference });
    const first = setup.authentication.authenticate(bearer(token));
    const { reads } = setup.view;
    assert.equal(setup.authentication.authenticate(bearer(token)), first);
    assert.equal(setup.view.reads, reads);
    setup.view.put('', 'pods', {
      metadata: { namespace: 'default', name: 'web', uid: 'pod-1', labels: { a: 'b' } },
      spec: {},
    });
    assert.equal(setup.authentication.authenticate(bearer(token)), first);
    setup.view.put('', 'pods', { metadata: { namespace: 'default', name: 'web', uid: 'pod-2' }, spec: {} });
    assert.throws(() => setup.authentication.authenticate(bearer(token)), is401);
  });

  test('end with the account, with time, and a minute after deletion of the pod', () => {
    const setup = setUp();
    const plain = tokenFor(setup, { expirationSeconds: 600 });
    const bound = tokenFor(setup, { boundObjectRef: podReference, expirationSeconds: 6000 });
    setup.authentication.authenticate(bearer(plain));
    setup.authentication.authenticate(bearer(bound));
    setup.advance(661_000);
    assert.throws(() => setup.authentication.authenticate(bearer(plain)), is401);
    const deletionTimestamp = new Date(setup.clock.now()).toISOString();
    setup.view.put('', 'pods', {
      metadata: { namespace: 'default', name: 'web', uid: 'pod-1', deletionTimestamp },
      spec: {},
    });
    setup.authentication.authenticate(bearer(bound));
    setup.advance(62_000);
    assert.throws(() => setup.authentication.authenticate(bearer(bound)), is401);
    const other = tokenFor(setup);
    setup.authentication.authenticate(bearer(other));
    setup.view.remove('', 'serviceaccounts', 'default', 'robot');
    assert.throws(() => setup.authentication.authenticate(bearer(other)), is401);
  });

  test('a changed claim or a foreign key is refused', () => {
    const setup = setUp();
    const [header = '', payload = '', signature = ''] = tokenFor(setup).split('.');
    const changed = Buffer.from(
      Buffer.from(payload, 'base64url').toString().replace('robot', 'admin'),
    ).toString('base64url');
    assert.throws(
      () => setup.authentication.authenticate(bearer(`${header}.${changed}.${signature}`)),
      is401,
    );
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    assert.throws(() => setup.authentication.authenticate(bearer(`${none}.${payload}.`)), is401);
    assert.throws(() => setup.authentication.authenticate(bearer(tokenFor(setUp()))), is401);
  });

  test('RSA keys sign too', () => {
    const setup = setUp(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
    assert.equal(
      setup.authentication.authenticate(bearer(tokenFor(setup))).username,
      'system:serviceaccount:default:robot',
    );
    assert.equal(JSON.parse(jwksDocument(setup.publicKeys)).keys[0].alg, 'RS256');
  });

  test('kept in a Secret', () => {
    const setup = setUp();
    const account = setup.view.get('', 'serviceaccounts', 'default', 'robot');
    assert.ok(account);
    const secret = { metadata: { namespace: 'default', name: 'robot-token' } };
    const token = secretTokenOf(account as never, secret, setup.privateKey);
    assert.throws(() => setup.authentication.authenticate(bearer(token)), is401);
    setup.view.put('', 'secrets', { ...secret, data: { token: Buffer.from(token).toString('base64') } });
    assert.equal(setup.authentication.authenticate(bearer(token)).uid, 'sa-1');
    setup.view.remove('', 'secrets', 'default', 'robot-token');
    assert.throws(() => setup.authentication.authenticate(bearer(token)), is401);
  });

  test('TokenRequest: refusals', () => {
    const setup = setUp();
    const answer =
      (spec: object, metadata: object = {}, name = 'robot') =>
      () =>
        setup.tokens.answer({ metadata, spec: spec as never }, 'default', name);
    const refusal = (code: number, message: string) => (error: unknown) => {
      assert.ok(error instanceof ApiError);
      assert.deepEqual([error.code, error.message], [code, message]);
      return true;
    };
    assert.throws(answer({}, {}, 'ghost'), refusal(404, 'serviceaccounts "ghost" not found'));
    assert.throws(
      answer({ expirationSeconds: 10 }),
      refusal(
        422,
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 10: may not specify a duration less than 10 minutes',
      ),
    );
    assert.throws(
      answer({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'ghost' } }),
      refusal(404, 'pods "ghost" not found'),
    );
    assert.throws(
      answer({ boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'x' } }),
      refusal(400, 'cannot bind token to object of type /v1, Kind=ConfigMap'),
    );
    assert.throws(
      answer({ boundObjectRef: { ...podReference, uid: 'other' } }),
      refusal(
        409,
        'Operation cannot be fulfilled on Pod "web": the UID in the bound object reference (other) does not match the UID in record. The object might have been deleted and then recreated',
      ),
    );
  });

  test('discovery documents', () => {
    const { publicKeys } = setUp();
    assert.deepEqual(
      JSON.parse(discoveryDocument(issuer, 'https://1.2.3.4:6443/openid/v1/jwks', publicKeys)),
      {
        issuer,
        jwks_uri: 'https://1.2.3.4:6443/openid/v1/jwks',
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      },
    );
    const [key] = JSON.parse(jwksDocument(publicKeys)).keys;
    assert.deepEqual(Object.keys(key), ['use', 'kty', 'kid', 'crv', 'alg', 'x', 'y']);
  });
});

describe('reviews of who', () => {
  test('TokenReview', () => {
    const setup = setUp();
    const token = tokenFor(setup, { audiences: ['vault'] });
    const own = reviewToken({ metadata: {}, spec: { token } }, setup.kinds, [issuer]);
    assert.deepEqual(own.status, {
      user: {},
      error: `token audiences ["vault"] is invalid for the target audiences ["${issuer}"]`,
    });
    const vault = reviewToken({ metadata: {}, spec: { token, audiences: ['vault', 'other'] } }, setup.kinds, [
      issuer,
    ]);
    assert.equal(vault.status?.authenticated, true);
    assert.deepEqual(vault.status?.audiences, ['vault']);
    assert.equal(vault.status?.user?.username, 'system:serviceaccount:default:robot');
    assert.deepEqual(reviewToken({ metadata: {}, spec: { token: 'x' } }, setup.kinds, [issuer]).status, {
      user: {},
      error: 'invalid bearer token',
    });
  });

  test('SelfSubjectReview', () => {
    const review = reviewSelf({ username: 'jane', groups: ['dev'] }, systemClock());
    assert.deepEqual(review.status, { userInfo: { username: 'jane', groups: ['dev'] } });
  });
});
