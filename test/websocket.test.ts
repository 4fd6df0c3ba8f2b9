/** Watches as browsers open them, and what becomes of other requests for another protocol. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { startCluster, type Cluster } from '../src/cluster/all-in-one.ts';
import { endpointOf, rawSocket, Http2Connection, type Endpoint } from './lib/raw-http.ts';

const path = '/api/v1/namespaces/default/configmaps';
const deadlineMs = 20_000;

interface Message {
  readonly text: string;
  readonly binary: boolean;
}

describe('WebSocket', () => {
  let cluster: Cluster;
  let admin: Endpoint;
  let anonymous: Endpoint;
  let connection: Http2Connection;
  before(async () => {
    cluster = await startCluster({ datastore: 'memory', nodes: 0 });
    admin = endpointOf(cluster.kubeconfig);
    anonymous = endpointOf(cluster.kubeconfig, { anonymous: true });
    connection = new Http2Connection(admin);
  });
  after(async () => {
    connection[Symbol.dispose]();
    await cluster.stop();
  });

  const post = async (target: string, body: object): Promise<Record<string, never>> => {
    const { status, text } = await connection.send({ method: 'POST', path: target, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    assert.equal(status, 201, text);
    return JSON.parse(text) as Record<string, never>;
  };
  const open = (endpoint: Endpoint, target: string, protocols: string[] = []): WebSocket => new WebSocket(new URL(target, endpoint.url.href.replace('https', 'wss')), protocols, { ...endpoint.tls, origin: 'https://dashboard.example', handshakeTimeout: deadlineMs } as never);

  /** The messages up to the first that fits. */
  const messagesUntil = (socket: WebSocket, fits: (message: Message) => boolean): Promise<Message[]> =>
    new Promise((resolve, reject) => {
      const messages: Message[] = [];
      const overdue = AbortSignal.timeout(deadlineMs);
      overdue.addEventListener('abort', () => reject(new Error('no such message came')));
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('closed')));
      socket.on('message', (data: Buffer, binary) => {
        const message = { text: data.toString(), binary };
        messages.push(message);
        if (fits(message)) resolve(messages);
      });
    });
  const refusal = (socket: WebSocket): Promise<{ status: number; body: { kind: string; reason: string; message: string } }> =>
    new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => reject(new Error('it was opened')));
      socket.on('unexpected-response', (_, response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as never }));
      });
    });

  test('a message of text an event, and the end when the time is up', async () => {
    const socket = open(admin, `${path}?watch=1&timeoutSeconds=2&allowWatchBookmarks=true`, ['base64.binary.k8s.io']);
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    const told = messagesUntil(socket, ({ text }) => text.includes('"name":"seen"'));
    await new Promise((resolve) => socket.on('open', resolve));
    assert.equal(socket.protocol, 'base64.binary.k8s.io');
    await post(path, { metadata: { name: 'seen' } });
    const messages = await told;
    const last = JSON.parse(messages.at(-1)?.text ?? '') as { type: string; object: { kind: string } };
    assert.deepEqual([last.type, last.object.kind], ['ADDED', 'ConfigMap']);
    for (const { text, binary } of messages) assert.ok(!binary && typeof (JSON.parse(text) as { type: string }).type === 'string');
    assert.equal(await closed, 1000);
  });

  test('the token of a service account among the protocols', async () => {
    await post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'reader' } });
    const { status } = await post('/api/v1/namespaces/default/serviceaccounts/reader/token', { spec: {} });
    const { token } = status as unknown as { token: string };
    const protocols = [`base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`, 'base64.binary.k8s.io'];
    const refused = await refusal(open(anonymous, `${path}?watch=1`, protocols));
    assert.deepEqual([refused.status, refused.body.reason], [403, 'Forbidden']);
    assert.match(refused.body.message, /^configmaps is forbidden: User "system:serviceaccount:default:reader" cannot watch resource "configmaps"/);

    await post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'reader' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', namespace: 'default', name: 'reader' }],
    });
    const socket = open(anonymous, `${path}?watch=1`, protocols);
    await messagesUntil(socket, ({ text }) => text.startsWith('{"type":"ADDED"'));
    assert.equal(socket.protocol, 'base64.binary.k8s.io', 'the token is not sent back');
    socket.terminate();
  });

  test('who may not watch is told so before the handshake', async () => {
    assert.equal((await refusal(open(anonymous, `${path}?watch=1`))).status, 403);
    assert.equal((await refusal(open(anonymous, `${path}?watch=1`, ['base64url.bearer.authorization.k8s.io.d3Jvbmc', 'x']))).status, 401);
    assert.equal((await refusal(open(admin, `${path}?watch=1&labelSelector=!!`))).status, 400);
    assert.equal((await refusal(open(admin, '/api/v1/nothing?watch=1'))).status, 404);
  });

  test('exec needs a pod that has a node', async () => {
    // Pods need it, and a controller makes it.
    const accounts = open(admin, '/api/v1/namespaces/default/serviceaccounts?watch=1');
    await messagesUntil(accounts, ({ text }) => text.includes('"name":"default"'));
    accounts.terminate();
    await post('/api/v1/namespaces/default/pods', { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    const { status, body } = await refusal(open(admin, '/api/v1/namespaces/default/pods/p/exec?command=ls', ['v5.channel.k8s.io']));
    assert.deepEqual([status, body.kind, body.message], [400, 'Status', 'pod p does not have a host assigned']);
    assert.equal((await refusal(open(admin, '/api/v1/namespaces/default/pods/gone/exec?command=ls', ['v5.channel.k8s.io']))).status, 404);
  });

  test('so does port forwarding, in whatever protocol', async () => {
    const socket = await rawSocket(admin);
    const text = await new Promise<string>((resolve, reject) => {
      let received = '';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      socket.on('close', () => resolve(received));
      socket.on('error', reject);
      socket.write('POST /api/v1/namespaces/default/pods/p/portforward HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: SPDY/3.1\r\ncontent-length: 0\r\n\r\n');
    });
    assert.match(text, /^HTTP\/1\.1 400 /);
    assert.match(text, /"pod p does not have a host assigned"/);
  });
});
