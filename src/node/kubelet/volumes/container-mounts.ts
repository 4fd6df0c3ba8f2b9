/** What of a pod's volumes one of its containers sees, and where. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, Pod, VolumeMount } from '../../../api/types/core-v1.ts';
import { expand } from '../expansion.ts';
import { StartError } from '../runtime.ts';
import type { Device, Mount } from '../runtime.ts';
import type { VolumeDirectories } from './directories.ts';
import { bindSubPath, checkSubPath, makeSubPath } from './sub-path.ts';
import type { MountedVolume } from './volume-plugin.ts';

const propagations: Readonly<Record<string, Mount['propagation']>> = { None: 'private', HostToContainer: 'hostToContainer', Bidirectional: 'bidirectional' };

/** Rejects with StartError('CreateContainerConfigError', ...). */
export async function containerMounts(
  directories: VolumeDirectories,
  pod: Pod,
  container: Container,
  volumes: ReadonlyMap<string, MountedVolume>,
  env: ReadonlyMap<string, string>,
): Promise<readonly Mount[]> {
  try {
    const mounts: Mount[] = [];
    for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
      const volume = volumes.get(mount.name);
      if (!volume) throw new Error(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
      if (mount.recursiveReadOnly === 'Enabled') throw new Error(`failed to resolve recursive read-only mode: volume "${mount.name}" requested recursive read-only mode, but it is not supported by the runtime`);
      const subPath = subPathOf(mount, env);
      const target = directories.subPath(pod.metadata.uid ?? '', mount.name, container.name, index);
      mounts.push({
        containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
        hostPath: volume.image !== undefined || subPath === '' ? volume.path : await prepare(volume, subPath, target, mount, container),
        readOnly: (mount.readOnly ?? false) || volume.readOnly,
        propagation: propagations[mount.mountPropagation ?? 'None'] ?? 'private',
        ...(volume.image === undefined ? {} : { image: volume.image, imageSubPath: subPath }),
      });
    }
    return mounts;
  } catch (error) {
    throw new StartError('CreateContainerConfigError', (error as Error).message);
  }
}

/** Throws StartError('CreateContainerConfigError', ...). */
export function containerDevices(container: Container, volumes: ReadonlyMap<string, MountedVolume>): Device[] {
  return (container.volumeDevices ?? []).map(({ name, devicePath }) => {
    const volume = volumes.get(name);
    if (!volume?.isDevice) throw new StartError('CreateContainerConfigError', `cannot find volume "${name}" to pass into container "${container.name}"`);
    return { containerPath: devicePath, hostPath: volume.path, readOnly: volume.readOnly };
  });
}

function subPathOf({ subPath = '', subPathExpr }: VolumeMount, env: ReadonlyMap<string, string>): string {
  const path = subPathExpr ? expandStrictly(subPathExpr, env) : subPath;
  if (path !== '') checkSubPath(path);
  return path;
}

/** Unlike in commands, a name without a value is an error: the path would be another one. */
function expandStrictly(text: string, env: ReadonlyMap<string, string>): string {
  return expand(text, (name) => {
    const value = env.get(name);
    if (value === undefined) throw new Error(`missing value for "${name}"`);
    return value;
  });
}

/** The errors of the file system stay in the log: they would tell the pod's owner of the node. */
async function prepare(volume: MountedVolume, subPath: string, target: string, mount: VolumeMount, container: Container): Promise<string> {
  const place = `volumeMount "${mount.name}" of container "${container.name}"`;
  const exists = await stat(join(volume.path, subPath)).catch(() => undefined);
  if (!exists) {
    await makeSubPath(volume.path, subPath).catch((error: unknown) => {
      throw new Error(`failed to create subPath directory for ${place}`, { cause: error });
    });
  }
  await bindSubPath(volume.path, subPath, target).catch((error: unknown) => {
    throw new Error(`failed to prepare subPath for ${place}`, { cause: error });
  });
  return target;
}
