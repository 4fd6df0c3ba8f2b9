/** coordination.k8s.io/v1: a lease that nobody holds has a spec that says nothing. */
import type { Lease } from '../types/coordination-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

export const defaulters: Defaulters = {
  'coordination.k8s.io/v1/Lease': defaulter<Lease>((lease) => void (lease.spec ??= {})),
};
