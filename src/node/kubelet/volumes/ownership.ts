/**
 * Gives a volume to the pod's fsGroup: its files belong to the group, which may
 * read them (and write, unless the volume is read-only), and what is made in its
 * directories inherits the group. Modes and the policy are upstream's.
 */
import { chmod, lchown, lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../../api/types/core-v1.ts';

const readWrite = 0o660;
const readOnlyMode = 0o440;
const search = 0o110;
const setGid = 0o2000;

export interface Ownership {
  readonly fsGroup: number | undefined;
  /** Only where the root of the volume is not right already. */
  readonly onRootMismatch: boolean;
  readonly readOnly: boolean;
}

/** For volumes that outlive pods; the others are made anew and always owned. */
export function ownershipOf({ spec }: Pod, readOnly: boolean): Ownership {
  const { fsGroup, fsGroupChangePolicy } = spec.securityContext ?? {};
  return { fsGroup, onRootMismatch: fsGroupChangePolicy === 'OnRootMismatch', readOnly };
}

export async function own(directory: string, { fsGroup, onRootMismatch, readOnly }: Ownership): Promise<void> {
  if (fsGroup === undefined) return;
  const mask = readOnly ? readOnlyMode : readWrite;
  if (onRootMismatch && (await isOwned(directory, fsGroup, mask))) return;
  await ownTree(directory, fsGroup, mask);
}

async function isOwned(directory: string, fsGroup: number, mask: number): Promise<boolean> {
  const { gid, mode } = await lstat(directory);
  const wanted = mask | search | setGid;
  return gid === fsGroup && (mode & wanted) === wanted;
}

/** Children first: a root that is right says that all below it is. */
async function ownTree(path: string, fsGroup: number, mask: number): Promise<void> {
  const info = await lstat(path);
  if (info.isDirectory()) for await (const entry of await opendir(path)) await ownTree(join(path, entry.name), fsGroup, mask);
  await lchown(path, info.uid, fsGroup);
  // A link has no mode: changing it would change that of what it names.
  if (info.isSymbolicLink()) return;
  await chmod(path, (info.mode & 0o7777) | mask | (info.isDirectory() ? search | setGid : 0));
}
