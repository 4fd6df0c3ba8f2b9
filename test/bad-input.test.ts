/**
 * What no well-behaved client sends. The answers in data/bad-input.json are
 * upstream's, recorded from kube-apiserver 1.36: code, reason, message and
 * details. What differs from one server to the next (uids, resourceVersions)
 * stands there as UID, RV and OBJECT.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type tls from 'node:tls';
import { systemClock } from '../src/base/clock.ts';
import { startCluster, type Cluster } from '../src/cluster/all-in-one.ts';
import { answerOf, endpointOf, Http2Connection, rawSocket, sendHttp1, type Endpoint, type RawAnswer } from './lib/raw-http.ts';

interface Expected {
  readonly code: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: unknown;
  readonly warning?: string;
  /** Of an answer that is no Status. */
  readonly kind?: string;
  readonly text?: string;
}

interface Case {
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly anonymous?: boolean;
  readonly body?: string;
  readonly bodyBase64?: string;
  readonly expect: Expected;
}

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'data', 'bad-input.json'), 'utf8')) as Case[];

const json = { 'content-type': 'application/json' };
const configMaps = '/api/v1/namespaces/bad/configmaps';
const configMap = (name: string, more: object = {}) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: '1' }, ...more });
const tooLarge = 'Request entity too large: limit is 3145728';

function withoutVolatile(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (uid) => (uid.startsWith('00000000') ? uid : 'UID'))
    .replace(/in record \(\d+\)/, 'in record (RV)')
    .replace(/Invalid value: "\{(?:[^"\\]|\\.)*\}"/, 'Invalid value: "OBJECT"');
}

function masked<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_, item: unknown) => (typeof item === 'string' ? withoutVolatile(item) : item)) as T;
}

function check({ status, headers, text }: RawAnswer, expect: Expected, title: string): void {
  assert.equal(status, expect.code, `${title}: ${text.slice(0, 300)}`);
  if (expect.text !== undefined) assert.equal(text, expect.text, title);
  if (expect.warning !== undefined) assert.equal(headers['warning'], expect.warning, title);
  if (expect.kind !== undefined) assert.equal((JSON.parse(text) as { kind: string }).kind, expect.kind, title);
  if (expect.message === undefined) return;
  const { kind, status: outcome, code, reason, message, details } = masked(JSON.parse(text) as Record<string, unknown>);
  assert.deepEqual({ kind, outcome, code, reason, message, details }, { kind: 'Status', outcome: 'Failure', code: expect.code, reason: expect.reason, message: expect.message, details: expect.details }, title);
}

describe('bad input', () => {
  let cluster: Cluster;
  let admin: Endpoint;
  let anonymous: Endpoint;
  let connection: Http2Connection;

  before(async () => {
    cluster = await startCluster({ datastore: 'memory', nodes: 0 });
    admin = endpointOf(cluster.kubeconfig);
    anonymous = endpointOf(cluster.kubeconfig, { anonymous: true });
    connection = new Http2Connection(admin);
    await connection.send({ method: 'POST', path: '/api/v1/namespaces', headers: json, body: JSON.stringify({ metadata: { name: 'bad' } }) });
    await connection.send({ method: 'POST', path: configMaps, headers: json, body: configMap('here') });
    // Pods are refused for the lack of it before they are looked at.
    for (let status = 0; status !== 200; ) ({ status } = await connection.send({ path: '/api/v1/namespaces/bad/serviceaccounts/default' }));
  });
  after(async () => {
    connection[Symbol.dispose]();
    await cluster.stop();
  });

  const get = async (name: string) => JSON.parse((await connection.send({ path: `${configMaps}/${name}` })).text) as { data: object; code?: number; metadata: { resourceVersion: string } };
  const alive = async () => assert.equal((await connection.send({ path: '/readyz' })).text, 'ok');

  test(`${recorded.length} requests are answered as upstream answers them`, async (context) => {
    using stranger = new Http2Connection(anonymous);
    for (const { title, method, path, headers, body, bodyBase64, anonymous: unknown, expect } of recorded)
      await context.test(title, async () => {
        const sent = bodyBase64 === undefined ? body : Buffer.from(bodyBase64, 'base64');
        const answer = await (unknown ? stranger : connection).send({ method, path, ...(headers ? { headers } : {}), ...(sent === undefined ? {} : { body: sent }) });
        check(answer, expect, title);
      });
  });

  test('nothing of it was written but what was answered with 201', async () => {
    const { items } = JSON.parse((await connection.send({ path: configMaps })).text) as { items: { metadata: { name: string } }[] };
    const created = recorded.filter(({ method, path, expect }) => method === 'POST' && path === configMaps && expect.code === 201).map(({ body }) => (JSON.parse(body ?? '{}') as { metadata: { name: string } }).metadata.name);
    const names = items.map(({ metadata }) => metadata.name).filter((name) => name !== 'kube-root-ca.crt');
    assert.deepEqual(names.sort(), [...new Set(['here', ...created])].sort());
    for (const resource of ['pods', 'services', 'replicationcontrollers']) {
      const list = JSON.parse((await connection.send({ path: `/api/v1/namespaces/bad/${resource}` })).text) as { items: unknown[] };
      assert.deepEqual(list.items, [], resource);
    }
  });

  test('the kind of an object cannot be patched away', async () => {
    for (const [type, patch] of [
      ['application/merge-patch+json', '{"kind":"Secret"}'],
      ['application/merge-patch+json', '{"apiVersion":"v2"}'],
      ['application/json-patch+json', '[{"op":"replace","path":"/kind","value":"Secret"}]'],
      ['application/strategic-merge-patch+json', '{"kind":"Secret"}'],
    ] as const) {
      const { status } = await connection.send({ method: 'PATCH', path: `${configMaps}/here`, headers: { 'content-type': type }, body: patch });
      assert.equal(status, 422, `${type} ${patch}`);
    }
    const after = (await get('here')) as unknown as { kind: string; apiVersion: string };
    assert.deepEqual([after.kind, after.apiVersion], ['ConfigMap', 'v1']);
  });

  describe('large bodies', () => {
    test('a body beyond the limit: 413, on both protocols, announced or not', async () => {
      const body = configMap('big', { data: { a: 'x'.repeat(3 * 1024 * 1024) } });
      const announced = { ...json, 'content-length': String(body.length) };
      const answers = await Promise.all([
        connection.send({ method: 'POST', path: configMaps, headers: json, body }),
        connection.send({ method: 'POST', path: configMaps, headers: announced, body }),
        sendHttp1(admin, { method: 'POST', path: configMaps, headers: announced, body }),
        sendHttp1(admin, { method: 'POST', path: configMaps, headers: { ...json, 'transfer-encoding': 'chunked' }, body }),
      ]);
      for (const answer of answers) check(answer, { code: 413, reason: 'RequestEntityTooLarge', message: tooLarge, details: undefined }, 'large body');
      assert.equal((await get('big')).code, 404);
    });

    test('too much data in an object, too many annotations, too long a patch', async () => {
      const send = (body: string) => connection.send({ method: 'POST', path: configMaps, headers: json, body });
      assert.match((await send(configMap('big', { data: { a: 'x'.repeat(1024 * 1024 + 1) } }))).text, /"message":"ConfigMap \\"big\\" is invalid: \[\]: Too long: may not be more than 1048576 bytes"/);
      assert.match((await send(configMap('big', { metadata: { name: 'big', annotations: { a: 'x'.repeat(256 * 1024 + 1) } } }))).text, /metadata\.annotations: Too long: may not be more than 262144 bytes/);
      const operations = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/data/a', value: '1' }));
      const answer = await connection.send({ method: 'PATCH', path: `${configMaps}/here`, headers: { 'content-type': 'application/json-patch+json' }, body: JSON.stringify(operations) });
      const message = 'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001';
      check(answer, { code: 413, reason: 'RequestEntityTooLarge', message, details: undefined }, 'long patch');
    });

    test('deep nesting is refused or dropped, and never recursed into', async () => {
      const nested = (open: string, close: string, depth: number) => `{"kind":"ConfigMap","metadata":{"name":"deep"},"bogus":${open.repeat(depth)}1${close.repeat(depth)}}`;
      for (const [body, code] of [
        [nested('[', ']', 20_000), 400],
        [nested('[', ']', 9_000), 201],
        [nested('{"a":', '}', 9_000), 201],
        [nested('{"a":', '}', 200_000), 400],
      ] as const)
        assert.equal((await connection.send({ method: 'POST', path: `${configMaps}?dryRun=All&fieldValidation=Ignore`, headers: json, body })).status, code);
    });

    test('an int64 stays exact', async () => {
      const body = '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"exact"},"spec":{"activeDeadlineSeconds":2147483646,"containers":[{"name":"c","image":"i"}],"securityContext":{"fsGroup":9007199254740993}}}';
      const { text } = await connection.send({ method: 'POST', path: '/api/v1/namespaces/bad/pods?dryRun=All', headers: json, body });
      assert.match(text, /fsGroup: Invalid value: 9007199254740993: must be between 0 and 2147483647/);
    });
  });

  describe('bodies that do not come', () => {
    const half = configMap('half').slice(0, 30);
    const announced = { ...json, 'content-length': '4000' };

    test('an upload that is reset over HTTP/2 leaves nothing behind', async () => {
      const stream = connection.open({ method: 'POST', path: configMaps, headers: announced });
      stream.on('error', () => {});
      await new Promise<void>((resolve) => stream.write(half, () => resolve()));
      const closed = new Promise<void>((resolve) => stream.once('close', resolve));
      stream.close(8);
      await closed;
      assert.equal((await get('half')).code, 404);
      await alive();
    });

    test('a body shorter than announced is refused: HTTP/2', async () => {
      const whole = configMap('short');
      const stream = connection.open({ method: 'POST', path: configMaps, headers: { ...json, 'content-length': String(whole.length + 10) } });
      stream.end(whole);
      // Either side of the connection may notice first.
      const answer = await answerOf(stream).catch(() => undefined);
      if (answer) assert.equal(answer.status, 400);
      assert.equal((await get('short')).code, 404);
    });

    test('a connection that is cut half-way leaves nothing behind: HTTP/1.1', async () => {
      const whole = configMap('cut');
      const socket = await rawSocket(admin);
      socket.on('error', () => {});
      socket.write(`POST ${configMaps} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${whole.length + 1}\r\n\r\n${whole}`);
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.destroySoon();
      await closed;
      assert.equal((await get('cut')).code, 404);
      await alive();
    });

    test('a chunked body that breaks its own framing is refused', async () => {
      const socket = await rawSocket(admin);
      socket.on('error', () => {});
      const answered = new Promise<string>((resolve) => {
        let text = '';
        socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
        socket.on('close', () => resolve(text));
      });
      socket.write(`POST ${configMaps} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n${configMap('framing')}`);
      assert.match(await answered, /^(HTTP\/1\.1 400 |$)/);
      assert.equal((await get('framing')).code, 404);
    });

    test('slow bodies hold up nobody else', async () => {
      const streams = Array.from({ length: 50 }, () => connection.open({ method: 'POST', path: configMaps, headers: announced }));
      for (const stream of streams) {
        stream.on('error', () => {});
        stream.write(half);
      }
      const answer = await connection.send({ method: 'POST', path: configMaps, headers: json, body: configMap('quick') });
      assert.equal(answer.status, 201);
      for (const stream of streams) stream.destroy();
    });

    test('500 half-open connections: the server answers all the while', async () => {
      const sockets: tls.TLSSocket[] = [];
      try {
        for (let batch = 0; batch < 10; batch++) sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => rawSocket(admin)))));
        for (const socket of sockets) {
          socket.on('error', () => {});
          socket.write('GET /api/v1/namespaces HTTP/1.1\r\nhost: x\r\nx-half');
        }
        await alive();
        const { status } = await sendHttp1(admin, { path: `${configMaps}/here` });
        assert.equal(status, 200);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
      await alive();
    });

    test('bytes that are no HTTP at all', async () => {
      const deadline = AbortSignal.timeout(10_000);
      for (const bytes of ['\r\n\r\n', 'GET', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\x16\x03\x01\x02\x00', 'GET / HTTP/9.9\r\n\r\n', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`]) {
        const socket = await rawSocket(admin);
        socket.on('error', () => {});
        socket.write(bytes);
        socket.end();
        await new Promise<void>((resolve) => {
          socket.on('close', () => resolve());
          deadline.addEventListener('abort', () => socket.destroy(), { once: true });
          socket.resume();
        });
      }
      await alive();
    });
  });

  describe('who asks', () => {
    test('a stranger sees health and version, and nothing else', async () => {
      using stranger = new Http2Connection(anonymous);
      for (const path of ['/healthz', '/livez', '/readyz', '/version', '/version/']) assert.equal((await stranger.send({ path })).status, 200, path);
      for (const path of ['/', '/metrics', '/api', '/apis', '/openapi/v2', '/openapi/v3', '/openid/v1/jwks', '/.well-known/openid-configuration', '/livez/ping', '/api/v1/secrets', '/nope'])
        assert.equal((await stranger.send({ path })).status, 403, path);
    });

    test('a certificate of another authority is a stranger’s, and a wrong token is refused even where strangers may look', async () => {
      const { privateKey, certificate } = await selfSigned();
      using other = new Http2Connection({ ...anonymous, tls: { ...anonymous.tls, key: privateKey, cert: certificate } });
      assert.equal((await other.send({ path: '/api/v1/namespaces' })).status, 403);
      assert.equal((await other.send({ path: '/version', headers: { authorization: 'Bearer wrong' } })).status, 401);
    });
  });
});

async function selfSigned(): Promise<{ privateKey: string; certificate: string }> {
  const { loadOrCreatePki, componentSubjects } = await import('../src/cluster/pki/pki.ts');
  const { mkdtempSync, rmSync } = await import('node:fs');
  const { tmpdir } = await import('node:os');
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-pki-'));
  try {
    const pki = await loadOrCreatePki(directory, { clock: systemClock(), serviceAddress: '10.96.0.1', extraNames: [] });
    return pki.issueClientCertificate(componentSubjects.admin);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
