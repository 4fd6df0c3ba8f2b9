/** scheduling.k8s.io/v1: of a priority class nothing that matters can change, so its generation stays 1. */
import type { Strategy } from '../strategy.ts';
import { strategyOf } from './status-and-generation.ts';

export const strategies: Readonly<Record<string, Strategy>> = {
  'scheduling.k8s.io/priorityclasses': strategyOf({ counted: [] }, { allowUnconditionalUpdate: true }),
};
