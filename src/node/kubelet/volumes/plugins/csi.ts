/** A CSI volume of the pod's own, which lives as long as the pod. */
import { csiPluginName } from '../csi/csi-mounter.ts';
import type { CsiMounter } from '../csi/csi-mounter.ts';
import { inlineVolume } from '../csi/csi-volume.ts';
import type { VolumePlugin } from '../volume-plugin.ts';

export function csiPlugin(mounter: CsiMounter): VolumePlugin {
  return {
    name: csiPluginName,
    mount: ({ pod, volume }) => mounter.mount(pod, inlineVolume(pod, volume)),
    unmount: (directory) => mounter.unmount(directory),
  };
}
