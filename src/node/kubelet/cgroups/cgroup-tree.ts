/** One machine's tree of cgroups, of either version. Paths begin with a slash and are the same under every controller. */
import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import type { CgroupLimits } from './limits.ts';

export interface CgroupTree {
  /** Makes it where it is missing, with those above it; sets the limits that are given. */
  apply(path: string, limits: CgroupLimits): Promise<void>;
  /** Kills what runs in it and removes it, with all below. */
  remove(path: string): Promise<void>;
  /** Names of those directly below; none where it is missing. */
  children(path: string): Promise<readonly string[]>;
}

const removalTriesMax = 20;
const removalPauseMs = 50;

/** Removes the cgroup below one mount. The kernel needs a moment for what has just been killed. */
export async function removeCgroup(directory: string, clock: Clock): Promise<void> {
  for (const name of await directoriesOf(directory)) await removeCgroup(join(directory, name), clock);
  for (let tries = 0; ; tries++) {
    await killProcesses(directory);
    try {
      await rmdir(directory);
      return;
    } catch (error) {
      if (isMissing(error)) return;
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || tries >= removalTriesMax) throw error;
    }
    await clock.sleep(removalPauseMs);
  }
}

async function killProcesses(directory: string): Promise<void> {
  const text = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => '');
  for (const pid of text.split('\n')) {
    // 0: of another pid namespace, which cannot be told from here.
    if (Number(pid) <= 0) continue;
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

export async function directoriesOf(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENODEV';
}
