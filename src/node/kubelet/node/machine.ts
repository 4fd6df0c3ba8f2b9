/**
 * What the kubelet's machine is, and how it is at the moment, as the kernel
 * tells it. Sizes are bytes.
 */
import { readdir, readFile, statfs } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';

/** What does not change until the next boot. */
export interface MachineFacts {
  readonly cores: number;
  readonly memoryBytes: number;
  /** By page size, as resources name it: `2Mi`. */
  readonly hugePages: ReadonlyMap<string, { readonly pageBytes: number; readonly pages: number }>;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** As Go names it: `amd64`. */
  readonly architecture: string;
  readonly bootedAtMs: number;
}

export interface FsFigures {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

export interface MachineFigures {
  readonly takenAtMs: number;
  readonly cpuSeconds: number;
  /** Cores in use, since the figures before these. */
  readonly cpu: number;
  readonly memory: {
    readonly usageBytes: number;
    /** Usage without what could be dropped at once. */
    readonly workingSetBytes: number;
    readonly availableBytes: number;
    readonly rssBytes: number;
  };
  /** Where the kubelet keeps volumes and logs. */
  readonly nodeFs: FsFigures;
  /** Where the runtime keeps images and containers' writable layers; the same figures where it is the same file system. */
  readonly imageFs: FsFigures;
  readonly pids: { readonly max: number; readonly running: number };
}

export interface MachineFolders {
  readonly root: string;
  readonly images: string;
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', s390x: 's390x', ppc64: 'ppc64le' };
/** USER_HZ, the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

export async function machineFacts(nowMs: number): Promise<MachineFacts> {
  const meminfo = parseMeminfo(await readFile('/proc/meminfo', 'utf8'));
  const machineId = await firstOf('/etc/machine-id', '/var/lib/dbus/machine-id', '/proc/sys/kernel/random/boot_id');
  return {
    cores: os.availableParallelism(),
    memoryBytes: meminfo('MemTotal'),
    hugePages: await hugePages(),
    machineId,
    systemUuid: (await firstOf('/sys/class/dmi/id/product_uuid', '/proc/device-tree/vm,uuid')) || machineId,
    bootId: await firstOf('/proc/sys/kernel/random/boot_id'),
    kernelVersion: os.release(),
    osImage: prettyName(await firstOf('/etc/os-release', '/usr/lib/os-release')),
    architecture: architectures[process.arch] ?? process.arch,
    bootedAtMs: nowMs - os.uptime() * 1000,
  };
}

export async function machineFigures(folders: MachineFolders, nowMs: number, before?: MachineFigures): Promise<MachineFigures> {
  const [stat, memory, loadavg, pidMax, nodeFs, imageFs] = await Promise.all([
    readFile('/proc/stat', 'utf8'),
    readFile('/proc/meminfo', 'utf8'),
    readFile('/proc/loadavg', 'utf8'),
    readFile('/proc/sys/kernel/pid_max', 'utf8'),
    fsFigures(folders.root),
    fsFigures(folders.images),
  ]);
  const meminfo = parseMeminfo(memory);
  const usageBytes = meminfo('MemTotal') - meminfo('MemFree');
  const workingSetBytes = Math.max(0, usageBytes - meminfo('Inactive(file)'));
  const cpuSeconds = busySeconds(stat);
  return {
    takenAtMs: nowMs,
    cpuSeconds,
    cpu: before && nowMs > before.takenAtMs ? (cpuSeconds - before.cpuSeconds) / ((nowMs - before.takenAtMs) / 1000) : 0,
    memory: { usageBytes, workingSetBytes, availableBytes: meminfo('MemTotal') - workingSetBytes, rssBytes: meminfo('AnonPages') },
    nodeFs,
    imageFs,
    pids: { max: Number(pidMax), running: Number(loadavg.split(' ')[3]?.split('/')[1] ?? 0) },
  };
}

/** A folder that is not there yet lies where its parent does. */
async function fsFigures(folder: string): Promise<FsFigures> {
  try {
    const { bsize, blocks, bavail, files, ffree } = await statfs(folder);
    return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize, inodes: files, inodesFree: ffree };
  } catch (error) {
    const parent = join(folder, '..');
    if (parent === folder) throw error;
    return fsFigures(parent);
  }
}

/** Lines are `Name:  123 kB`. */
function parseMeminfo(text: string): (name: string) => number {
  const kib = new Map(text.split('\n').map((line) => [line.slice(0, line.indexOf(':')), Number.parseInt(line.slice(line.indexOf(':') + 1), 10)]));
  return (name) => (kib.get(name) ?? 0) * 1024;
}

/** Of the line of all CPUs: everything but idle and iowait. Guests' time is in user and nice already. */
function busySeconds(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (stat.split('\n')[0] ?? '').trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) / ticksPerSecond;
}

async function hugePages(): Promise<MachineFacts['hugePages']> {
  const folder = '/sys/kernel/mm/hugepages';
  const found = new Map<string, { pageBytes: number; pages: number }>();
  for (const name of await readdir(folder).catch(() => [])) {
    const kib = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1]);
    if (!Number.isInteger(kib)) continue;
    const size = kib % 2 ** 20 === 0 ? `${kib / 2 ** 20}Gi` : kib % 1024 === 0 ? `${kib / 1024}Mi` : `${kib}Ki`;
    found.set(size, { pageBytes: kib * 1024, pages: Number(await firstOf(`${folder}/${name}/nr_hugepages`)) });
  }
  return found;
}

function prettyName(release: string): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(release)?.[1] ?? 'Linux';
}

/** The first file that is there and says something; else nothing. */
async function firstOf(...files: readonly string[]): Promise<string> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.trim() !== '') return text.trim();
  }
  return '';
}
