/** autoscaling/v2. */
import type { Strategy } from '../strategy.ts';
import { strategyOf } from './status-and-generation.ts';

export const strategies: Readonly<Record<string, Strategy>> = {
  'autoscaling/horizontalpodautoscalers': strategyOf(
    { status: { desiredReplicas: 0, currentMetrics: null } },
    { allowUnconditionalUpdate: true },
  ),
};
