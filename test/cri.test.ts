/** The runtime over CRI against a real containerd: what no pretending runtime can show. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { duplexPair, Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout as realTime } from 'node:timers/promises';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { CriRuntime } from '../src/node/cri/cri-runtime.ts';
import { latestContainer, type ContainerStreams, type StartError } from '../src/node/kubelet/runtime.ts';
import { startContainerd, withoutContainerd, type Containerd } from './containerd/containerd.ts';
import { busybox, busyboxImage, pauseImage } from './containerd/images.ts';
import { containerSettings, podOf, removePod, runPod, sandboxSettings, shell, startContainer, until } from './containerd/pods.ts';
import { startRegistry } from './containerd/registry.ts';

class Recorder implements ContainerStreams {
  readonly stdin: AsyncIterable<Uint8Array> | undefined;
  readonly sizes: AsyncIterable<{ readonly width: number; readonly height: number }>;
  readonly #written: { readonly stream: string; readonly chunk: Uint8Array }[] = [];
  /** Called when anything has been written for the first time. */
  onFirst: () => void = () => {};

  constructor(stdin?: AsyncIterable<Uint8Array> | readonly Uint8Array[], sizes: readonly { readonly width: number; readonly height: number }[] = []) {
    this.stdin = stdin && (Array.isArray(stdin) ? Readable.from(stdin) : (stdin as AsyncIterable<Uint8Array>));
    this.sizes = Readable.from(sizes);
  }

  write(stream: 'stdout' | 'stderr', chunk: Uint8Array): Promise<void> {
    if (this.#written.push({ stream, chunk }) === 1) this.onFirst();
    return Promise.resolve();
  }

  bytes(stream: string): Buffer {
    return Buffer.concat(this.#written.filter((one) => one.stream === stream).map(({ chunk }) => chunk));
  }
}

/** As by somebody who stays at the keyboard. */
async function* typed(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
  await new Promise(() => {});
}

describe('the runtime over CRI', { skip: withoutContainerd, timeout: 600_000 }, () => {
  let containerd: Containerd;
  let runtime: CriRuntime;
  const connect = (more: { events?: boolean; relistMs?: number } = {}) => CriRuntime.connect({ socket: containerd.socket, clock: systemClock(), logger: silentLogger, seccompDirectory: '/nonexistent', imageVolumesDirectory: join(containerd.directory, 'image-volumes'), ...more });

  before(async () => {
    containerd = await startContainerd();
    runtime = await connect();
  });
  after(async () => {
    runtime?.close();
    await containerd?.close();
  });

  const logOf = async (pod: Parameters<typeof runPod>[2], containerId: string) => {
    const lines = await Array.fromAsync(runtime.logs({ pod, containerId, sinceMs: undefined, tailLines: undefined, follow: true, signal: AbortSignal.timeout(100_000) }));
    return lines.map(({ text }) => text).join('');
  };

  test('a pod from its sandbox to its removal', async () => {
    assert.match(runtime.version, /^containerd:\/\/\d/);
    assert.equal(runtime.sandboxImage, pauseImage);
    assert.deepEqual(await runtime.status(), { ready: true, networkReady: true, message: '' });
    const pod = podOf([shell('echo hello; exec sleep 1000', { env: [{ name: 'A', value: 'b' }] })]);
    const uid = pod.metadata.uid ?? '';
    const [id = ''] = await runPod(runtime, containerd, pod);
    const running = await until(runtime, uid, ({ containers }) => containers[0]?.state === 'running');
    assert.ok(running.sandbox?.ready);
    assert.ok(running.sandbox.ips[0]?.startsWith(containerd.subnet.slice(0, -4)));
    assert.equal(running.containers[0]?.id, id);
    assert.equal(running.containers[0].image, busyboxImage);
    assert.ok(running.containers[0].startedAtMs > 0);
    const { exitCode, output } = await runtime.execSync(id, ['sh', '-c', 'echo $A; echo $HOSTNAME; cat /etc/resolv.conf'], 60_000);
    assert.equal(exitCode, 0);
    assert.equal(output, `b\n${pod.metadata.name}\nsearch default.svc.cluster.local\nnameserver 10.0.0.10\noptions ndots:5\n`);
    assert.equal((await runtime.execSync(id, ['sh', '-c', 'exit 3'], 60_000)).exitCode, 3);
    assert.equal((await runtime.execSync(id, ['sleep', '10'], 1000)).exitCode, undefined);
    await runtime.stopContainer(id, 0);
    const stopped = await until(runtime, uid, ({ containers }) => containers[0]?.state === 'exited');
    assert.equal(stopped.containers[0]?.exitCode, 137);
    await runtime.stopContainer(id, 0);
    assert.equal(await logOf(pod, id), 'hello\n');
    await removePod(runtime, pod);
    await removePod(runtime, pod);
    assert.ok(!(await runtime.list()).some((one) => one.uid === uid));
  });

  test('ends: exit codes, messages of termination, out of memory', async () => {
    const pod = podOf([
      shell('echo bye > /dev/termination-log; exit 3', { name: 'said' }),
      shell('echo from the log; exit 1', { name: 'logged', terminationMessagePolicy: 'FallbackToLogsOnError' }),
      shell('exec tail /dev/zero', { name: 'greedy', resources: { limits: { memory: '16Mi' } } }),
    ]);
    await runPod(runtime, containerd, pod);
    const ended = await until(runtime, pod.metadata.uid ?? '', ({ containers }) => containers.length === 3 && containers.every(({ state, name, reason }) => state === 'exited' && (name !== 'greedy' || reason === 'OOMKilled')));
    const { exitCode, reason, message, finishedAtMs } = latestContainer(ended, 'said') ?? assert.fail();
    assert.deepEqual({ exitCode, reason, message }, { exitCode: 3, reason: 'Error', message: 'bye\n' });
    assert.ok(finishedAtMs > 0);
    assert.equal(latestContainer(ended, 'logged')?.message, 'from the log\n');
    assert.equal(latestContainer(ended, 'greedy')?.exitCode, 137);
    await removePod(runtime, pod);
  });

  test('what cannot be made says why', async () => {
    const pod = podOf([shell('true')]);
    await runtime.runSandbox(pod, sandboxSettings(containerd, pod));
    const failure = (container: Parameters<typeof startContainer>[2]) => startContainer(runtime, pod, container).then(() => assert.fail(), (error: StartError) => error);
    const root = await failure(shell('true', { securityContext: { runAsNonRoot: true } }));
    assert.equal(root.reason, 'CreateContainerConfigError');
    assert.match(root.message, /^container has runAsNonRoot and image will run as root \(pod: "pod-/);
    const command = await failure({ name: 'none', image: busyboxImage, command: ['/no/such/command'] });
    assert.equal(command.reason, 'RunContainerError');
    assert.match(command.message, /no such file or directory/);
    assert.equal(await runtime.hasImage('localhost/nothing:1'), false);
    assert.equal(await runtime.hasImage(busyboxImage), true);
    await assert.rejects(runtime.hasImage('No//image'), { reason: 'InvalidImageName' });
    await assert.rejects(runtime.pullImage('127.0.0.1:1/nothing:1', pod), { reason: 'ErrImagePull' });
    await assert.rejects(runtime.runSandbox(podOf([shell('true')], { hostUsers: false }), sandboxSettings(containerd, pod)), /runtime does not support user namespaces/);
    await removePod(runtime, pod);
  });

  test('an image from a registry that wants to know who asks', async () => {
    const { files } = busybox();
    const registry = await startRegistry({ path: 'team/tool', tag: '1', image: { files, config: { User: '1234', Cmd: ['sleep', '1000'] } }, username: 'robot', password: 'secret' });
    try {
      const pod = podOf([{ name: 'main', image: `${registry.address}/team/tool:1`, securityContext: { runAsNonRoot: true } }]);
      const [container = shell('')] = pod.spec.containers;
      const image = container.image ?? '';
      await assert.rejects(runtime.pullImage(image, pod), { reason: 'ErrImagePull', message: /^rpc error: code = Unknown desc = failed to pull and unpack image/ });
      const credentials = { username: 'robot', password: 'secret', identityToken: '', registryToken: '', serverAddress: registry.address };
      assert.ok((await runtime.pullImage(image, pod, credentials)) > 1e6);
      assert.equal(await runtime.hasImage(image), true);
      const [id = ''] = await runPod(runtime, containerd, pod);
      assert.equal((await runtime.execSync(id, ['id', '-u'], 60_000)).output, '1234\n');
      await removePod(runtime, pod);
      const found = (await runtime.images()).find(({ names }) => names.includes(image));
      assert.deepEqual(found?.user, { uid: 1234, name: '' });
      await runtime.removeImage(found?.id ?? '');
      await runtime.removeImage(found?.id ?? '');
      assert.equal(await runtime.hasImage(image), false);
    } finally {
      await registry.close();
    }
  });

  test('an image as a volume, whole and by a path in it, also where the runtime has none', async () => {
    const name = 'localhost/data:1';
    await containerd.importImage({ name, files: [{ path: 'etc' }, { path: 'etc/data', content: Buffer.from('from the image\n') }, { path: 'out', link: '/etc' }], config: {} });
    const container = shell('exec sleep 1000');
    const pod = podOf([container]);
    const mountOf = (containerPath: string, imageSubPath = '') => ({ containerPath, hostPath: '', readOnly: true, propagation: 'private', image: name, imageSubPath }) as const;
    await runtime.runSandbox(pod, sandboxSettings(containerd, pod));
    const id = await startContainer(runtime, pod, container, 0, { mounts: [mountOf('/whole'), mountOf('/part', 'etc')] });
    assert.equal((await runtime.execSync(id, ['cat', '/whole/etc/data', '/part/data'], 60_000)).output, 'from the image\n'.repeat(2));
    assert.match((await runtime.execSync(id, ['touch', '/whole/x'], 60_000)).output, /Read-only file system/);
    await assert.rejects(startContainer(runtime, pod, container, 1, { mounts: [mountOf('/part', 'out')] }), { reason: 'CreateContainerError', message: `failed to mount image "${name}": it has no path "out"` });
    await removePod(runtime, pod);
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes('image-volumes'));
    assert.ok(!(await containerd.ctr(['snapshots', 'list'])).includes('image-volume'));
  });

  test('security and limits reach the kernel', async () => {
    const container = shell('exec sleep 1000', {
      resources: { requests: { cpu: '250m' }, limits: { cpu: '500m', memory: '64Mi' } },
      securityContext: { runAsUser: 1000, runAsGroup: 2000, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    });
    const pod = podOf([container], { securityContext: { fsGroup: 3000, sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '80' }] }, shareProcessNamespace: true });
    const [id = ''] = await runPod(runtime, containerd, pod);
    const { output } = await runtime.execSync(id, ['sh', '-c', 'id -u; id -g; id -G; touch /x 2>&1; grep -E "NoNewPrivs|CapEff" /proc/self/status; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; cat /proc/1/comm'], 60_000);
    assert.deepEqual(output.split('\n'), ['1000', '2000', '2000 3000', 'touch: /x: Read-only file system', 'CapEff:\t0000000000000000', 'NoNewPrivs:\t1', '80', 'pause', '']);
    await runtime.updateContainer(id, pod, { ...container, resources: { requests: { cpu: '250m' }, limits: { cpu: '750m', memory: '96Mi' } } });
    const limits = await runtime.execSync(id, ['sh', '-c', 'cd /sys/fs/cgroup; cat memory.max 2>/dev/null || cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us'], 60_000);
    assert.match(limits.output, new RegExp(`^${96 << 20}\n(75000\n)?$`));
    await removePod(runtime, pod);
  });

  test('usage, images, host network', async () => {
    const pod = podOf([shell('while true; do :; done')], { hostNetwork: true });
    const [id = ''] = await runPod(runtime, containerd, pod);
    assert.equal((await runtime.execSync(id, ['ls', '/sys/class/net'], 60_000)).exitCode, 0);
    const usage = (await runtime.usage()).find(({ podUid }) => podUid === pod.metadata.uid);
    assert.equal(usage?.containers[0]?.name, 'main');
    const images = await runtime.images();
    const busybox = images.find(({ names }) => names.includes(busyboxImage));
    assert.ok((busybox?.sizeBytes ?? 0) > 1e6);
    await removePod(runtime, pod);
  });

  test('a kubelet and a runtime that begin anew', async () => {
    const pod = podOf([shell('exec sleep 1000')]);
    const uid = pod.metadata.uid ?? '';
    const [first = ''] = await runPod(runtime, containerd, pod);
    const another = await connect({ relistMs: 100 });
    try {
      assert.deepEqual((await another.list()).find((one) => one.uid === uid)?.containers.map(({ id }) => id), [first]);
      await containerd.kill();
      assert.equal((await another.status()).ready, false);
      await containerd.start();
      for (let tries = 0; !(await another.status()).ready && tries < 100; tries++) await realTime(50);
      const second = await startContainer(another, pod, shell('exit 0', { name: 'second' }), 4, {});
      const both = await until(another, uid, (one) => latestContainer(one, 'second')?.state === 'exited');
      assert.equal(latestContainer(both, 'second')?.attempt, 4);
      assert.equal(latestContainer(both, 'second')?.id, second);
      assert.equal(latestContainer(both, 'main')?.state, 'running');
      assert.ok(existsSync(join(sandboxSettings(containerd, pod).logDirectory, 'second', '4.log')));
      await another.removeContainer(second);
      assert.ok(!existsSync(join(sandboxSettings(containerd, pod).logDirectory, 'second', '4.log')));
      await removePod(another, pod);
    } finally {
      another.close();
    }
  });

  test('a followed log misses nothing while it is rotated', async () => {
    const clock = systemClock();
    const hurried = { ...clock, after: (delayMs: number, callback: () => void) => clock.after(Math.min(delayMs, 50), callback) };
    const rotating = await CriRuntime.connect({ socket: containerd.socket, clock: hurried, logger: silentLogger, seccompDirectory: '/nonexistent', imageVolumesDirectory: join(containerd.directory, 'image-volumes'), logBytesMax: 2000 });
    try {
      const count = 400;
      const pod = podOf([shell(`i=0; while [ $i -lt ${count} ]; do echo line $i; i=$((i+1)); [ $((i % 20)) -gt 0 ] || sleep 0.1; done; sleep 1`)]);
      const [containerId = ''] = await runPod(rotating, containerd, pod);
      const lines = await Array.fromAsync(rotating.logs({ pod, containerId, sinceMs: undefined, tailLines: undefined, follow: true, signal: AbortSignal.timeout(100_000) }));
      assert.deepEqual(lines.map(({ text }) => text), Array.from({ length: count }, (_, n) => `line ${n}\n`));
      assert.ok(readdirSync(join(sandboxSettings(containerd, pod).logDirectory, 'main')).some((name) => name.startsWith('0.log.')));
      await removePod(rotating, pod);
    } finally {
      rotating.close();
    }
  });

  test('commands: streams, the end of stdin, exit codes, a terminal', async () => {
    const pod = podOf([shell('exec sleep 1000')]);
    const [containerId = ''] = await runPod(runtime, containerd, pod);
    const exec = (command: string[], streams: Recorder, tty = false) => runtime.exec({ pod, containerId, command, tty, signal: AbortSignal.timeout(100_000) }, streams);
    const large = Buffer.alloc(3 << 20, 'x');
    const copied = new Recorder([large]);
    assert.equal(await exec(['cat'], copied), 0);
    assert.ok(copied.bytes('stdout').equals(large));
    const both = new Recorder();
    assert.equal(await exec(['sh', '-c', 'echo out; echo err >&2; exit 7'], both), 7);
    assert.deepEqual([both.bytes('stdout').toString(), both.bytes('stderr').toString()], ['out\n', 'err\n']);
    const terminal = new Recorder(typed('stty size; exit\n'), [{ width: 91, height: 33 }]);
    assert.equal(await exec(['sh', '-c', 'sleep 0.5; exec sh'], terminal, true), 0);
    assert.match(terminal.bytes('stdout').toString(), /33 91/);
    await assert.rejects(exec(['/no/such'], new Recorder()), /no such file or directory/);
    const left = new AbortController();
    const watched = new Recorder();
    const endless = runtime.exec({ pod, containerId, command: ['sh', '-c', 'echo on; sleep 1000'], tty: false, signal: left.signal }, watched);
    watched.onFirst = () => left.abort();
    await assert.rejects(endless);
    await removePod(runtime, pod);
  });

  test('attach joins a container, and its end is heard', async () => {
    const container = shell('read line; echo "got $line"', { stdin: true, stdinOnce: true });
    const pod = podOf([container]);
    await runtime.runSandbox(pod, sandboxSettings(containerd, pod));
    const containerId = await startContainer(runtime, pod, container);
    const streams = new Recorder([Buffer.from('a line\n')]);
    await runtime.attach({ pod, containerId, signal: AbortSignal.timeout(100_000) }, streams);
    assert.equal(streams.bytes('stdout').toString(), 'got a line\n');
    await removePod(runtime, pod);
  });

  test('a port of a pod, and one where nobody listens', async () => {
    const pod = podOf([shell('mkdir -p /tmp/www && echo served > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www')]);
    const [id = ''] = await runPod(runtime, containerd, pod);
    await runtime.execSync(id, ['sh', '-c', 'until wget -q -O - http://127.0.0.1:8080; do sleep 0.1; done'], 60_000);
    const [near, far] = duplexPair();
    const forwarded = runtime.portForward({ pod, port: 8080, connection: far, signal: AbortSignal.timeout(100_000) });
    near.end('GET / HTTP/1.0\r\n\r\n');
    assert.match((await Array.fromAsync(near)).join(''), /200 OK[^]*served/);
    await forwarded;
    const [, nowhere] = duplexPair();
    await assert.rejects(runtime.portForward({ pod, port: 1, connection: nowhere, signal: AbortSignal.timeout(100_000) }), /refused/);
    await removePod(runtime, pod);
  });

  test('an ephemeral container sees the processes of its target', async () => {
    const pod = podOf([shell('exec sleep 1234', { name: 'target' })]);
    await runPod(runtime, containerd, pod);
    const debug = { ...shell('cat /proc/1/cmdline; exec sleep 1000', { name: 'debug' }), targetContainerName: 'target' };
    const id = await runtime.createContainer({ pod, container: debug, kind: 'ephemeral', attempt: 0, settings: containerSettings(debug) });
    await runtime.startContainer(id);
    const { output } = await runtime.execSync(id, ['cat', '/proc/1/cmdline'], 60_000);
    assert.equal(output, 'sleep\x001234\x00');
    await removePod(runtime, pod);
  });
});
