import type { LocalVolumes } from '../kubelet/server/served-node.ts';

/** Directories that are never made: nothing runs that could look into them. */
export const pretendedVolumes: LocalVolumes = {
  create: (volume) => Promise.resolve(`/var/lib/kubelet/local-volumes/${volume}`),
  remove: () => Promise.resolve(),
};
