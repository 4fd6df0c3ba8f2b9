/** What becomes of an object, given how its owners fare. A pure decision. */
import type { OwnerReference } from '../../api/object.ts';

export type OwnerState = 'solid' | 'absent' | 'waiting';

export type Verdict =
  | { readonly action: 'keep' }
  /** Some owner remains: the references to the others go. */
  | { readonly action: 'prune'; readonly uids: readonly string[] }
  | { readonly action: 'delete'; readonly propagation: 'Foreground' | 'Background' | 'Orphan'; readonly unblock: boolean };

export interface VerdictInput {
  readonly owners: readonly { readonly reference: OwnerReference; readonly state: OwnerState }[];
  readonly finalizers: readonly string[];
  readonly hasDependents: boolean;
  /** One of its dependents is itself waiting for dependents: a circle of foreground deletions may block. */
  readonly dependentWaits: boolean;
}

export function verdictOf({ owners, finalizers, hasDependents, dependentWaits }: VerdictInput): Verdict {
  if (owners.length === 0) return { action: 'keep' };
  const lost = owners.filter(({ state }) => state !== 'solid');
  if (lost.length < owners.length) {
    return lost.length === 0 ? { action: 'keep' } : { action: 'prune', uids: lost.map(({ reference }) => reference.uid) };
  }
  if (hasDependents && lost.some(({ state }) => state === 'waiting')) return { action: 'delete', propagation: 'Foreground', unblock: dependentWaits };
  if (finalizers.includes('orphan')) return { action: 'delete', propagation: 'Orphan', unblock: false };
  if (finalizers.includes('foregroundDeletion')) return { action: 'delete', propagation: 'Foreground', unblock: false };
  return { action: 'delete', propagation: 'Background', unblock: false };
}
