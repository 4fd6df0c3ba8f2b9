/** ImageLocality: prefers nodes that have the pod's images, the more so the larger and the more widely spread they are. */
import type { ScorePlugin } from '../framework/plugin.ts';
import { scoreMax } from '../framework/plugin.ts';

const mebibyte = 1024 * 1024;
const thresholdMin = 23 * mebibyte;
const thresholdMaxPerContainer = 1000 * mebibyte;

export const imageLocality: ScorePlugin<true> = {
  name: 'ImageLocality',
  weight: 1,
  scoreScope: 'node',
  preScore: (shape, snapshot) => (shape.images.some((image) => snapshot.imageNodes.has(image)) ? true : undefined),
  score(_state, shape, node, snapshot) {
    let sum = 0;
    for (const image of shape.images) {
      const size = node.images.get(image);
      // An image that few nodes have must not draw every pod to them.
      if (size !== undefined) sum += Math.trunc((size * (snapshot.imageNodes.get(image) ?? 0)) / snapshot.nodeCount);
    }
    const max = thresholdMaxPerContainer * shape.containerCount;
    const bounded = Math.min(Math.max(sum, thresholdMin), max);
    return Math.trunc((scoreMax * (bounded - thresholdMin)) / (max - thresholdMin));
  },
};
