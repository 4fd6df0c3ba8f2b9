/** A device gets a file system if it has none: if blkid(8) finds neither one nor partitions on it. What is there is never overwritten. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** blkid's exit code for a device with nothing on it that it knows. */
const nothingFound = 2;
const flags: Readonly<Record<string, readonly string[]>> = { ext3: ['-F', '-m0'], ext4: ['-F', '-m0'], xfs: ['-f'] };

export async function formatIfBlank(device: string, type: string): Promise<void> {
  if (await isBlank(device)) await run(`mkfs.${type}`, [...(flags[type] ?? []), device]);
}

async function isBlank(device: string): Promise<boolean> {
  try {
    await run('blkid', ['--probe', '--match-tag', 'TYPE', '--match-tag', 'PTTYPE', '--output', 'export', device]);
    return false;
  } catch (error) {
    if ((error as { code?: number | string }).code === nothingFound) return true;
    throw error;
  }
}
