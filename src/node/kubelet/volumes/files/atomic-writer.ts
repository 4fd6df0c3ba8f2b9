/**
 * Writes a set of files so that readers see the old set or the new one and
 * nothing between, in upstream's layout:
 *
 *   ..2026_01_31_10_15_00.xyz/   the files
 *   ..data -> ..2026_01_31_10_15_00.xyz
 *   name -> ..data/name
 *
 * `..data` is replaced by one rename. What containers watch is the link `..data`,
 * which is why the layout is part of the contract.
 */
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

export interface FileContent {
  readonly data: Uint8Array;
  readonly mode: number;
  /** The owner; root where left out. */
  readonly uid?: number | undefined;
}

/** By path relative to the volume. */
export type Payload = ReadonlyMap<string, FileContent>;

const dataLink = '..data';
const newDataLink = '..data_tmp';
const pathBytesMax = 4096;
/** The bits that an fsGroup adds to whatever mode was asked for. */
const addedByGroup = 0o440;

export interface AtomicWriteOptions {
  readonly nowMs: number;
  /** Called with the new directory before anybody can see it. */
  prepare(directory: string): Promise<void>;
}

/** Does nothing where the directory holds just that already. */
export async function writeAtomically(target: string, payload: Payload, { nowMs, prepare }: AtomicWriteOptions): Promise<void> {
  const files = checkedPaths(payload);
  const old = await readlink(join(target, dataLink)).catch(ignoreMissing);
  const visible = new Set([...files.keys()].map(firstPart));
  if (old === undefined || !(await holds(join(target, old), files))) {
    const made = await writeNew(target, files, nowMs, prepare);
    await swap(target, made);
  }
  for (const name of visible) await linkTo(target, name);
  if (old !== undefined) await removeStale(target, visible);
}

/** What an earlier set had and this one has not, and what a write that did not end has left. */
async function removeStale(target: string, visible: ReadonlySet<string>): Promise<void> {
  const current = await readlink(join(target, dataLink));
  for (const name of await readdir(target)) {
    if (name === dataLink || name === current || visible.has(name)) continue;
    if (name.startsWith('..') || (await isOurLink(target, name))) await rm(join(target, name), { recursive: true, force: true });
  }
}

function checkedPaths(payload: Payload): Map<string, FileContent> {
  const files = new Map<string, FileContent>();
  for (const [path, content] of payload) {
    if (path === '') throw new Error(`invalid path: must not be empty: "${path}"`);
    if (path.startsWith('/')) throw new Error(`invalid path: must be relative path: ${path}`);
    if (Buffer.byteLength(path) > pathBytesMax) throw new Error(`invalid path: must be less than or equal to ${pathBytesMax} characters`);
    if (path.split('/').includes('..')) throw new Error(`invalid path: must not contain '..': ${path}`);
    if (path.startsWith('..')) throw new Error(`invalid path: must not start with '..': ${path}`);
    files.set(normalize(path), content);
  }
  return files;
}

/** The part that is a link into the data directory. */
function firstPart(path: string): string {
  return path.split('/', 1)[0] as string;
}

/** Whether the directory has these files, with this content and these modes, and no others. */
async function holds(directory: string, files: ReadonlyMap<string, FileContent>): Promise<boolean> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(ignoreMissing);
  if (!entries) return false;
  if (entries.filter((entry) => !entry.isDirectory()).length !== files.size) return false;
  for (const [path, { data, mode }] of files) {
    const file = join(directory, path);
    const content = await readFile(file).catch(ignoreMissing);
    if (!content?.equals(data)) return false;
    const added = ((await stat(file)).mode & 0o777) ^ (mode & 0o777);
    if ((added & ~addedByGroup) !== 0) return false;
  }
  return true;
}

async function writeNew(target: string, files: ReadonlyMap<string, FileContent>, nowMs: number, prepare: AtomicWriteOptions['prepare']): Promise<string> {
  const directory = await mkdtemp(join(target, `..${timestamp(nowMs)}.`));
  try {
    await chmod(directory, 0o755);
    for (const [path, { data, mode, uid }] of files) {
      const file = join(directory, path);
      if (path.includes('/')) await mkdir(dirname(file), { recursive: true, mode: 0o755 });
      await writeFile(file, data, { mode: 0o600 });
      // The mode comes last: a change of the owner takes bits away.
      if (uid !== undefined) await chown(file, uid, -1);
      await chmod(file, mode);
    }
    await prepare(directory);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return directory;
}

async function swap(target: string, made: string): Promise<void> {
  const link = join(target, newDataLink);
  await rm(link, { force: true });
  await symlink(made.slice(target.length + 1), link);
  await rename(link, join(target, dataLink));
}

async function linkTo(target: string, name: string): Promise<void> {
  await symlink(join(dataLink, name), join(target, name)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
}

/** A directory in which another volume is mounted is none of ours. */
async function isOurLink(target: string, name: string): Promise<boolean> {
  const to = await readlink(join(target, name)).catch(() => undefined);
  return to?.startsWith(`${dataLink}/`) ?? false;
}

function timestamp(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 19).replace(/[-T:]/g, '_');
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
