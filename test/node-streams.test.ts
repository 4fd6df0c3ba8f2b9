/** Logs, commands and usage: the real kubectl, through the API server, to the servers of hollow nodes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { startCluster, type Cluster } from '../src/cluster/all-in-one.ts';
import { endpointOf, sendHttp1 } from './lib/raw-http.ts';
import { missing, runTool, type Outcome } from './lib/tools.ts';

const stages = `
apiVersion: hollow.coxswain.dev/v1alpha1
kind: Behaviour
metadata: { name: ticker }
spec:
  selector: { matchLabels: { app: ticker } }
  logs: { lines: ["tick of {{ .metadata.name }}", tock], intervalMilliseconds: 100, repeat: true }
  exec: [{ command: "psql *", stdout: "1 row\\n", stderr: "a warning\\n", exitCode: 4 }]
  usage: { cpu: 250m, memory: 64Mi }
`;

function pod(name: string, more: { annotations?: Record<string, string>; labels?: Record<string, string>; containers?: string[] } = {}): string {
  const containers = (more.containers ?? ['main']).map((container) => ({ name: container, image: 'busybox' }));
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, annotations: more.annotations, labels: more.labels }, spec: { containers } });
}

describe('logs and commands', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster({ datastore: 'memory', nodes: 2, stages });
    await cluster.nodesReady();
    const log = { 'hollow.coxswain.dev/log': 'first\nsecond' };
    const crash = { 'hollow.coxswain.dev/exit-code': '3', 'hollow.coxswain.dev/run-time': '10ms', ...log };
    const noImage = { 'hollow.coxswain.dev/pull-error': 'no such image' };
    const manifests = [pod('plain', { annotations: log }), pod('ticker', { labels: { app: 'ticker' } }), pod('pair', { containers: ['a', 'b'] }), pod('crash', { annotations: crash }), pod('stuck', { annotations: noImage })];
    await kubectl(['create', '-f', '-'], manifests.join('\n'));
    await kubectl(['wait', 'pod/plain', 'pod/ticker', 'pod/pair', '--for=condition=Ready', '--timeout=30s']);
    await kubectl(['wait', 'pod/crash', '--for=jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}=3', '--timeout=30s']);
    await kubectl(['wait', 'pod/stuck', '--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImagePull', '--timeout=30s']);
  });
  after(() => cluster.stop());

  let environment: Record<string, string> = {};
  const kubectl = (args: readonly string[], stdin?: string): Promise<Outcome> => runTool('kubectl', cluster.kubeconfigPath, args, { env: environment, ...(stdin === undefined ? {} : { stdin }) });
  const says = async (args: readonly string[], expected: string | RegExp, stdin?: string) => {
    const { code, stdout, stderr } = await kubectl(args, stdin);
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    if (typeof expected === 'string') assert.equal(stdout, expected);
    else assert.match(stdout, expected);
  };
  const fails = async (args: readonly string[], expected: RegExp, code = 1, stdin?: string) => {
    const outcome = await kubectl(args, stdin);
    assert.equal(outcome.code, code, `${args.join(' ')}: ${outcome.stdout}${outcome.stderr}`);
    assert.match(outcome.stderr, expected);
  };

  test('logs, and parts of them', async () => {
    await says(['logs', 'plain'], 'first\nsecond\n');
    await says(['logs', 'plain', '--tail=1'], 'second\n');
    await says(['logs', 'plain', '--limit-bytes=3'], 'fir');
    await says(['logs', 'plain', '--timestamps', '--tail=1'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z second\n$/);
    await says(['logs', 'pair', '-c', 'b'], /hollow container b of pod default\/pair/);
    await says(['logs', 'pair', '--all-containers', '--prefix'], /\[pod\/pair\/b\] hollow container b/);
    await says(['logs', 'ticker', '--tail=2'], /^(tick of ticker\ntock|tock\ntick of ticker)\n$/);
    await says(['logs', 'crash', '--previous'], 'first\nsecond\n');
  });

  test('logs that are followed go on until the container ends', async () => {
    const { chunks } = await cluster.client.transport.stream({ method: 'GET', target: '/api/v1/namespaces/default/pods/ticker/log?follow=true&tailLines=1' });
    let text = '';
    for await (const chunk of chunks) {
      const isFirst = text.split('\n').length < 4;
      text += Buffer.from(chunk).toString();
      if (isFirst && text.split('\n').length >= 4) await says(['delete', 'pod', 'ticker'], /deleted/);
    }
    assert.match(text, /^(tick of ticker\ntock\n|tock\ntick of ticker\n)/);
    await kubectl(['create', '-f', '-'], pod('ticker', { labels: { app: 'ticker' } }));
    await kubectl(['wait', 'pod/ticker', '--for=condition=Ready', '--timeout=30s']);
  });

  test('why there are no logs, in upstream’s words', async () => {
    await fails(['logs', 'plain', '--previous'], /^Error from server \(BadRequest\): previous terminated container "main" in pod "plain" not found/);
    await fails(['logs', 'stuck'], /^Error from server \(BadRequest\): container "main" in pod "stuck" is waiting to start: (image can't be pulled|trying and failing to pull image)/);
    const raw = (path: string) => kubectl(['get', '--raw', `/api/v1/namespaces/default/pods/${path}`]).then(({ stderr }) => stderr);
    assert.match(await raw('pair/log'), /a container name must be specified for pod pair, choose one of: \[a b\]/);
    assert.match(await raw('plain/log?container=x'), /container x is not valid for pod plain/);
    assert.match(await raw('plain/log?tailLines=-1'), /PodLogOptions "plain" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0/);
    assert.match(await raw('nothing/log'), /pods "nothing" not found/);
  });

  for (const [protocol, webSockets] of [['WebSocket', 'true'], ['SPDY', 'false']] as const)
    test(`commands over ${protocol}: output, input, exit codes`, async () => {
      environment = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: webSockets };
      await says(['exec', 'plain', '--', 'echo', 'hi', 'there'], 'hi there\n');
      await says(['exec', '-i', 'plain', '--', 'cat'], 'typed\n', 'typed\n');
      await says(['exec', 'plain', '--', 'sh', '-c', 'echo "$HOSTNAME"; true && echo b'], 'plain\nb\n');
      await fails(['exec', '-i', 'plain', '--', 'sh'], /command terminated with exit code 7/, 7, 'hostname\nexit 7\n');
      await fails(['exec', 'ticker', '--', 'psql', '-c', 'select'], /a warning[\s\S]*command terminated with exit code 4/, 4);
      await fails(['exec', 'plain', '--', 'nothing'], /executable file not found in \$PATH/);
      await fails(['exec', 'stuck', '--', 'true'], /unable to upgrade connection: container not found \("main"\)/);
      await says(['exec', 'pair', '-c', 'b', '--', 'true'], '');
    });

  test('who may not create a stream may not open one by reading either', async () => {
    await kubectl(['create', 'role', 'reader', '--verb=get', '--resource=pods,pods/exec']);
    await kubectl(['create', 'rolebinding', 'reader', '--role=reader', '--user=eve']);
    await fails(['exec', 'plain', '--as=eve', '--', 'true'], /User "eve" cannot create resource "pods\/exec"/);
  });

  test('a stream needs a change of protocol, of one that is known', async () => {
    const endpoint = endpointOf(cluster.kubeconfig);
    const path = '/api/v1/namespaces/default/pods/plain/exec?command=true&stdout=true';
    const plain = await sendHttp1(endpoint, { path });
    assert.deepEqual([plain.status, (JSON.parse(plain.text) as { message: string }).message], [400, 'Upgrade request required']);
    const spdy = await sendHttp1(endpoint, { method: 'POST', path, headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' } });
    assert.equal(spdy.status, 400);
    assert.match(spdy.text, /header X-Stream-Protocol-Version does not exist/);
    const unknown = await sendHttp1(endpoint, { method: 'POST', path, headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v9.channel.k8s.io' } });
    assert.deepEqual([unknown.status, unknown.headers['x-accepted-stream-protocol-versions']], [403, 'v4.channel.k8s.io, v3.channel.k8s.io, v2.channel.k8s.io, channel.k8s.io']);
    assert.match(unknown.text, /client supports \[v9\.channel\.k8s\.io\], server accepts \[v4\.channel\.k8s\.io v3/);
  });

  test('logs over a WebSocket, for browsers', async () => {
    const endpoint = endpointOf(cluster.kubeconfig);
    const read = async (protocol: string) => {
      const socket = new WebSocket(new URL('/api/v1/namespaces/default/pods/pair/log?container=b', endpoint.url.origin.replace('https', 'wss')), [protocol], { ...endpoint.tls });
      const messages: Buffer[] = [];
      await new Promise<void>((resolve, reject) => {
        socket.on('message', (data: Buffer, isBinary) => messages.push(isBinary ? data : Buffer.from(data.toString(), 'base64')));
        socket.on('close', () => resolve());
        socket.on('error', reject);
      });
      return Buffer.concat(messages).toString();
    };
    assert.match(await read('binary.k8s.io'), /^hollow container b of pod default\/pair/);
    assert.equal(await read('base64.binary.k8s.io'), await read('binary.k8s.io'));
  });

  test('the protocols before v5, as other clients speak them', async () => {
    const endpoint = endpointOf(cluster.kubeconfig);
    const path = '/api/v1/namespaces/default/pods/plain/exec?command=echo&command=four&stdout=true';
    const talk = async (...protocols: string[]) => {
      const socket = new WebSocket(new URL(path, endpoint.url.origin.replace('https', 'wss')), protocols, { ...endpoint.tls });
      const messages: string[] = [];
      await new Promise<void>((resolve, reject) => {
        socket.on('message', (data: Buffer, isBinary) => messages.push(isBinary ? `${data[0]} ${data.subarray(1).toString()}` : data.toString()));
        socket.on('close', () => resolve());
        socket.on('error', reject);
      });
      return [socket.protocol, ...messages];
    };
    const success = '{"metadata":{},"status":"Success"}';
    assert.deepEqual(await talk('v4.channel.k8s.io'), ['v4.channel.k8s.io', '1 ', '1 four\n', `3 ${success}`]);
    assert.deepEqual(await talk('v4.base64.channel.k8s.io'), ['v4.base64.channel.k8s.io', '1', `1${btoa('four\n')}`, `3${btoa(success)}`]);
    assert.deepEqual(await talk('channel.k8s.io'), ['channel.k8s.io', '1 ', '1 four\n']);
    assert.deepEqual(await talk(), ['', '1 ', '1 four\n']);
    await assert.rejects(talk('v9.channel.k8s.io'), /403/);
  });

  test('logs over a WebSocket', async () => {
    const { url, tls } = endpointOf(cluster.kubeconfig);
    const read = async (protocol: string) => {
      const socket = new WebSocket(`${url.origin.replace('https', 'wss')}/api/v1/namespaces/default/pods/plain/log?container=main`, [protocol], { ...tls });
      const messages: Buffer[] = [];
      socket.on('message', (data: Buffer) => messages.push(data));
      await new Promise((resolve, reject) => socket.on('close', resolve).on('error', reject));
      return Buffer.concat(messages).toString();
    };
    assert.equal(await read('binary.k8s.io'), 'first\nsecond\n');
    assert.match(await read('base64.binary.k8s.io'), /^(?:Zmlyc3QK|Zmlyc3QKc2Vjb25kCg==)/);
  });

  test('the node’s own server behind nodes/proxy', async () => {
    const { stdout: node } = await kubectl(['get', 'pod', 'ticker', '-o', 'jsonpath={.spec.nodeName}']);
    await says(['get', '--raw', `/api/v1/nodes/${node}/proxy/healthz`], 'ok');
    await says(['get', '--raw', `/api/v1/nodes/${node}/proxy/metrics/resource`], /container_memory_working_set_bytes\{container="main",namespace="default",pod="ticker"\} 67108864 /);
    await says(['get', '--raw', `/api/v1/nodes/${node}/proxy/stats/summary`], /"usageNanoCores":250000000/);
    await fails(['get', '--raw', '/api/v1/nodes/nothing/proxy/healthz'], /nodes "nothing" not found/);
    const other = node === 'node-0' ? 'node-1' : 'node-0';
    const { stdout: pods } = await kubectl(['get', '--raw', `/api/v1/nodes/${other}/proxy/pods`]);
    assert.ok(!pods.includes('"name":"ticker"'), 'each node tells of its own pods');
  });

  test('what pods and nodes use, as kubectl top reads it', async () => {
    await says(['top', 'pod', 'ticker', '--no-headers'], /^ticker +250m +64Mi/);
    await says(['top', 'pods', '-l', 'app=ticker', '--containers', '--no-headers'], /^ticker +main +250m +64Mi +\n$/);
    await says(['top', 'nodes', '--no-headers'], /^node-0 +\d+m +\d+% +\d+Mi +\d+% +\nnode-1 /);
    const raw = await kubectl(['get', '--raw', '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/stuck']);
    assert.match(raw.stderr, /pods\.metrics\.k8s\.io "default\/stuck" not found/);
    await fails(['top', 'pods', '--as=eve'], /pods\.metrics\.k8s\.io is forbidden/);
    // The core group's, not these, are what is meant by the word.
    await says(['get', 'nodes', '--no-headers', '-o', 'name'], 'node/node-0\nnode/node-1\n');
  });
});
