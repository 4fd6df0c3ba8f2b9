/** Directories that outlive pods, for the volumes of the built-in provisioner: one a volume, made and removed when the controller asks. */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeError } from '../server/served-node.ts';
import type { LocalVolumes } from '../server/served-node.ts';
import { removeUnmounted } from './mounts.ts';

/** The names that persistent volumes can have, of which none leads elsewhere. */
const name = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

export function localVolumes(root: string): LocalVolumes {
  const directory = join(root, 'local-volumes');
  const pathOf = (volume: string) => {
    if (!name.test(volume)) throw new NodeError(400, `"${volume}" is no name of a volume`);
    return join(directory, volume);
  };
  return {
    async create(volume) {
      const path = pathOf(volume);
      // Pods of any user write in it; other users of the node do not get there.
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await mkdir(path, { recursive: true });
      await chmod(path, 0o777);
      return path;
    },
    remove: (volume) => removeUnmounted(pathOf(volume)),
  };
}
