/** The files that belong to one attempt of a container, in its pod's log directory: its log, those rotated away, and what it says of its end. */
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { logPathOf } from './container-config.ts';

/** Made for everybody to write, since it does not matter who the container runs as. Resolves to its path. */
export async function makeTerminationFile(logDirectory: string, container: string, attempt: number): Promise<string> {
  const path = terminationFileOf(join(logDirectory, logPathOf(container, attempt)));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '');
  await chmod(path, 0o666);
  return path;
}

export async function removeContainerFiles(logPath: string): Promise<void> {
  const directory = dirname(logPath);
  const log = basename(logPath);
  const files = await readdir(directory).catch(() => []);
  const own = files.filter((name) => name === log || name.startsWith(`${log}.`) || name === basename(terminationFileOf(logPath)));
  await Promise.all(own.map((name) => rm(join(directory, name), { force: true })));
}

function terminationFileOf(logPath: string): string {
  return logPath.replace(/\.log$/, '.termination');
}
