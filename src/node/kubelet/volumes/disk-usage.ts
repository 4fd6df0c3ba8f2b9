/** How much of a disk directories take, counted by du(1): trees of any size, without holding up this process. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface DiskUsage {
  readonly bytes: number;
  readonly inodes: number;
}

/** In the order of the directories. What vanishes meanwhile does not count, nor what other file systems hold that are mounted in them. */
export async function usageOfDirectories(paths: readonly string[]): Promise<DiskUsage[]> {
  if (paths.length === 0) return [];
  const bytes = await sums(['--block-size=1'], paths);
  const inodes = await sums(['--inodes'], paths);
  return paths.map((path) => ({ bytes: bytes.get(path) ?? 0, inodes: inodes.get(path) ?? 0 }));
}

async function sums(flags: readonly string[], paths: readonly string[]): Promise<Map<string, number>> {
  // du exits with 1 when a file has gone while it counted; it has counted the rest.
  const { stdout } = await run('du', ['--summarize', '--one-file-system', ...flags, ...paths]).catch((error: unknown) => error as { stdout: string });
  const found = new Map<string, number>();
  for (const line of stdout.split('\n')) {
    const [count = '', path] = line.split('\t');
    if (path !== undefined) found.set(path, Number(count));
  }
  return found;
}
