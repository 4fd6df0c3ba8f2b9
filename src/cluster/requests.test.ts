/** What a client gets to see that only shows with the whole server: over the wire, as any client. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { exchangeTransport } from '../client/transports/exchange.ts';
import { http2Transport } from '../client/transports/http2.ts';
import { impersonating } from '../client/transports/impersonating.ts';
import type { ClientResponse, Transport } from '../client/transport.ts';
import { startApiServer, type RunningApiServer } from './api-server.ts';
import { administrator } from './identities.ts';
import { componentSubjects } from './pki/pki.ts';

const clock = systemClock();
const dataDir = mkdtempSync(join(tmpdir(), 'coxswain-requests-'));
let server: RunningApiServer;
let admin: Transport;
let overHttp2: Transport;
let tls: { readonly ca: string; readonly cert: string; readonly key: string };

before(async () => {
  const host = '127.0.0.1';
  server = await startApiServer({ datastore: 'memory', dataDir, host, port: 0, clock, random: systemRandom(), logger: silentLogger });
  const { certificate, privateKey } = server.pki.issueClientCertificate(componentSubjects.admin);
  tls = { ca: server.pki.authorityCertificate, cert: certificate, key: privateKey };
  admin = exchangeTransport(server.handler, administrator);
  overHttp2 = http2Transport({ server: `https://${host}:${server.port}`, ...tls }, { clock });
});

after(async () => {
  await admin.close();
  await overHttp2.close();
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

function send(transport: Transport, method: 'GET' | 'POST' | 'PUT', target: string, body?: unknown): Promise<ClientResponse> {
  return transport.request({
    method,
    target,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
  });
}

interface Answered {
  readonly message?: string;
  readonly metadata: { readonly resourceVersion?: string; readonly generation?: number };
}

function parsed(response: ClientResponse): Answered {
  return JSON.parse(Buffer.from(response.body).toString()) as Answered;
}

describe('deprecated resources', () => {
  const warning = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"';

  test('warn on answers, on errors and on watches', async () => {
    assert.equal((await send(admin, 'GET', '/api/v1/namespaces/default/endpoints')).headers['warning'], warning);
    const missing = await send(admin, 'GET', '/api/v1/namespaces/default/endpoints/none');
    assert.deepEqual([missing.status, missing.headers['warning']], [404, warning]);
    const watch = await send(admin, 'GET', '/api/v1/endpoints?watch=1&timeoutSeconds=1');
    assert.equal(watch.headers['warning'], warning);
    assert.equal((await send(admin, 'GET', '/api/v1/componentstatuses')).headers['warning'], '299 - "v1 ComponentStatus is deprecated in v1.19+"');
  });

  test('others do not', async () => {
    assert.equal((await send(admin, 'GET', '/api/v1/services')).headers['warning'], undefined);
  });
});

describe('impersonation', () => {
  const review = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const groups = ['plain', 'with, a comma', 'system:authenticated'];
  const extra = { 'acme.com/teams': ['a, b', 'c'] };
  const user = { username: 'jane', groups, extra };
  const userOf = (body: string) => (JSON.parse(body) as { status: { userInfo: unknown } }).status.userInfo;

  for (const [name, transport] of [
    ['HTTP/2', () => overHttp2],
    ['the same thread', () => admin],
  ] as const)
    test(`over ${name} each repeated header is one value`, async () => {
      const answer = await send(impersonating(transport(), user), 'POST', review, { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
      assert.equal(answer.status, 201);
      assert.deepEqual(userOf(Buffer.from(answer.body).toString()), user);
    });

  test('over HTTP/1.1 each repeated header is one value', async () => {
    const headers = {
      'Content-Type': 'application/json',
      'Impersonate-User': 'jane',
      'Impersonate-Group': ['plain', 'with, a comma'],
      'Impersonate-Extra-Acme.com%2Fteams': ['a, b', 'c'],
    };
    const body = await new Promise<string>((resolve, reject) => {
      const request = https.request({ host: '127.0.0.1', port: server.port, path: review, method: 'POST', ...tls, agent: false, headers }, (response) => {
        response.toArray().then((chunks) => resolve(Buffer.concat(chunks).toString()), reject);
      });
      request.once('error', reject);
      request.end(JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }));
    });
    assert.deepEqual(userOf(body), user);
  });
});

describe('events by their two names', () => {
  const metadata = (name: string) => ({ name, namespace: 'default' });

  test('core takes a bare one', async () => {
    const event = { metadata: metadata('old'), involvedObject: { namespace: 'default', kind: 'Pod', name: 'a' }, reason: 'x' };
    assert.equal((await send(admin, 'POST', '/api/v1/namespaces/default/events', event)).status, 201);
  });

  test('events.k8s.io wants it whole', async () => {
    const events = '/apis/events.k8s.io/v1/namespaces/default/events';
    const bare = await send(admin, 'POST', events, { metadata: metadata('new'), regarding: { namespace: 'default', kind: 'Pod', name: 'a' }, reason: 'x' });
    assert.equal(bare.status, 422);
    assert.match(String(parsed(bare).message), /eventTime: Required value.*type: Invalid value: "": has invalid value: /);
    const whole = {
      metadata: metadata('new'),
      regarding: { namespace: 'default', kind: 'Pod', name: 'a' },
      reason: 'x',
      type: 'Normal',
      action: 'Doing',
      eventTime: '2026-01-02T03:04:05.000000Z',
      reportingController: 'example.com/test',
      reportingInstance: 'test-1',
    };
    assert.equal((await send(admin, 'POST', events, whole)).status, 201);
    const changed = await send(admin, 'PUT', `${events}/new`, { ...whole, reason: 'y' });
    assert.equal(changed.status, 422);
    assert.match(String(parsed(changed).message), /reason: Invalid value: "y": field is immutable/);
    assert.equal((await send(admin, 'PUT', `${events}/new`, { ...whole, series: { count: 2, lastObservedTime: '2026-01-02T03:04:06.000000Z' } })).status, 200);
  });
});

describe('updates that change nothing', () => {
  test('keep revision and generation where a typed client fills in what is empty', async () => {
    const deployments = '/apis/apps/v1/namespaces/default/deployments';
    const container = { name: 'c', image: 'i' };
    const deployment = {
      metadata: metadataOf('same'),
      spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } } },
    };
    const created = parsed(await send(admin, 'POST', deployments, deployment));
    const filled = {
      ...deployment,
      spec: {
        ...deployment.spec,
        strategy: {},
        template: { metadata: { labels: { a: 'b' }, annotations: {} }, spec: { containers: [{ ...container, resources: {}, env: [] }] } },
      },
      status: {},
    };
    const updated = parsed(await send(admin, 'PUT', `${deployments}/same`, filled));
    assert.equal(updated.metadata.generation, 1);
    assert.equal(updated.metadata.resourceVersion, created.metadata.resourceVersion);
  });
});

describe('a watch in protobuf', () => {
  test('begins with the objects as a list has them, for each who watches, and goes on with what changes', async () => {
    const maps = '/api/v1/namespaces/kube-public/configmaps';
    const map = (value: string) => ({ metadata: { name: 'shared', namespace: 'kube-public' }, data: { value } });
    await send(admin, 'POST', maps, map('first'));
    const accept = { accept: 'application/vnd.kubernetes.protobuf' };
    const watch = () => admin.request({ method: 'GET', target: `${maps}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dshared&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`, headers: accept });
    const watches = [watch(), watch()];
    await send(admin, 'PUT', `${maps}/shared`, map('second'));
    const [one, other] = (await Promise.all(watches)).map(({ body }) => Buffer.from(body));
    assert.ok(one && other?.equals(one));
    const single = Buffer.from((await admin.request({ method: 'GET', target: `${maps}/shared`, headers: accept })).body);
    assert.ok(one.includes(single), 'the last event has the object as a GET does');
    const at = ['ADDED', 'MODIFIED'].map((type) => one.indexOf(type));
    assert.ok((at[0] as number) > 0 && (at[1] as number) > (at[0] as number));
    assert.ok(one.includes('first') && one.includes('second'));
  });
});

function metadataOf(name: string) {
  return { name, namespace: 'default' };
}
