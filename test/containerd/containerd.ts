/**
 * A containerd of a test's own: root, state, sockets, CNI bridge and cgroups are
 * nobody else's, and all of it is gone after `close`, whatever still ran in it.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as realTime } from 'node:timers/promises';
import { ociArchive, type ImageSource } from '../../src/node/cri/oci-archive.ts';
import { busybox, busyboxBinary, pause, pauseImage } from './images.ts';

const binaries = ['/usr/bin/containerd', '/usr/bin/ctr', '/usr/sbin/runc', '/usr/lib/cni/bridge', busyboxBinary];

/** Why the tests that need containers are skipped; false where they can run. */
export const withoutContainerd: string | false = (() => {
  if (process.getuid?.() !== 0) return 'containers need root';
  const lacking = binaries.filter((path) => !existsSync(path));
  return lacking.length > 0 && `no ${lacking.join(', ')} (Debian: apt-get install containerd runc containernetworking-plugins busybox-static)`;
})();

export interface ContainerdOptions {
  /** Instead of the bridge with portmap: the contents of the CNI configuration list. */
  readonly cni?: object;
  /** More of the configuration, as TOML. */
  readonly config?: string;
}

export interface Containerd {
  /** Path of the CRI socket. */
  readonly socket: string;
  /** Everything of it is below this directory; `pods` in it is free for the test's use. */
  readonly directory: string;
  /** What is put here is seen by the next sandbox. */
  readonly cniDirectory: string;
  /** `<registry>/hosts.toml` in it makes a registry known. */
  readonly registriesDirectory: string;
  /** Of the pods, as `10.x.y.0/24`. */
  readonly subnet: string;
  /** Of the cgroups made for it: `/coxswain-xxxx`, to be given as `cgroupParent`. */
  readonly cgroupParent: string;
  /** Of the daemon, which `restart` changes. */
  readonly pid: number;
  importImage(image: ImageSource): Promise<void>;
  /** Runs ctr to its end and returns what it said. */
  ctr(args: readonly string[], stdin?: Buffer): Promise<string>;
  /** Ends the daemon as kill -9 does; what runs in containers goes on. */
  kill(): Promise<void>;
  /** Starts the daemon after `kill`. */
  start(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** With the images `pauseImage` and `busyboxImage`. */
export async function startContainerd(options: ContainerdOptions = {}): Promise<Containerd> {
  const name = `cx${randomBytes(4).toString('hex')}`;
  const subnet = `10.${200 + (randomBytes(1)[0] as number) % 50}.${randomBytes(1)[0]}.0/24`;
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-containerd-'));
  const at = (...path: string[]) => join(directory, ...path);
  for (const folder of ['pods', 'cni', 'registries']) mkdirSync(at(folder));
  const socket = at('run.sock');
  writeFileSync(at('cni', '10-test.conflist'), JSON.stringify(options.cni ?? bridgeNetwork(name, subnet, at('ipam'))));
  writeFileSync(at('config.toml'), configuration(directory, socket, options.config ?? ''));

  let daemon: ChildProcess | undefined;
  const start = async () => {
    daemon = spawn('/usr/bin/containerd', ['--config', at('config.toml'), '--log-level', 'warn'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    daemon.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
    for (let tries = 0; !(await answers(socket)); tries++) {
      if (daemon.exitCode !== null || tries > 600) throw new Error(`containerd does not start: ${said}`);
      await realTime(50);
    }
  };
  const kill = async () => {
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = new Promise((resolve) => daemon?.once('exit', resolve));
    daemon.kill('SIGKILL');
    await ended;
    rmSync(socket, { force: true });
  };
  const ctr = (args: readonly string[], stdin?: Buffer) => run('/usr/bin/ctr', ['--address', socket, '--namespace', 'k8s.io', ...args], stdin);
  const close = async () => {
    process.off('SIGTERM', onTerminated);
    await kill();
    await removeAll(name, directory);
  };
  /** A test that takes too long is ended like this. */
  const onTerminated = () => void close().finally(() => process.exit(143));
  process.once('SIGTERM', onTerminated);
  const containerd: Containerd = {
    socket,
    directory,
    cniDirectory: at('cni'),
    registriesDirectory: at('registries'),
    subnet,
    cgroupParent: `/coxswain-${name}`,
    get pid() {
      return daemon?.pid ?? 0;
    },
    async importImage(image) {
      await ctr(['images', 'import', '--digests=false', '-'], ociArchive(image));
    },
    ctr,
    kill,
    start,
    close,
    [Symbol.asyncDispose]: close,
  };
  try {
    await start();
    for (const image of [pause(), busybox()]) await containerd.importImage(image);
  } catch (error) {
    await close();
    throw error;
  }
  return containerd;
}

function bridgeNetwork(bridge: string, subnet: string, dataDir: string): object {
  return {
    cniVersion: '0.4.0',
    name: bridge,
    plugins: [
      { type: 'bridge', bridge, isGateway: true, hairpinMode: true, ipam: { type: 'host-local', dataDir, ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] } },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

function configuration(directory: string, socket: string, more: string): string {
  return `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing"]
[grpc]
address = "${socket}"
[ttrpc]
address = "${socket}.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "${directory}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${pauseImage}"
restrict_oom_score_adj = true
disable_apparmor = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${directory}/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "${directory}/registries"
${more}`;
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket, () => {
      connection.destroy();
      resolve(true);
    });
    connection.on('error', () => resolve(false));
  });
}

function run(command: string, args: readonly string[], stdin?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { timeout: 60_000 });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(stdout) : reject(new Error(`${command} ${args.join(' ')}: ${stderr}`))));
    child.stdin.on('error', () => {});
    child.stdin.end(stdin ?? '');
  });
}

/** Without asking the daemon, which may be what is broken: its processes, mounts, cgroups, network and files. */
async function removeAll(name: string, directory: string): Promise<void> {
  const shims = processes().filter(({ commandLine }) => commandLine.includes(directory) && commandLine.includes('containerd-shim'));
  const inside = processes().filter(({ parent }) => shims.some(({ pid }) => pid === parent));
  const cgroups = new Set(inside.flatMap(({ pid }) => cgroupsOf(pid)));
  for (const { pid } of [...shims, ...inside]) killProcess(pid);
  for (let tries = 0; tries < 100 && inside.some(({ pid }) => existsSync(`/proc/${pid}/root/.`)); tries++) await realTime(20);
  removeRules(name);
  spawnSync('ip', ['link', 'delete', name], { stdio: 'ignore' });
  removeOutside(join(directory, 'state', 'io.containerd.runtime.v2.task', 'k8s.io'));
  // What has been mounted last goes first.
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((line) => line.split(' ')[4] ?? '').filter((path) => path.startsWith(directory));
  for (const path of mounts.toReversed()) spawnSync('umount', ['-l', path], { stdio: 'ignore' });
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  for (const path of cgroups) removeCgroups(path);
  for (const { path } of cgroupRoots()) removeCgroups(join(path, `coxswain-${name}`));
}

/** The places outside its directory that a shim's bundle names: its socket, and the network namespace of its pod. */
function removeOutside(bundles: string): void {
  if (!existsSync(bundles)) return;
  for (const bundle of readdirSync(bundles)) {
    const read = (file: string) => (existsSync(join(bundles, bundle, file)) ? readFileSync(join(bundles, bundle, file), 'utf8') : '');
    const address = read('address').replace('unix://', '');
    if (address) rmSync(address, { force: true });
    const network = /"type":\s*"network",\s*"path":\s*"([^"]*\/netns\/cni-[^"]*)"/.exec(read('config.json'))?.[1];
    if (!network) continue;
    spawnSync('umount', ['-l', network], { stdio: 'ignore' });
    rmSync(network, { force: true });
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly commandLine: string;
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]);
        return [{ pid: Number(entry), parent, commandLine: readFileSync(`/proc/${entry}/cmdline`, 'utf8') }];
      } catch {
        return [];
      }
    });
}

/** Where each hierarchy is mounted: of version 1 one a controller, of version 2 one for all. */
function cgroupRoots(): readonly { readonly controllers: string; readonly path: string }[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => ({ path: line.split(' ')[4] ?? '', controllers: line.includes(' - cgroup2 ') ? '' : (line.split(' ').at(-1) ?? '') }));
}

function cgroupsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [, controllers = '', path = ''] = line.split(':');
        const root = cgroupRoots().find((one) => (controllers === '' ? one.controllers === '' : one.controllers.split(',').includes(controllers.split(',')[0] as string)));
        return root && path.startsWith('/k8s.io/') ? [join(root.path, path)] : [];
      });
  } catch {
    return [];
  }
}

function removeCgroups(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeCgroups(join(path, entry.name));
  try {
    rmdirSync(path);
  } catch {
    // A process in it has not ended yet: an empty cgroup stays, which costs nothing.
  }
}

/** The rules of sandboxes that were not stopped in order: portmap's chains say in a comment whose they are. */
function removeRules(network: string): void {
  for (const command of ['iptables', 'ip6tables']) {
    const saved = spawnSync(`${command}-save`, ['-t', 'nat'], { encoding: 'utf8' }).stdout ?? '';
    const ours = saved.split('\n').filter((line) => line.startsWith('-A ') && line.includes(`name: "${network}"`) || line.includes(`name: \\"${network}\\"`));
    for (const rule of ours) {
      spawnSync('sh', ['-c', `${command} -t nat ${rule.replace('-A ', '-D ')}`], { stdio: 'ignore' });
      const chain = /-j (CNI-(?:DN|SN)?-?[0-9a-f]+)/.exec(rule)?.[1];
      if (chain) for (const verb of ['-F', '-X']) spawnSync(command, ['-t', 'nat', verb, chain], { stdio: 'ignore' });
    }
  }
}
