/** TaintToleration: keeps pods off nodes whose taints they do not tolerate, and prefers nodes that would rather not be avoided. */
import type { Toleration } from '../../api/types/core-v1.ts';
import type { FilterPlugin, ScorePlugin } from '../framework/plugin.ts';
import { normalizeToMax } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import { tolerates } from './tolerations.ts';

const name = 'TaintToleration';
const refused = unresolvable(name, 'node(s) had untolerated taint(s)');

export const taintToleration: FilterPlugin & ScorePlugin<readonly Toleration[]> = {
  name,
  requeueOn: { nodeAdded: true, nodeTaints: true },
  filterScope: 'node',
  filter(_state, shape, node) {
    for (const taint of node.taints) if (!tolerates(shape.tolerations, taint)) return refused;
    return undefined;
  },
  weight: 3,
  scoreScope: 'node',
  preScore(shape, snapshot) {
    if (snapshot.softTaintedNodes === 0) return undefined;
    return shape.tolerations.filter(({ effect }) => !effect || effect === 'PreferNoSchedule');
  },
  score(tolerations, _shape, node) {
    let count = 0;
    for (const taint of node.softTaints) if (!tolerates(tolerations, taint)) count++;
    return count;
  },
  normalize: (_state, scores, count) => normalizeToMax(scores, count, true),
};
