/** A containerd for one machine: its configuration, its start, its sandbox image. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Machine } from './machine.ts';
import { ociArchive } from '../../node/cri/oci-archive.ts';
import { pauseExecutable } from './pause-executable.ts';
import { supervise, type Supervised } from './supervise.ts';

export const containerdSocket = '/run/containerd/containerd.sock';
/** In which every component of a node finds it. */
export const cniConfigDirectory = '/var/lib/cni/net.d';
const sandboxImage = 'coxswain.local/pause:1';
const configPath = '/var/lib/containerd/config.toml';
const registriesDirectory = '/var/lib/containerd/certs.d';
const startedWithinMs = 30_000;

/**
 * The two that Debian's machines and containers need beside paths: without
 * CAP_SYS_RESOURCE no process may become harder to kill, and without AppArmor
 * in the kernel no profile can be loaded.
 */
function configuration(cniPrograms: string): string {
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxImage}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniPrograms}"
    conf_dir = "${cniConfigDirectory}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${registriesDirectory}"
`;
}

export interface ContainerdOptions {
  readonly machine: Machine;
  /** Where the CNI plugins are. */
  readonly cniPrograms: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Resolves when it answers and has its sandbox image. It is started again whenever it ends; its containers live on. */
export async function startContainerd({ machine, cniPrograms, clock, logger }: ContainerdOptions): Promise<Supervised> {
  const lib = join(machine.disk, 'lib');
  await machine.run('mkdir', ['-p', '/var/lib/containerd', registriesDirectory, cniConfigDirectory]);
  writeFileSync(join(lib, configPath.slice('/var/lib/'.length)), configuration(cniPrograms));
  const daemon = supervise({
    name: `containerd of ${machine.name}`,
    start: (stdio) => machine.spawn('containerd', ['--config', configPath, '--log-level', 'warn'], { stdio }),
    log: join(machine.disk, 'containerd.log'),
    clock,
    logger,
  });
  try {
    await untilItAnswers(machine, clock, daemon);
    await provideSandboxImage(machine);
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

async function untilItAnswers(machine: Machine, clock: Clock, daemon: Supervised): Promise<void> {
  const until = clock.monotonic() + startedWithinMs;
  for (;;) {
    try {
      await ctr(machine, ['images', 'list', '--quiet']);
      return;
    } catch (error) {
      if (clock.monotonic() > until) throw new Error(`containerd of ${machine.name} does not answer: ${daemon.lastWords()}`, { cause: error });
    }
    await clock.sleep(50);
  }
}

async function provideSandboxImage(machine: Machine): Promise<void> {
  const known = await ctr(machine, ['images', 'list', '--quiet', `name==${sandboxImage}`]);
  if (known.trim() === sandboxImage) return;
  const archive = ociArchive({ name: sandboxImage, files: [{ path: 'pause', mode: 0o755, content: pauseExecutable(process.arch) }], config: { Entrypoint: ['/pause'] } });
  const file = 'containerd/pause.tar';
  writeFileSync(join(machine.disk, 'lib', file), archive);
  await ctr(machine, ['images', 'import', join('/var/lib', file)]);
}

/** containerd's own client, inside the machine, on the images that Kubernetes sees. */
function ctr(machine: Machine, args: readonly string[]): Promise<string> {
  return machine.run('ctr', ['--address', containerdSocket, '--namespace', 'k8s.io', ...args]);
}
