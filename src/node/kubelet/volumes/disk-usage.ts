/** How much of a disk a directory takes, counted by du(1): trees of any size, without holding up this process. */
import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface DiskUsage {
  readonly bytes: number;
  readonly inodes: number;
}

/** Of a directory that shares its file system with others. Files that vanish meanwhile do not count. */
export async function usageOfDirectory(path: string): Promise<DiskUsage> {
  const [bytes, inodes] = await Promise.all([sum(['--block-size=1'], path), sum(['--inodes'], path)]);
  return { bytes, inodes };
}

/** Of a file system that is mounted for this one volume. */
export async function usageOfFileSystem(path: string): Promise<DiskUsage> {
  const { bsize, blocks, bfree, files, ffree } = await statfs(path);
  return { bytes: (blocks - bfree) * bsize, inodes: files - ffree };
}

async function sum(flags: readonly string[], path: string): Promise<number> {
  // du exits with 1 when a file has gone while it counted; it has counted the rest.
  const { stdout } = await run('du', ['--summarize', '--one-file-system', ...flags, path]).catch((error: unknown) => error as { stdout: string });
  const [count] = stdout.split('\t');
  return Number(count) || 0;
}
