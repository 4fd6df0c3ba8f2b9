/**
 * Gives a volume to the pod's fsGroup: its files belong to the group, which may
 * read them (and write, unless the volume is read-only), and what is made in its
 * directories inherits the group. Modes and the policy are upstream's. Another pod
 * may be at work in the volume: what it puts in the place of a file must not give
 * away a file of the node.
 */
import { chmod, chown, lchown, lstat, opendir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Pod } from '../../../api/types/core-v1.ts';
import { below, openItself, pathOf } from './no-follow.ts';

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
  await using root = await openItself(directory);
  await ownTree(root, fsGroup, mask);
}

async function isOwned(directory: string, fsGroup: number, mask: number): Promise<boolean> {
  const { gid, mode } = await lstat(directory);
  const wanted = mask | search | setGid;
  return gid === fsGroup && (mode & wanted) === wanted;
}

/** Children first: a root that is right says that all below it is. */
async function ownTree(file: FileHandle, fsGroup: number, mask: number): Promise<void> {
  const info = await file.stat();
  if (info.isDirectory()) for await (const { name } of await opendir(pathOf(file))) await ownChild(file, name, fsGroup, mask);
  await chown(pathOf(file), info.uid, fsGroup);
  await chmod(pathOf(file), (info.mode & 0o7777) | mask | (info.isDirectory() ? search | setGid : 0));
}

async function ownChild(directory: FileHandle, name: string, fsGroup: number, mask: number): Promise<void> {
  const path = below(directory, name);
  await using child = await openItself(path);
  const info = await child.stat();
  // A link has an owner and no mode: changing it would change that of what it names.
  if (info.isSymbolicLink()) await lchown(path, info.uid, fsGroup);
  else await ownTree(child, fsGroup, mask);
}
