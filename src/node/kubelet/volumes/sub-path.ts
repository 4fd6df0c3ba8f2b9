/**
 * A part of a volume, bound to a place of the kubelet's own. What pods can change
 * in their volumes must not lead the kubelet out of them, not even when links are
 * swapped meanwhile: links are resolved once, then each component of the result is
 * opened beneath the one before without following links, and what is mounted is
 * the opened file, whatever its name says by then.
 */
import { constants } from 'node:fs';
import { lstat, mkdir, open, realpath, rm, stat, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { mount, mountedAt, unmount } from './mounts.ts';
import { below, openItself } from './no-follow.ts';

const directoryOnly = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Throws for what cannot be a path inside of a volume. */
export function checkSubPath(subPath: string): void {
  if (subPath.startsWith('/')) throw new Error(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (subPath.split('/').includes('..')) throw new Error(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
}

/** Makes what is missing of the sub-path, with the volume's own mode. */
export async function makeSubPath(volume: string, subPath: string): Promise<void> {
  const base = await realpath(volume);
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  const { existing, missing } = await splitAtMissing(base, parts);
  if (missing.length === 0) return;
  const mode = (await stat(base)).mode & 0o7777;
  let parent = await openWithin(base, existing);
  try {
    for (const part of missing) {
      const child = below(parent, part);
      await mkdir(child, { mode });
      const made = await open(child, directoryOnly);
      await parent.close();
      parent = made;
      // The umask may have taken rights away.
      await made.chmod(mode);
    }
  } finally {
    await parent.close();
  }
}

/** Binds the sub-path to `target`; a bind of an earlier call is kept where it is the same file still. */
export async function bindSubPath(volume: string, subPath: string, target: string): Promise<void> {
  const base = await realpath(volume);
  const handle = await openWithin(base, await realpath(join(base, subPath)));
  try {
    const wanted = await handle.stat();
    if (await mountedAt(target)) {
      const bound = await lstat(target);
      if (bound.dev === wanted.dev && bound.ino === wanted.ino) return;
      await unmount(target);
    }
    await makeTarget(target, wanted.isDirectory());
    await mount({ source: `/proc/${process.pid}/fd/${handle.fd}`, target, options: ['bind'] });
  } finally {
    await handle.close();
  }
}

async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  // What is there may be of the other type, if the sub-path has changed.
  await rm(target, { recursive: true, force: true });
  await mkdir(isDirectory ? target : dirname(target), { recursive: true, mode: 0o750 });
  if (!isDirectory) await writeFile(target, '', { mode: 0o640 });
}

/** The longest part of the path that exists, links resolved, and what is missing below it. */
async function splitAtMissing(base: string, parts: readonly string[]): Promise<{ existing: string; missing: readonly string[] }> {
  for (let length = parts.length; length > 0; length--) {
    const existing = await realpath(join(base, ...parts.slice(0, length))).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
    if (existing !== undefined) return { existing, missing: parts.slice(length) };
  }
  return { existing: base, missing: parts };
}

/** `path` has no links in it by what was seen of it; if that has changed, this rejects. */
async function openWithin(base: string, path: string): Promise<FileHandle> {
  const inside = relative(base, path);
  if (inside === '..' || inside.startsWith('../') || inside.startsWith('/')) throw new Error(`${path} is not within ${base}`);
  let handle = await openItself(base);
  try {
    for (const part of inside.split('/').filter((name) => name !== '')) {
      const next = await openItself(below(handle, part));
      await handle.close();
      handle = next;
      if ((await handle.stat()).isSymbolicLink()) throw new Error(`${path} has become a link`);
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
