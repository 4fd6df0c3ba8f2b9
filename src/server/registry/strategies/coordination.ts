/** coordination.k8s.io: a lease is taken by whoever writes it first, so PUT creates and never overwrites unseen. */
import type { Strategy } from '../strategy.ts';
import { strategyOf } from './status-and-generation.ts';

const strategy = strategyOf({}, { allowCreateOnUpdate: true, allowUnconditionalUpdate: false });

export const strategies: Readonly<Record<string, Strategy>> = {
  'coordination.k8s.io/leases': strategy,
  'coordination.k8s.io/leasecandidates': strategy,
};
