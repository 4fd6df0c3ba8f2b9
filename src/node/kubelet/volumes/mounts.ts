/**
 * Mounts on the node: made and undone by mount(8) and umount(8), known from
 * mountinfo. What is removed is unmounted first: a directory is never emptied
 * through a mount.
 */
import { execFile } from 'node:child_process';
import { lstat, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface MountPoint {
  readonly target: string;
  readonly type: string;
  /** The device, or what the file system calls its source. */
  readonly source: string;
  /** Of the file system, as `0:39`. */
  readonly device: string;
  /** The directory of that file system which is mounted. */
  readonly root: string;
  /** Its mounts are seen in other mount namespaces. */
  readonly shared: boolean;
}

/** All mounts of this process's mount namespace, in the order in which they were made. */
export async function mountTable(): Promise<readonly MountPoint[]> {
  return parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** See proc_pid_mountinfo(5). */
export function parseMountInfo(text: string): MountPoint[] {
  const mounts: MountPoint[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    const separator = fields.indexOf('-', 6);
    if (separator < 0) continue;
    const [, , device = '', root = '', target = ''] = fields;
    mounts.push({
      target: unescapeOctal(target),
      device,
      root: unescapeOctal(root),
      shared: fields.slice(6, separator).some((field) => field.startsWith('shared:')),
      type: fields[separator + 1] ?? '',
      source: unescapeOctal(fields[separator + 2] ?? ''),
    });
  }
  return mounts;
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/** Whether another file system than the directory above begins here: what a bind mount need not show, and all others do. */
export async function isOwnFileSystem(path: string): Promise<boolean> {
  return (await lstat(path)).dev !== (await lstat(dirname(path))).dev;
}

/** What is mounted at exactly this path, on top. */
export async function mountedAt(target: string): Promise<MountPoint | undefined> {
  return (await mountTable()).findLast((mount) => mount.target === target);
}

export interface MountRequest {
  readonly source: string;
  readonly target: string;
  /** Left out for bind mounts. */
  readonly type?: string;
  readonly options: readonly string[];
}

/** Neither source nor target is resolved by mount(8): a source below /proc/<pid>/fd stays the opened file it is. */
export async function mount({ source, target, type, options }: MountRequest): Promise<void> {
  const flags = [...(type === undefined ? [] : ['-t', type]), ...(options.length > 0 ? ['-o', options.join(',')] : [])];
  await runTold('mount', ['--no-canonicalize', ...flags, source, target]);
}

/** In this order. */
export async function unmount(...targets: readonly string[]): Promise<void> {
  await runTold('umount', ['--no-canonicalize', ...targets]);
}

/** What the command printed is its error. */
async function runTold(command: string, args: readonly string[]): Promise<void> {
  try {
    await run(command, args);
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    throw new Error(stderr.trim() || message, { cause: error });
  }
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** How often one path may have been mounted over. */
const stackedMax = 16;

/** Undoes every mount at and below the path, the latest first. */
export async function unmountAll(directory: string): Promise<void> {
  for (let round = 0; round < stackedMax; round++) {
    const below = (await mountTable()).filter(({ target }) => isWithin(target, directory));
    if (below.length === 0) return;
    await unmount(...below.reverse().map(({ target }) => target));
  }
  throw new Error(`${directory} is mounted again and again`);
}

/** Removes the directory with all in it, but nothing that is mounted there. */
export async function removeUnmounted(directory: string): Promise<void> {
  if (!(await lstat(directory).catch(() => undefined))) return;
  await unmountAll(directory);
  await rm(directory, { recursive: true, force: true });
}

/**
 * Makes mounts below the directory visible to mount namespaces that are made from
 * now on (those of runtimes and containers), and theirs to us. Without this, a
 * volume that is mounted later would be an empty directory to a runtime that has a
 * mount namespace of its own.
 */
export async function shareMountsBelow(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const table = await mountTable();
  const holder = table.filter(({ target }) => target === '/' || isWithin(directory, target)).reduce<MountPoint | undefined>((best, one) => (best && best.target.length > one.target.length ? best : one), undefined);
  if (holder?.shared) return;
  if (holder?.target !== directory) await mount({ source: directory, target: directory, options: ['bind'] });
  await runTold('mount', ['--make-rshared', directory]);
}
