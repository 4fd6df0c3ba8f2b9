/** The index of pods by the node they are assigned to. */
import type { Pod } from '../../api/types/core-v1.ts';
import type { Informer } from '../../client/informer.ts';

const name = 'node';

export function indexByNode(podInformer: Informer<Pod>): (nodeName: string) => Pod[] {
  podInformer.addIndex(name, ({ spec }) => (spec.nodeName ? [spec.nodeName] : []));
  return (nodeName) => podInformer.byIndex(name, nodeName);
}
