/** exec, attach, cp, logs, port-forward, debug and proxies with the real kubectl, to real containers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { startCluster, type Cluster } from '../src/cluster/all-in-one.ts';
import { machinesImpossible } from '../src/cluster/machines/requirements.ts';
import { ociArchive } from '../src/node/cri/oci-archive.ts';
import { busybox, busyboxBinary, busyboxImage } from './containerd/images.ts';
import { endpointOf } from './lib/raw-http.ts';
import { missing, runTool, startTool, type ToolOptions } from './lib/tools.ts';

const impossible = machinesImpossible() ?? (existsSync(busyboxBinary) ? missing : `no ${busyboxBinary} (Debian: apt-get install busybox-static)`);
const serving = `mkdir /www; echo '<a href=/next>here</a>' > /www/index.html; httpd -p 8080 -h /www; echo started; while read line; do echo "heard $line"; done; sleep 3600`;
const protocols = [['WebSocket', 'true'], ['SPDY', 'false']] as const;

describe('streams of real containers', { skip: impossible ?? false, timeout: 240_000 }, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'coxswain-real-streams-'));
  let cluster: Cluster;
  before(async () => {
    const image = join(dataDir, 'busybox.tar');
    writeFileSync(image, ociArchive(busybox()));
    cluster = await startCluster({ datastore: 'memory', realNodes: 1, imageArchives: [image], dataDir });
    await cluster.nodesReady();
    const container = { name: 'main', image: busyboxImage, imagePullPolicy: 'Never', stdin: true, command: ['sh', '-c', serving], ports: [{ containerPort: 8080 }] };
    await says(['create', '-f', '-'], /created/, { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'box' }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } }) });
    await says(['wait', 'pod/box', '--for=condition=Ready', '--timeout=60s'], /met/);
  });
  after(async () => {
    await cluster?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const kubectl = (args: readonly string[], options: ToolOptions & { readonly stdin?: string } = {}) => runTool('kubectl', cluster.kubeconfigPath, args, options);
  const says = async (args: readonly string[], expected: string | RegExp, options: ToolOptions & { readonly stdin?: string } = {}) => {
    const { code, stdout, stderr } = await kubectl(args, options);
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    if (typeof expected === 'string') assert.equal(stdout, expected);
    else assert.match(stdout, expected);
  };

  for (const [protocol, webSockets] of protocols) {
    const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: webSockets, KUBECTL_PORT_FORWARD_WEBSOCKETS: webSockets };

    test(`commands over ${protocol}`, async () => {
      await says(['exec', 'box', '--', 'sh', '-c', 'echo out; hostname'], 'out\nbox\n', { env });
      await says(['exec', 'box', '--', 'echo', 'x'.repeat(20_000)], `${'x'.repeat(20_000)}\n`, { env });
      await says(['exec', '-i', 'box', '--', 'wc', '-c'], '100000\n', { env, stdin: 'x'.repeat(100_000) });
      const failed = await kubectl(['exec', 'box', '--', 'sh', '-c', 'echo wrong >&2; exit 7'], { env });
      assert.deepEqual([failed.code, failed.stdout], [7, '']);
      assert.match(failed.stderr, /^wrong\ncommand terminated with exit code 7/);
      const unknown = await kubectl(['exec', 'box', '--', 'nothing'], { env });
      assert.match(unknown.stderr, /^error: Internal error occurred: error executing command in container: failed to exec in container: [^]*executable file not found/);
    });

    test(`files both ways over ${protocol}`, async () => {
      const [there, back] = [join(dataDir, 'there'), join(dataDir, 'back')];
      writeFileSync(there, randomBytes(3 << 20));
      await says(['cp', there, 'box:/tmp/file'], '', { env });
      await says(['cp', 'box:/tmp/file', back], /^(?:tar: removing leading '\/' from member names\n)?$/, { env });
      assert.ok(readFileSync(there).equals(readFileSync(back)));
    });

    test(`a forwarded port over ${protocol}`, async () => {
      const child = startTool('kubectl', cluster.kubeconfigPath, ['port-forward', '--address=127.0.0.1', 'pod/box', '0:8080'], { env });
      try {
        const [said] = (await once(child.stdout, 'data')) as [Buffer];
        const port = /:(\d+) ->/.exec(said.toString())?.[1];
        for (let i = 0; i < 3; i++) assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), '<a href=/next>here</a>\n');
      } finally {
        child.kill();
      }
    });

    test(`a container's own streams over ${protocol}`, async () => {
      const child = startTool('kubectl', cluster.kubeconfigPath, ['attach', '-i', 'box'], { env });
      try {
        let heard = '';
        const answered = new Promise<void>((resolve) => {
          child.stdout.on('data', (chunk: Buffer) => {
            heard += chunk.toString();
            if (heard.includes(`heard hello over ${protocol}\n`)) resolve();
          });
        });
        child.stdin.write(`hello over ${protocol}\n`);
        await Promise.race([answered, once(child, 'close')]);
        assert.ok(heard.includes(`heard hello over ${protocol}\n`), heard);
      } finally {
        child.kill();
      }
    });
  }

  test('logs, those that are followed until the container ends', async () => {
    await says(['logs', 'box', '--limit-bytes=8'], 'started\n');
    await says(['logs', 'box', '--timestamps', '--tail=1'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z heard /);
    const short = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'short' }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: busyboxImage, imagePullPolicy: 'Never', command: ['sh', '-c', 'for i in 1 2 3; do echo $i; sleep 1; done'] }] } });
    await says(['create', '-f', '-'], /created/, { stdin: short });
    await says(['wait', 'pod/short', '--for=jsonpath={.status.phase}=Running', '--timeout=60s'], /met/);
    await says(['logs', '-f', 'short'], '1\n2\n3\n');
  });

  test('a terminal follows the size of its client', async () => {
    const { url, tls } = endpointOf(cluster.kubeconfig);
    const path = '/api/v1/namespaces/default/pods/box/exec?command=sh&stdin=true&stdout=true&tty=true';
    const socket = new WebSocket(`${url.origin.replace('https', 'wss')}${path}`, ['v5.channel.k8s.io'], { ...tls });
    let heard = '';
    const until = (text: string) =>
      new Promise<void>((resolve, reject) => {
        const look = () => heard.includes(text) && resolve();
        socket.on('message', look);
        socket.on('close', () => reject(new Error(heard)));
      });
    socket.on('message', (data: Buffer) => (heard += data.toString('utf8', 1)));
    await once(socket, 'open');
    const send = (channel: number, text: string) => socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
    for (const [rows, columns] of [[31, 101], [42, 123]] as const) {
      send(4, JSON.stringify({ Width: columns, Height: rows }));
      // The size takes its own way to the terminal.
      send(0, `until stty size | grep -q '${rows} ${columns}'; do sleep 0.1; done; echo is $((${rows} + 0)) by $((${columns} + 0))\n`);
      await until(`is ${rows} by ${columns}\r\n`);
    }
    const closed = once(socket, 'close');
    send(0, 'exit\n');
    await closed;
    assert.match(heard, /"status":"Success"/);
  });

  test('a pod that runs for its client alone, and its exit code', async () => {
    const run = await kubectl(['run', 'once', '-i', '--rm', '--quiet', `--image=${busyboxImage}`, '--image-pull-policy=Never', '--restart=Never', '--', 'sh'], { stdin: 'echo from within; exit 3\n' });
    assert.equal(run.code, 3, run.stderr);
    assert.match(run.stdout, /^from within\n/);
  });

  test('a container beside those of a pod', async () => {
    await says(['debug', 'box', `--image=${busyboxImage}`, '--image-pull-policy=Never', '--container=beside', '--target=main', '--', 'sleep', '3600'], /Targeting/);
    await says(['wait', 'pod/box', '--for=jsonpath={.status.ephemeralContainerStatuses[0].state.running.startedAt}', '--timeout=60s'], /met/);
    await says(['exec', 'box', '-c', 'beside', '--', 'sh', '-c', 'ps | grep -c "[h]ttpd -p 8080"'], /^[1-9]\n$/);
  });

  test('the pod behind its proxy, the node’s logs behind its', async () => {
    await says(['get', '--raw', '/api/v1/namespaces/default/pods/box/proxy/'], '<a href="/api/v1/namespaces/default/pods/box/proxy/next">here</a>\n');
    const { stdout: node } = await kubectl(['get', 'pod', 'box', '-o', 'jsonpath={.spec.nodeName}']);
    await says(['get', '--raw', `/api/v1/nodes/${node}/proxy/logs/`], /<a href="pods\/">pods\/<\/a>/);
    await says(['get', '--raw', `/api/v1/nodes/${node}/proxy/configz`], /"clusterDomain":"cluster\.local"/);
    await says(['get', '--raw', `/api/v1/nodes/${node}/proxy/metrics/cadvisor`], /container_memory_working_set_bytes\{container="main",id="[0-9a-f]{64}",image="localhost\/busybox:1",/);
  });
});
