/** Fills a namespace with pods of ReplicationControllers, and tells when they are all Running and Ready. */
import type { Api } from './api.ts';
import { replicationController } from './objects.ts';
import type { PodWatch } from './pod-watch.ts';
import type { PhaseProgress } from './progress.ts';

const controllerPodsMax = 3000;

export const controllersOf = (namespace: string, name = ''): string => `/api/v1/namespaces/${namespace}/replicationcontrollers${name && `/${name}`}`;

/** Resolves with the names of the controllers. `watch` is of the namespace. */
export async function saturate(api: Api, watch: PodWatch, namespace: string, pods: number, progress: PhaseProgress, podSpec: object = {}): Promise<string[]> {
  const sizes = Array.from({ length: Math.ceil(pods / controllerPodsMax) }, (_, index) => Math.min(controllerPodsMax, pods - index * controllerPodsMax));
  await Promise.all(sizes.map((size, index) => api.call('POST', controllersOf(namespace), replicationController(`fill-${index}`, size, podSpec))));
  await watch.until(() => {
    progress.set(watch.totals.ready);
    return watch.totals.ready >= pods;
  });
  return sizes.map((_, index) => `fill-${index}`);
}
