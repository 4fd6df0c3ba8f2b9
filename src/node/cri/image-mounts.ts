/**
 * Volumes that are images, for a containerd that has no mounts of images (before
 * 2.1): a read-only view of the image's layers, mounted on the node, which
 * containers then get as any directory. One a pod and image; it is found again
 * by its directory's name, so nothing has to be remembered.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { StartError } from '../kubelet/runtime.ts';
import { mount, mountedAt, removeUnmounted } from '../kubelet/volumes/mounts.ts';
import { imageService, runtimeService } from './api.ts';
import type { CriConnection } from './connection.ts';
import { isAlreadyThere, isNotFound } from './connection.ts';
import { snapshots, type SnapshotMount } from './containerd-api.ts';
import { imageToAskFor } from './image-names.ts';

export class ImageMounts {
  readonly #connection: CriConnection;
  /** `<pod's uid>/<image>` below it. */
  readonly #directory: string;
  #snapshotter: Promise<string> | undefined;

  constructor(connection: CriConnection, directory: string) {
    this.#connection = connection;
    this.#directory = directory;
  }

  /** Resolves to the path on the node. Rejects with StartError. */
  async mount(podUid: string, image: string, subPath: string): Promise<string> {
    const chain = await this.#chainOf(image);
    const name = createHash('sha256').update(chain).digest('hex').slice(0, 16);
    const target = join(this.#directory, podUid, name);
    await mkdir(target, { recursive: true, mode: 0o755 });
    if (!(await mountedAt(target))) for (const view of await this.#view(keyOf(podUid, name), chain)) await mount({ target, source: view.source, ...(view.type === 'bind' ? { options: ['bind', 'ro'] } : { type: view.type, options: [...view.options] }) });
    return subPath === '' ? target : within(target, subPath, image);
  }

  /** Of a pod whose containers are gone. */
  async release(podUid: string): Promise<void> {
    const directory = join(this.#directory, podUid);
    const names = await readdir(directory).catch(() => []);
    if (names.length === 0) return;
    await removeUnmounted(directory);
    const snapshotter = await this.#findSnapshotter();
    for (const name of names)
      await this.#connection.callContainerd(snapshots.remove, { snapshotter, key: keyOf(podUid, name) }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
  }

  /** The uids of pods that have some. */
  async pods(): Promise<readonly string[]> {
    return readdir(this.#directory).catch(() => []);
  }

  /** The layers of an image are one snapshot, named by the digests of them all. */
  async #chainOf(image: string): Promise<string> {
    const { image: found, info } = await this.#connection.call(imageService.imageStatus, { image: { image: imageToAskFor(image) }, verbose: true });
    const { chainID = '' } = JSON.parse(info['info'] ?? '{}') as { readonly chainID?: string };
    if (!found || chainID === '') throw new StartError('CreateContainerError', `failed to mount image "${image}": it is not on the node`);
    return chainID;
  }

  async #view(key: string, parent: string): Promise<readonly SnapshotMount[]> {
    const snapshotter = await this.#findSnapshotter();
    // Without this label it would be collected as what nobody needs.
    const labels = { 'containerd.io/gc.root': 'image-volume' };
    const { mounts } = await this.#connection.callContainerd(snapshots.view, { snapshotter, key, parent, labels }).catch((error: unknown) => {
      if (!isAlreadyThere(error)) throw error;
      return this.#connection.callContainerd(snapshots.mounts, { snapshotter, key });
    });
    return mounts;
  }

  #findSnapshotter(): Promise<string> {
    this.#snapshotter ??= this.#connection.call(runtimeService.status, { verbose: true }).then(({ info }) => {
      const { containerd } = JSON.parse(info['config'] ?? '{}') as { readonly containerd?: { readonly snapshotter?: string } };
      return containerd?.snapshotter ?? 'overlayfs';
    });
    this.#snapshotter.catch(() => (this.#snapshotter = undefined));
    return this.#snapshotter;
  }
}

function keyOf(podUid: string, name: string): string {
  return `coxswain-image-volume-${podUid}-${name}`;
}

/** Links of the image must not lead out of it; since it cannot change, it is enough to look once. */
async function within(root: string, subPath: string, image: string): Promise<string> {
  const path = await realpath(join(root, subPath)).catch(() => undefined);
  if (path === undefined || !path.startsWith(`${await realpath(root)}${sep}`)) throw new StartError('CreateContainerError', `failed to mount image "${image}": it has no path "${subPath}"`);
  return path;
}
