/** What is remembered beside a mounted CSI volume, so that it can be unmounted by whoever comes after. Upstream's file and keys. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const fileName = 'vol_data.json';

export interface VolumeData {
  readonly volumeHandle: string;
  readonly driverName: string;
  /** Of what is published to a pod. */
  readonly specVolID?: string;
  readonly nodeName?: string;
  readonly attachmentID?: string;
  readonly volumeLifecycleMode?: 'Persistent' | 'Ephemeral';
}

export async function saveVolumeData(directory: string, data: VolumeData): Promise<void> {
  await writeFile(join(directory, fileName), JSON.stringify(data), { mode: 0o600 });
}

/** Undefined: nothing has been published there. */
export async function loadVolumeData(directory: string): Promise<VolumeData | undefined> {
  const text = await readFile(join(directory, fileName), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as VolumeData);
}
