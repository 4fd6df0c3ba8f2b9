/** policy/v1. */
import type { Strategy } from '../strategy.ts';
import { strategyOf } from './status-and-generation.ts';

export const strategies: Readonly<Record<string, Strategy>> = {
  'policy/poddisruptionbudgets': strategyOf(
    {
      status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
      counted: ['spec'],
    },
    { allowUnconditionalUpdate: false },
  ),
};
