/** NodePorts: a host port can be had once a node and address. */
import type { FilterPlugin, PreFilterPlugin } from '../framework/plugin.ts';
import { unschedulable } from '../framework/status.ts';

const name = 'NodePorts';
const refused = unschedulable(name, "node(s) didn't have free ports for the requested pod ports");

export const nodePorts: PreFilterPlugin & FilterPlugin = {
  name,
  requeueOn: {
    podDeleted: (_waiting, info, event) => 'pod' in event && info.shape.hostPorts.some(({ port }) => event.pod.shape.hostPorts.some((freed) => freed.port === port)),
    nodeAdded: true,
  },
  preFilter: (shape) => (shape.hostPorts.length === 0 ? { kind: 'skip' } : { kind: 'state', state: undefined }),
  filterScope: 'node',
  filter: (_state, shape, node) => (node.hasFreePorts(shape.hostPorts) ? undefined : refused),
};
