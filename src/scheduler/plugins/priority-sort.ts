/** PrioritySort: higher priority first, then who came first. */
import type { QueueSortPlugin } from '../framework/plugin.ts';

export const prioritySort: QueueSortPlugin = {
  name: 'PrioritySort',
  less: (a, b) => a.priority > b.priority || (a.priority === b.priority && a.timestamp < b.timestamp),
};
