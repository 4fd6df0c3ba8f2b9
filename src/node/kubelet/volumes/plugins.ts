/** All kinds of volumes, each under the field of a volume that asks for it. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Volume } from '../../../api/types/core-v1.ts';
import { CsiDrivers } from './csi/csi-drivers.ts';
import { CsiMounter } from './csi/csi-mounter.ts';
import { configMapPlugin, downwardApiPlugin, projectedPlugin, secretPlugin } from './files/files-volume.ts';
import { csiPlugin } from './plugins/csi.ts';
import { emptyDirPlugin } from './plugins/empty-dir.ts';
import { hostPathPlugin } from './plugins/host-path.ts';
import { imagePlugin } from './plugins/image.ts';
import { persistentClaimPlugin } from './plugins/persistent-claim.ts';
import type { VolumeHost, VolumePlugin } from './volume-plugin.ts';

export class VolumePlugins {
  readonly #host: VolumeHost;
  readonly #drivers: CsiDrivers;
  readonly #csi: CsiMounter;
  readonly #byField: ReadonlyMap<string, VolumePlugin>;

  constructor(host: VolumeHost) {
    this.#host = host;
    this.#drivers = new CsiDrivers(host);
    this.#csi = new CsiMounter(host, this.#drivers);
    const claims = persistentClaimPlugin(host, this.#csi);
    this.#byField = new Map<keyof Volume, VolumePlugin>([
      ['emptyDir', emptyDirPlugin(host)],
      ['configMap', configMapPlugin(host)],
      ['secret', secretPlugin(host)],
      ['downwardAPI', downwardApiPlugin(host)],
      ['projected', projectedPlugin(host)],
      ['hostPath', hostPathPlugin],
      ['image', imagePlugin],
      ['csi', csiPlugin(this.#csi)],
      ['persistentVolumeClaim', claims],
      ['ephemeral', claims],
    ]);
  }

  /** Drivers are known from now on. */
  async start(): Promise<void> {
    await this.#csi.start();
    await this.#drivers.start();
  }

  /** See PodVolumes. */
  get inUse(): readonly string[] {
    return this.#csi.inUse;
  }

  of(volume: Volume): VolumePlugin {
    for (const field of Object.keys(volume)) {
      const plugin = this.#byField.get(field);
      if (plugin) return plugin;
    }
    throw new Error('no volume plugin matched');
  }

  /** Lets the plugins free what they hold for the pod, as far as its directories tell. */
  async unmountAll(podUid: string): Promise<void> {
    const { directories } = this.#host;
    for (const plugin of this.#byField.values()) {
      if (!plugin.unmount) continue;
      const parent = directories.volume(podUid, plugin.name, '');
      for (const name of await readdir(parent).catch(() => [])) await plugin.unmount(join(parent, name), podUid);
    }
  }
}
