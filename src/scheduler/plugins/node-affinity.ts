/** NodeAffinity: the pod's node selector, and what it requires and prefers of nodes. */
import type { PreferredSchedulingTerm } from '../../api/types/core-v1.ts';
import type { FilterPlugin, PreFilterPlugin, ScorePlugin } from '../framework/plugin.ts';
import { normalizeToMax } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import { acceptsNode, matchesTerm } from '../../api/node-selection.ts';
import type { PodShape } from '../snapshot/pod-shape.ts';

const name = 'NodeAffinity';
const refused = unresolvable(name, "node(s) didn't match Pod's node affinity/selector");
const conflict = unresolvable(name, 'pod affinity terms conflict');

export const nodeAffinity: PreFilterPlugin & FilterPlugin & ScorePlugin<readonly PreferredSchedulingTerm[]> = {
  name,
  requeueOn: { nodeAdded: true, nodeLabels: true },
  preFilter(shape) {
    const required = shape.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (!required && !shape.nodeSelector) return { kind: 'skip' };
    const nodeNames = namedNodes(shape);
    if (nodeNames?.size === 0) return { kind: 'rejected', status: conflict };
    return nodeNames ? { kind: 'state', state: undefined, nodeNames } : { kind: 'state', state: undefined };
  },
  filterScope: 'node',
  filter: (_state, shape, node) => (acceptsNode(shape, node) ? undefined : refused),
  weight: 2,
  scoreScope: 'node',
  preScore(shape) {
    const preferred = shape.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
    return preferred?.length ? preferred : undefined;
  },
  score(preferred, _shape, node) {
    let sum = 0;
    for (const { weight, preference } of preferred) if (weight !== 0 && matchesTerm(preference, node)) sum += weight;
    return sum;
  },
  normalize: (_state, scores, count) => normalizeToMax(scores, count, false),
};

/** Where every required term names its nodes (as a DaemonSet's do), only those need a look. */
function namedNodes({ nodeAffinity: affinity }: PodShape): Set<string> | undefined {
  const terms = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!terms) return undefined;
  const all = new Set<string>();
  for (const { matchFields } of terms) {
    let named: Set<string> | undefined;
    for (const { key, operator, values = [] } of matchFields ?? []) {
      if (key !== 'metadata.name' || operator !== 'In') continue;
      const before: Set<string> | undefined = named;
      named = new Set(before ? values.filter((value) => before.has(value)) : values);
    }
    if (!named) return undefined;
    for (const one of named) all.add(one);
  }
  return all;
}
