/** NodeName: a pod that names its node fits no other. */
import type { FilterPlugin, PreFilterPlugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';

/**
 * Pods that name their node are bound already and never scheduled, so a waiting
 * pod's shape has none; the plugin is here so that diagnoses name it as upstream's do.
 */
const name = 'NodeName';
export const mismatch = unresolvable(name, "node(s) didn't match the requested node name");

export const nodeName: FilterPlugin & PreFilterPlugin = {
  name,
  requeueOn: { nodeAdded: true },
  filterScope: 'node',
  preFilter: () => ({ kind: 'skip' }),
  filter: () => mismatch,
};
