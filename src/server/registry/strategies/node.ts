/** node.k8s.io/v1. */
import type { Strategy } from '../strategy.ts';
import { strategyOf } from './status-and-generation.ts';

export const strategies: Readonly<Record<string, Strategy>> = {
  'node.k8s.io/runtimeclasses': strategyOf(
    {},
    { allowCreateOnUpdate: true, allowUnconditionalUpdate: false },
  ),
};
