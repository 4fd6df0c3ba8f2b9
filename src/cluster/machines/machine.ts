/**
 * A machine made of namespaces: processes, mounts, network, host name and IPC of
 * its own, beside a disk that is a folder. Real nodes on one computer are such
 * machines, and everything in one finds the paths, the sockets and the network
 * that it would find on a computer of its own.
 *
 * Its first process holds the namespaces: when it ends, the kernel ends all
 * others in it, and with them go their mounts, their network interfaces and
 * what is in /run. It ends with the process that made it, however that ends.
 */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runCommand } from '../../node/system/command.ts';
import type { Program } from './supervise.ts';

export interface MachineOptions {
  /** Its host name. */
  readonly name: string;
  /** A folder: what is kept below /var/lib and /var/log. */
  readonly disk: string;
}

/**
 * The first process. A shell that waits takes in the orphans of the machine.
 * Mounts are shared inside, so that volumes mounted after a container has begun
 * can reach it; nothing of them reaches the outside.
 */
const firstProcess = `
set -e
disk="$1"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/netns
mount --bind "$disk/lib" /var/lib
mount --bind "$disk/log" /var/log
mount --make-rshared /
hostname "$2"
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
if [ -e /proc/sys/net/ipv6 ]; then echo 1 > /proc/sys/net/ipv6/conf/all/forwarding; fi
echo ready
while :; do sleep 1000000 & wait; done
`;

const pidFile = 'pid';

/** Where another process finds a path of the machine with that disk; undefined while it is off. */
export function pathInMachine(disk: string, inside: string): string | undefined {
  const file = join(disk, pidFile);
  const path = existsSync(file) ? `/proc/${readFileSync(file, 'utf8')}/root${inside}` : undefined;
  return path !== undefined && existsSync(path) ? path : undefined;
}

export class Machine {
  readonly name: string;
  readonly disk: string;
  /** Of the first process, as seen from outside. */
  readonly pid: number;
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>;
  readonly #holder: ChildProcess;

  private constructor({ name, disk }: MachineOptions, holder: ChildProcess, pid: number) {
    this.name = name;
    this.disk = disk;
    this.pid = pid;
    this.#holder = holder;
    this.ended = once(holder, 'exit').then(() => {});
  }

  static async boot(options: MachineOptions): Promise<Machine> {
    for (const folder of ['lib', 'log']) mkdirSync(join(options.disk, folder), { recursive: true, mode: 0o755 });
    const namespaces = ['--pid', '--mount', '--net', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc'];
    const holder = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...namespaces, 'sh', '-c', firstProcess, options.name, options.disk, options.name], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    await saidReady(holder, options.name);
    const pid = firstChildOf(holder.pid ?? 0);
    writeFileSync(join(options.disk, pidFile), String(pid));
    return new Machine(options, holder, pid);
  }

  /** Starts a program inside. */
  spawn(file: string, args: readonly string[], options: SpawnOptions): Program {
    // What the terminal tells whoever made the machine is not meant for those in it.
    const entering = spawn('nsenter', this.#entering(file, args), { ...options, detached: true });
    return {
      process: entering,
      // Whoever enters a PID namespace waits outside for the program, and passes no signals on.
      kill(signal) {
        const pid = firstChildOf(entering.pid ?? 0);
        if (pid) process.kill(pid, signal);
        else entering.kill(signal);
      },
    };
  }

  /** Runs a program inside to its end; resolves to its stdout. */
  run(file: string, args: readonly string[]): Promise<string> {
    return runCommand('nsenter', this.#entering(file, args));
  }

  #entering(file: string, args: readonly string[]): string[] {
    return ['--target', String(this.pid), '--pid', '--mount', '--net', '--uts', '--ipc', '--wd=/', '--', file, ...args];
  }

  async powerOff(): Promise<void> {
    rmSync(join(this.disk, pidFile), { force: true });
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    // Who waits for the first process sees its end when all others in the machine have ended.
    process.kill(this.pid, 'SIGKILL');
    await this.ended;
  }
}

async function saidReady(holder: ChildProcess, name: string): Promise<void> {
  let complaints = '';
  holder.stderr?.on('data', (chunk: Buffer) => (complaints += chunk.toString('utf8')));
  const failed = once(holder, 'exit').then(() => {
    throw new Error(`the machine ${name} could not be made: ${complaints.trim() || 'unshare ended'}`);
  });
  const lines = createInterface({ input: holder.stdout! });
  await Promise.race([once(lines, 'line'), once(holder, 'error').then(([error]) => Promise.reject(error as Error)), failed]);
  // From here on an end is a power-off, and nobody waits for this.
  failed.catch(() => {});
}

/** 0 where there is none. */
function firstChildOf(pid: number): number {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? Number(readFileSync(path, 'utf8').trim().split(' ')[0]) : 0;
}
