/** NodeUnschedulable: cordoned nodes take only pods that tolerate it. */
import type { FilterPlugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import { tolerates } from './tolerations.ts';

const name = 'NodeUnschedulable';
const taint = { key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' };
const refused = unresolvable(name, 'node(s) were unschedulable');

export const nodeUnschedulable: FilterPlugin = {
  name,
  requeueOn: { nodeAdded: true, nodeUnschedulable: true, nodeTaints: true },
  filterScope: 'node',
  filter: (_state, shape, node) => (node.unschedulable && !tolerates(shape.tolerations, taint) ? refused : undefined),
};
