/** coordination.k8s.io: a lease is taken by whoever writes it first, so PUT creates and never overwrites unseen. */
import type { KubeObject } from '../../../api/object.ts';
import type { Lease } from '../../../api/types/coordination-v1.ts';
import type { Strategy } from '../strategy.ts';
import { strategyOf } from './status-and-generation.ts';

/** Fields of the coordinated leader election, a feature that is off: kept only where they are stored already. */
function dropCoordination(object: KubeObject, old?: KubeObject): void {
  const lease = object as unknown as Lease;
  const { strategy, preferredHolder, ...spec } = lease.spec ?? {};
  if (strategy === undefined && preferredHolder === undefined) return;
  const before = (old as Lease | undefined)?.spec;
  lease.spec = {
    ...spec,
    ...(strategy !== undefined && before?.strategy !== undefined && { strategy }),
    ...(preferredHolder !== undefined && before?.preferredHolder !== undefined && { preferredHolder }),
  };
}

const rules = { allowCreateOnUpdate: true, allowUnconditionalUpdate: false };

export const strategies: Readonly<Record<string, Strategy>> = {
  'coordination.k8s.io/leases': strategyOf(
    { create: (object) => dropCoordination(object), update: (object, old) => dropCoordination(object, old) },
    rules,
  ),
  'coordination.k8s.io/leasecandidates': strategyOf({}, rules),
};
