/** An empty directory of the pod's own: on the node's disk, in memory, or in huge pages. */
import { chmod, lstat, mkdir, rename } from 'node:fs/promises';
import { release } from 'node:os';
import type { EmptyDirVolumeSource, Pod } from '../../../../api/types/core-v1.ts';
import { podLimitQuantities } from '../../../../api/pod-resources.ts';
import { compareQuantity, parseQuantity, valueOf } from '../../../../api/quantity.ts';
import { isOwnFileSystem, mount } from '../mounts.ts';
import type { MountRequest } from '../mounts.ts';
import { own } from '../ownership.ts';
import type { VolumeHost, VolumePlugin } from '../volume-plugin.ts';

const name = 'kubernetes.io/empty-dir';
const open = 0o777;
const hugePages = 'HugePages';

export function emptyDirPlugin(host: VolumeHost): VolumePlugin {
  return {
    name,
    async mount({ pod, volume }) {
      const { medium = '', sizeLimit } = volume.emptyDir as EmptyDirVolumeSource;
      const path = host.directories.volume(pod.metadata.uid ?? '', name, volume.name);
      // Once it is there it is the pod's, mode and owner included.
      const owning = (directory: string) => own(directory, { fsGroup: pod.spec.securityContext?.fsGroup, onRootMismatch: false, readOnly: false });
      if (medium === '') await makeOpenDirectory(path, owning);
      else if (medium === 'Memory') await makeMemoryDirectory(path, memorySize(pod, sizeLimit, host.node()?.status?.allocatable?.['memory']), owning);
      else if (medium.startsWith(hugePages)) await makeHugePagesDirectory(path, pageSize(pod, medium), owning);
      else throw new Error(`unknown storage medium "${medium}"`);
      return { path, readOnly: false, onDisk: medium === '' };
    },
  };
}

/** What is done to a directory that has just been made. */
type Finish = (directory: string) => Promise<void>;

const asItIs: Finish = async () => {};

/** For everybody to write in. It is there as a whole or not at all; one that is there already is left alone. */
export async function makeOpenDirectory(path: string, finish: Finish = asItIs): Promise<void> {
  if (await lstat(path).catch(() => undefined)) return;
  // No volume has such a name.
  const fresh = `${path}.new`;
  await mkdir(fresh, { recursive: true, mode: 0o750 });
  // The process's umask would have taken rights away.
  await chmod(fresh, open);
  await finish(fresh);
  await rename(fresh, path);
}

/** `sizeBytes` undefined: as much as the machine's rule for tmpfs allows, which is half of its memory. */
export async function makeMemoryDirectory(path: string, sizeBytes: number | undefined, finish: Finish = asItIs): Promise<void> {
  const size = sizeBytes === undefined ? [] : [`size=${sizeBytes}`];
  await makeFileSystem(path, { source: 'tmpfs', target: path, type: 'tmpfs', options: [...size, ...(knowsNoSwap(release()) ? ['noswap'] : [])] }, finish);
}

function makeHugePagesDirectory(path: string, size: string, finish: Finish): Promise<void> {
  return makeFileSystem(path, { source: 'nodev', target: path, type: 'hugetlbfs', options: [`pagesize=${size}`] }, finish);
}

/** Its root has the mode that such file systems begin with: in memory, open to all with the sticky bit. */
async function makeFileSystem(path: string, request: MountRequest, finish: Finish): Promise<void> {
  await makeOpenDirectory(path);
  if (await isOwnFileSystem(path)) return;
  await mount(request);
  await finish(path);
}

/** The smallest of what the volume, the pod and the node allow. */
export function memorySize(pod: Pod, sizeLimit: string | undefined, allocatable: string | undefined): number | undefined {
  const zero = parseQuantity('0');
  const limits = [sizeLimit, allocatable].filter((text) => text !== undefined).map(valueOf);
  const everyContainerIsLimited = pod.spec.containers.every(({ resources }) => resources?.limits?.['memory'] !== undefined);
  const podLimit = podLimitQuantities(pod).get('memory');
  if (podLimit && compareQuantity(podLimit, zero) > 0 && (everyContainerIsLimited || pod.spec.resources?.limits?.['memory'])) limits.push(Math.ceil(Number(podLimit.value) * 10 ** podLimit.scale));
  const sizes = limits.filter((size) => size > 0);
  return sizes.length > 0 ? Math.min(...sizes) : undefined;
}

/** tmpfs can be kept out of swap since Linux 6.4. */
export function knowsNoSwap(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 4);
}

/** `HugePages-2Mi` names its size; `HugePages` takes the one size that the pod's containers ask for. */
export function pageSize(pod: Pod, medium: string): string {
  const prefix = 'hugepages-';
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const asked = new Set(containers.flatMap(({ resources }) => Object.keys(resources?.requests ?? {}).filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))));
  const wanted = medium === hugePages ? [...asked] : [...asked].filter((size) => size === medium.slice(hugePages.length + 1));
  if (wanted.length > 1) throw new Error(`medium: ${medium} can't be used if container requests multiple huge page sizes`);
  const [size] = wanted;
  if (size === undefined) throw new Error(`medium ${medium}: hugePages storage requested, but there is no resource request for huge pages`);
  return size.replace('i', '');
}
