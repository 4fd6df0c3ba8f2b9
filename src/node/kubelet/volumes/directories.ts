/** Where the volumes of pods lie under the kubelet's root directory: upstream's layout, which tools and CSI drivers know. */
import { join } from 'node:path';

/** A plugin's name as a directory: `kubernetes.io/csi` is `kubernetes.io~csi`. */
function escaped(plugin: string): string {
  return plugin.replaceAll('/', '~');
}

export class VolumeDirectories {
  readonly root: string;
  readonly pods: string;

  constructor(root: string) {
    this.root = root;
    this.pods = join(root, 'pods');
  }

  pod(podUid: string): string {
    return join(this.pods, podUid);
  }

  /** Of all volumes of the pod: a directory a plugin, a directory a volume. */
  volumes(podUid: string): string {
    return join(this.pods, podUid, 'volumes');
  }

  volume(podUid: string, plugin: string, name: string): string {
    return join(this.volumes(podUid), escaped(plugin), name);
  }

  subPaths(podUid: string): string {
    return join(this.pods, podUid, 'volume-subpaths');
  }

  subPath(podUid: string, volume: string, container: string, index: number): string {
    return join(this.subPaths(podUid), volume, container, String(index));
  }

  /** What a plugin keeps for the whole node. */
  plugin(plugin: string): string {
    return join(this.root, 'plugins', plugin);
  }

  /** Where drivers register by a socket each. */
  get registry(): string {
    return join(this.root, 'plugins_registry');
  }
}
