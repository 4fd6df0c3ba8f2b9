/** kubectl port-forward to ports of hollow pods, over SPDY and over SPDY in a WebSocket; and numbered channels as other clients speak them. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { startCluster, type Cluster } from '../src/cluster/all-in-one.ts';
import { endpointOf } from './lib/raw-http.ts';
import { missing, runTool, startTool } from './lib/tools.ts';

const stages = `
apiVersion: hollow.coxswain.dev/v1alpha1
kind: Behaviour
metadata: { name: web }
spec:
  ports: [{ port: 80, reply: "hello from port 80\\n" }, { port: 7 }]
`;

describe('port-forward', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster({ datastore: 'memory', nodes: 1, stages });
    await cluster.nodesReady();
    const pod = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { containers: [{ name: 'main', image: 'busybox' }] } });
    await runTool('kubectl', cluster.kubeconfigPath, ['create', '-f', '-'], { stdin: pod });
    await runTool('kubectl', cluster.kubeconfigPath, ['wait', 'pod/web', '--for=condition=Ready', '--timeout=30s']);
  });
  after(() => cluster.stop());

  for (const [protocol, webSockets] of [['SPDY in a WebSocket', 'true'], ['SPDY', 'false']] as const)
    test(`many connections over ${protocol}`, async () => {
      await using forward = await forwarding(cluster, ['0:80', '0:7'], { KUBECTL_PORT_FORWARD_WEBSOCKETS: webSockets });
      const [web, echo] = forward.ports as [number, number];
      assert.equal(String(await talk(web, 'GET /')), 'hello from port 80\n');
      const sizes = Array.from({ length: 30 }, (_, i) => i * 3001);
      const answers = await Promise.all(sizes.map((size) => talk(echo, Buffer.alloc(size, size % 251))));
      assert.deepEqual(answers.map(({ length }) => length), sizes);
      answers.forEach((answer, i) => assert.ok(answer.every((byte) => byte === (sizes[i] as number) % 251)));
      const large = await talk(echo, Buffer.alloc(8 << 20, 'x'));
      assert.equal(large.length, 8 << 20);
    });

  test('a port that nobody listens on is told of, and ends the forwarding as upstream’s does', async () => {
    await using forward = await forwarding(cluster, ['0:9'], {});
    assert.equal((await talk(forward.ports[0] as number, 'x')).length, 0);
    assert.match(await forward.ended, /error forwarding port 9 to pod web, uid [-0-9a-f]+: dial tcp4 127\.0\.0\.1:9: connect: connection refused/);
  });

  test('channels of a WebSocket: data and errors of each port', async () => {
    const { url, tls } = endpointOf(cluster.kubeconfig);
    const socket = new WebSocket(`${url.origin.replace('https', 'wss')}/api/v1/namespaces/default/pods/web/portforward?ports=7&ports=9`, ['v4.channel.k8s.io'], { ...tls });
    const heard = ['', '', '', ''];
    await new Promise<void>((resolve, reject) => {
      socket.on('open', () => socket.send(Buffer.from('\0ping')));
      socket.on('message', (data: Buffer) => {
        heard[data[0] as number] += data.toString('latin1', 1);
        if (heard[0]?.endsWith('ping') && (heard[3]?.length ?? 0) > 2) socket.close();
      });
      socket.on('close', () => resolve());
      socket.on('error', reject);
    });
    assert.deepEqual(heard.slice(0, 3), ['\x07\0ping', '\x07\0', '\x09\0']);
    assert.match(heard[3] as string, /^\x09\0error forwarding port 9 to pod web, .* connection refused$/);
  });
});

interface Forwarding extends AsyncDisposable {
  readonly ports: readonly number[];
  /** What kubectl said on its error stream, once it has ended. */
  readonly ended: Promise<string>;
}

async function forwarding(cluster: Cluster, ports: readonly string[], env: Record<string, string>): Promise<Forwarding> {
  const child = startTool('kubectl', cluster.kubeconfigPath, ['port-forward', '--address=127.0.0.1', 'pod/web', ...ports], { env });
  let said = '';
  let errors = '';
  const ended = new Promise<string>((resolve) => child.once('close', () => resolve(errors)));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const found = () => [...said.matchAll(/127\.0\.0\.1:(\d+) ->/g)].map(([, port]) => Number(port));
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (found().length === ports.length) resolve();
    });
    void ended.then((text) => reject(new Error(text)));
  });
  return {
    ports: found(),
    ended,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

/** Says all, then hears all. */
function talk(port: number, said: string | Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(Buffer.concat(chunks)));
    socket.end(said);
  });
}
