/** How long a pod may stay on a node with NoExecute taints. Pure. */
import type { Taint, Toleration } from '../../api/types/core-v1.ts';
import { tolerates } from '../runtime/tolerations.ts';

/** Milliseconds from the taint on; 0: at once; undefined: for ever. */
export function evictionDelayMs(taints: readonly Taint[], tolerations: readonly Toleration[]): number | undefined {
  let shortest: number | undefined;
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue;
    const using = tolerations.filter((toleration) => tolerates(toleration, taint));
    if (using.length === 0) return 0;
    for (const { tolerationSeconds } of using) {
      if (tolerationSeconds === undefined) continue;
      const delayMs = Math.max(0, tolerationSeconds * 1000);
      if (shortest === undefined || delayMs < shortest) shortest = delayMs;
    }
  }
  return shortest;
}
