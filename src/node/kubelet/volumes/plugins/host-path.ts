/** A path of the node itself, checked or made as the volume's type says. */
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import type { HostPathVolumeSource } from '../../../../api/types/core-v1.ts';
import type { VolumePlugin } from '../volume-plugin.ts';

/** What each type demands of what is there, and how errors call it. */
const checks: Readonly<Record<string, { readonly is: (stats: Stats) => boolean; readonly called: string }>> = {
  Directory: { is: (stats) => stats.isDirectory(), called: 'a directory' },
  DirectoryOrCreate: { is: (stats) => stats.isDirectory(), called: 'a directory' },
  File: { is: (stats) => stats.isFile(), called: 'a file' },
  FileOrCreate: { is: (stats) => stats.isFile(), called: 'a file' },
  Socket: { is: (stats) => stats.isSocket(), called: 'a socket file' },
  CharDevice: { is: (stats) => stats.isCharacterDevice(), called: 'a character device' },
  BlockDevice: { is: (stats) => stats.isBlockDevice(), called: 'a block device' },
};

/** Rejects where the path is not what its type says. */
export async function checkHostPath({ path, type = '' }: HostPathVolumeSource): Promise<void> {
  if (path.split('/').includes('..')) throw new Error(`invalid HostPath \`${path}\`: must not contain '..'`);
  if (type === '') return;
  const check = checks[type];
  if (!check) throw new Error(`${type} is an invalid volume type`);
  let stats = await stat(path).catch(() => undefined);
  if (!stats && type.endsWith('OrCreate')) {
    await make(path, type);
    stats = await stat(path);
  }
  if (!stats || !check.is(stats)) throw new Error(`hostPath type check failed: ${path} is not ${check.called}`);
}

async function make(path: string, type: string): Promise<void> {
  if (type === 'DirectoryOrCreate') {
    await mkdir(path, { recursive: true, mode: 0o755 });
    await chmod(path, 0o755);
  } else {
    await writeFile(path, '', { flag: 'a', mode: 0o644 });
    await chmod(path, 0o644);
  }
}

export const hostPathPlugin: VolumePlugin = {
  name: 'kubernetes.io/host-path',
  async mount({ volume }) {
    const source = volume.hostPath as HostPathVolumeSource;
    await checkHostPath(source);
    return { path: source.path, readOnly: false, onDisk: false };
  },
};
