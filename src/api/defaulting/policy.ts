/** policy/v1: counts that are not optional on the wire. */
import type { PodDisruptionBudget } from '../types/policy-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

export const defaulters: Defaulters = {
  'policy/v1/PodDisruptionBudget': defaulter<PodDisruptionBudget>((budget) => {
    budget.status ??= { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  }),
};
