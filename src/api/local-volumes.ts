/** What the provisioner of local volumes and the kubelets that keep them agree on. */

export const localProvisioner = 'coxswain.io/local';

/** The class that a cluster begins with, and that claims without one get. */
export const localStorageClass = 'standard';

/** At a kubelet's server: POST makes a directory and answers with its `path`, DELETE removes it. */
export const localVolumesRoute = 'localVolumes';

/** The same by way of the API server. */
export function localVolumesPath(nodeName: string, volume: string): string {
  return `/api/v1/nodes/${encodeURIComponent(nodeName)}/proxy/${localVolumesRoute}/${encodeURIComponent(volume)}`;
}
