/** Requests through the API server to pods, endpoints of Services and nodes: over the wire, to servers of this machine. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { selfSigned } from '../client/testing/self-signed.ts';
import { startApiServer, type RunningApiServer } from './api-server.ts';
import { componentSubjects } from './pki/pki.ts';

/** Servers do not reach out to the machine they are on by its loopback: pods of this test are at another address of its. */
const address = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []).find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
const base = '/api/v1/namespaces/default';

describe('proxies', { skip: address === undefined && 'this machine has no address but loopback' }, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'coxswain-proxies-'));
  let server: RunningApiServer;
  let tls: { readonly ca: string; readonly cert: string; readonly key: string };
  let session: http2.ClientHttp2Session;
  /** What the backend does, beside what it is asked. */
  let answer: (request: http.IncomingMessage, response: http.ServerResponse) => void;
  const plain = http.createServer((request, response) => answer(request, response));
  const serving = selfSigned();
  const secure = https.createServer({ cert: serving.cert, key: serving.key }, (request, response) => answer(request, response));
  const portOf = (of: http.Server) => (of.address() as AddressInfo).port;

  before(async () => {
    server = await startApiServer({ datastore: 'memory', dataDir, host: '127.0.0.1', port: 0, clock: systemClock(), random: systemRandom(), logger: silentLogger });
    const { certificate, privateKey } = server.pki.issueClientCertificate(componentSubjects.admin);
    tls = { ca: server.pki.authorityCertificate, cert: certificate, key: privateKey };
    session = http2.connect(`https://127.0.0.1:${server.port}`, tls);
    for (const one of [plain, secure]) await once(one.listen(0, address), 'listening');
    new WebSocketServer({ server: plain }).on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })));
    await create(`${base}/serviceaccounts`, { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default' } });
    await pod('web', address as string, portOf(plain));
    await pod('local', '127.0.0.1', portOf(plain));
    const ports = [{ name: 'http', port: 80, targetPort: portOf(plain) }, { name: 'tls', port: 443 }];
    for (const name of ['web', 'empty']) await create(`${base}/services`, { kind: 'Service', apiVersion: 'v1', metadata: { name }, spec: { ports } });
    await create('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: portOf(plain) }, { name: 'tls', port: portOf(secure) }],
      endpoints: [
        { addresses: [address], conditions: { ready: true }, targetRef: { kind: 'Pod', namespace: 'default', name: 'web' } },
        { addresses: ['192.0.2.77'], conditions: { ready: false }, targetRef: { kind: 'Pod', namespace: 'default', name: 'web' } },
        // Whoever writes endpoints shall not lead the server elsewhere.
        { addresses: ['192.0.2.78'], conditions: { ready: true }, targetRef: { kind: 'Pod', namespace: 'default', name: 'web' } },
        { addresses: ['192.0.2.79'], conditions: { ready: true } },
      ],
    });
  });
  after(async () => {
    session.destroy();
    for (const one of [plain, secure]) {
      one.close();
      one.closeAllConnections();
    }
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function pod(name: string, ip: string, port: number): Promise<void> {
    await create(`${base}/pods`, { kind: 'Pod', apiVersion: 'v1', metadata: { name }, spec: { containers: [{ name: 'main', image: 'web', ports: [{ containerPort: port }] }] } });
    const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] };
    const patched = await ask('PATCH', `${base}/pods/${name}/status`, { headers: { 'content-type': 'application/merge-patch+json' }, body: JSON.stringify({ status }) });
    assert.equal(patched.status, 200, patched.text);
  }

  async function create(path: string, object: object): Promise<void> {
    const created = await ask('POST', path, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(object) });
    assert.equal(created.status, 201, created.text);
  }

  async function ask(method: string, path: string, options: { headers?: Record<string, string>; body?: string } = {}) {
    const stream = session.request({ ':method': method, ':path': path, ...options.headers }, { endStream: options.body === undefined });
    if (options.body !== undefined) stream.end(options.body);
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return { status: Number(headers[':status']), headers, text };
  }
  const message = (text: string) => (JSON.parse(text) as { message: string }).message;

  test('a pod hears what was asked, but for who asks', async () => {
    answer = (request, response) => {
      const { method, url, headers } = request;
      response.setHeader('set-cookie', ['a=1', 'b=2']);
      response.setHeader('access-control-allow-origin', '*');
      response.end(JSON.stringify({ method, url, headers }));
    };
    const { status, headers, text } = await ask('DELETE', `${base}/pods/web/proxy/some/path%20x/?q=1&q=%2F`, { headers: { authorization: 'Bearer x', 'x-forwarded-for': '1.2.3.4', 'x-own': 'y' } });
    const heard = JSON.parse(text) as { method: string; url: string; headers: Record<string, string> };
    assert.equal(status, 200);
    assert.deepEqual([heard.method, heard.url], ['DELETE', '/some/path%20x/?q=1&q=%2F']);
    assert.equal(heard.headers['authorization'], undefined);
    assert.equal(heard.headers['x-own'], 'y');
    assert.equal(heard.headers['x-forwarded-for'], '1.2.3.4, 127.0.0.1');
    assert.equal(heard.headers['x-forwarded-uri'], `${base}/pods/web/proxy/some/path%20x/`);
    assert.equal(heard.headers['host'], `127.0.0.1:${server.port}`);
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(headers['access-control-allow-origin'], undefined);
  });

  test('all methods', async () => {
    answer = (request, response) => response.writeHead(request.method === 'POST' ? 418 : 200, { 'x-method': request.method }).end('x');
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const { status, headers } = await ask(method, `${base}/pods/web/proxy/`, ['POST', 'PUT', 'PATCH'].includes(method) ? { body: 'b' } : {});
      assert.deepEqual([headers['x-method'], status], [method, method === 'POST' ? 418 : 200]);
    }
  });

  test('the proxy itself redirects to its root; redirects and links lead back through it', async () => {
    const root = await ask('GET', `${base}/pods/web/proxy?x=1`);
    assert.deepEqual([root.status, root.headers.location], [301, `${base}/pods/web/proxy/?x=1`]);
    answer = (request, response) => (request.url === '/login' ? response.writeHead(302, { location: '/home' }).end() : response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<a href="/next">'));
    assert.equal((await ask('GET', `${base}/services/web:http/proxy/login`)).headers.location, `${base}/services/web:http/proxy/home`);
    assert.equal((await ask('GET', `${base}/services/web:http/proxy/`)).text, `<a href="${base}/services/web:http/proxy/next">`);
  });

  test('ports by name, by number and by default, in the clear and over TLS', async () => {
    answer = (request, response) => response.end('encrypted' in request.socket ? 'tls' : 'plain');
    for (const [target, expected] of [['pods/web', 'plain'], [`pods/web:${portOf(plain)}`, 'plain'], [`pods/https:web:${portOf(secure)}`, 'tls'], ['services/web:http', 'plain'], ['services/web:80', 'plain'], ['services/https:web:tls', 'tls'], ['services/https:web:443', 'tls']] as const)
      assert.equal((await ask('GET', `${base}/${target}/proxy/`)).text, expected, target);
  });

  test('what cannot be reached, in upstream’s words', async () => {
    const refused = http.createServer();
    await once(refused.listen(0, address), 'listening');
    const free = portOf(refused);
    await new Promise((resolve) => refused.close(resolve));
    for (const [target, status, said] of [
      [`pods/web:${free}`, 503, `error trying to reach service: dial tcp ${address}:${free}: connect: connection refused`],
      ['pods/nothing', 404, 'pods "nothing" not found'],
      ['pods/local', 400, 'address not allowed'],
      ['pods/ftp:web:1', 400, 'invalid pod request "ftp:web:1"'],
      ['services/a:b:c:d', 400, 'invalid service request "a:b:c:d"'],
      ['services/empty', 503, 'no endpoints available for service "empty"'],
      ['services/web:other', 503, 'no endpoints available for service "web:other"'],
      ['services/web:81', 503, 'no service port 81 found for service "web"'],
      ['services/nothing', 404, 'endpoints "nothing" not found'],
    ] as const) {
      const { status: got, text } = await ask('GET', `${base}/${target}/proxy/`);
      assert.deepEqual([got, message(text)], [status, said]);
    }
  });

  test('each verb is a permission of its own', async () => {
    const role = { kind: 'Role', apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'reader' }, rules: [{ apiGroups: [''], resources: ['pods/proxy'], verbs: ['get'] }] };
    await create('/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles', role);
    const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'eve' }];
    await create('/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', { ...role, kind: 'RoleBinding', rules: undefined, subjects, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' } });
    answer = (request, response) => response.end(String(request.headers['impersonate-user']));
    const headers = { 'impersonate-user': 'eve' };
    assert.equal((await ask('GET', `${base}/pods/web/proxy/`, { headers })).text, 'undefined');
    assert.match(message((await ask('POST', `${base}/pods/web/proxy/`, { headers, body: '' })).text), /cannot create resource "pods\/proxy"/);
    assert.match(message((await ask('GET', `${base}/services/web/proxy/`, { headers })).text), /cannot get resource "services\/proxy"/);
  });

  test('bodies of any length pass, and those who are not read are not read from', async () => {
    const size = 24 << 20;
    let received = 0;
    let takes = () => {};
    const taken = new Promise<void>((resolve) => (takes = resolve));
    answer = async (request, response) => {
      request.pause();
      await taken;
      for await (const chunk of request) received += (chunk as Buffer).length;
      response.write('x');
      // Back again, as much.
      for (let sent = 0; sent < size && !response.destroyed; sent += 1 << 16) if (!response.write(Buffer.alloc(1 << 16))) await once(response, 'drain');
      response.end();
    };
    const stream = session.request({ ':method': 'PUT', ':path': `${base}/pods/web/proxy/upload` }, { endStream: false });
    let sent = 0;
    const sending = (async () => {
      for (; sent < size; sent += 1 << 16) if (!stream.write(Buffer.alloc(1 << 16))) await once(stream, 'drain');
      stream.end();
    })();
    for (let before = -1; before < sent; await new Promise((resolve) => setTimeout(resolve, 300))) before = sent;
    assert.ok(sent < size / 2, `${sent} bytes are on their way to one who reads none`);
    takes();
    await sending;
    let answered = 0;
    for await (const chunk of stream) answered += (chunk as Buffer).length;
    assert.deepEqual([received, answered], [size, size + 1]);
  });

  test('over HTTP/1.1 too', async () => {
    answer = async (request, response) => {
      let received = 0;
      for await (const chunk of request) received += (chunk as Buffer).length;
      response.end(String(received));
    };
    const request = https.request({ ...tls, host: '127.0.0.1', port: server.port, method: 'POST', path: `${base}/pods/web/proxy/`, agent: false });
    for (let i = 0; i < 80; i++) if (!request.write(Buffer.alloc(1 << 16))) await once(request, 'drain');
    request.end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    assert.equal(text, String(80 << 16));
  });

  test('who gives up on either side ends the other', async () => {
    let gone = () => {};
    const backendSawEnd = new Promise<void>((resolve) => (gone = resolve));
    answer = (_request, response) => {
      response.on('close', gone);
      response.write('first');
    };
    const stream = session.request({ ':path': `${base}/pods/web/proxy/` });
    await once(stream, 'data');
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await backendSawEnd;
    answer = (_request, response) => {
      response.write('half of');
      setTimeout(() => response.destroy(), 50);
    };
    const broken = session.request({ ':path': `${base}/pods/web/proxy/` });
    await assert.rejects(async () => {
      for await (const _ of broken);
    });
    // A body that breaks off is not taken for a whole one.
    let ended: unknown;
    answer = (request) => request.on('error', (error) => (ended = error)).resume();
    const half = https.request({ ...tls, host: '127.0.0.1', port: server.port, method: 'POST', path: `${base}/pods/web/proxy/`, agent: false });
    half.on('error', () => {});
    half.write('half');
    await once(plain, 'request');
    half.destroy();
    while (ended === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.match(String(ended), /aborted/);
  });

  test('protocols change through it', async () => {
    const socket = new WebSocket(`wss://127.0.0.1:${server.port}${base}/services/web:http/proxy/socket`, { ...tls });
    await once(socket, 'open');
    socket.send('over there');
    const [data] = (await once(socket, 'message')) as [Buffer];
    assert.equal(data.toString(), 'over there');
    socket.close();
    await once(socket, 'close');
  });
});
