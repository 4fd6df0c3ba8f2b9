/** An image as a volume: the runtime mounts it, the kubelet only says which. */
import type { VolumePlugin } from '../volume-plugin.ts';

export const imagePlugin: VolumePlugin = {
  name: 'kubernetes.io/image',
  async mount({ volume }) {
    return { path: '', readOnly: true, onDisk: false, image: volume.image?.reference ?? '' };
  },
};
