/** Takes away the cgroups of machines that are off: each hierarchy has its own. */
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';

const root = '/sys/fs/cgroup';
const attempts = 50;
const retryMs = 20;

/** `name` is a path below the root of each hierarchy. What has ended a moment ago may still be in it for a while. */
export async function removeCgroups(name: string, clock: Clock): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const left = placesOf(name).filter((path) => !removeTree(path));
    if (left.length === 0) return;
    await clock.sleep(retryMs);
  }
}

/** Of version 2 the root itself is the hierarchy, of version 1 each folder in it. */
function placesOf(name: string): readonly string[] {
  if (!existsSync(root)) return [];
  return ['.', ...readdirSync(root)].map((hierarchy) => join(root, hierarchy, name)).filter((path) => existsSync(path));
}

function removeTree(path: string): boolean {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeTree(join(path, entry.name));
    rmdirSync(path);
    return true;
  } catch {
    return !existsSync(path);
  }
}
