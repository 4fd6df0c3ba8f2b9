/**
 * Opening files in places that pods can change. A handle of this kind is the file
 * itself, whatever its name comes to mean; nothing that has been opened was
 * reached through a link, and no device or pipe wakes up by it.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

/** O_PATH, for which Node has no name. */
const pathOnly = 0o10000000;

/** A link is opened as the link. */
export function openItself(path: string): Promise<FileHandle> {
  return open(path, pathOnly | constants.O_NOFOLLOW);
}

/** By this path the file can be used as if by its name. */
export function pathOf({ fd }: FileHandle): string {
  return `/proc/self/fd/${fd}`;
}

/** A name in the directory that is open, wherever that has been moved to. */
export function below(directory: FileHandle, name: string): string {
  return `${pathOf(directory)}/${name}`;
}
