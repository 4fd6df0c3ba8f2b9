/** scheduling.k8s.io/v1. */
import type { PriorityClass } from '../types/scheduling-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

export const defaulters: Defaulters = {
  'scheduling.k8s.io/v1/PriorityClass': defaulter<PriorityClass>((priorityClass) => {
    priorityClass.value ??= 0;
    priorityClass.preemptionPolicy ??= 'PreemptLowerPriority';
  }),
};
