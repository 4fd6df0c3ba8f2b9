/** events.k8s.io/v1: the core group's events by another name; they vanish after an hour. */
import type { Strategy } from '../strategy.ts';
import { strategyOf } from './status-and-generation.ts';

const timeToLiveSeconds = 3600;

export const strategies: Readonly<Record<string, Strategy>> = {
  'events.k8s.io/events': strategyOf(
    {},
    { allowCreateOnUpdate: true, allowUnconditionalUpdate: true, timeToLiveSeconds },
  ),
};
