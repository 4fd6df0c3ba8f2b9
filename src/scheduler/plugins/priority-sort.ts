/** PrioritySort: higher priority first, then who came first. */
import type { QueueSortPlugin } from '../framework/plugin.ts';

export const prioritySort: QueueSortPlugin = {
  name: 'PrioritySort',
  less(a, b) {
    if (a.priority !== b.priority) return a.priority > b.priority;
    return a.timestamp === b.timestamp ? a.order < b.order : a.timestamp < b.timestamp;
  },
};
