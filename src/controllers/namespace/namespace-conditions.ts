/** What a Terminating namespace says about what keeps it. Reasons and wording are upstream's. */
import type { NamespaceCondition } from '../../api/types/core-v1.ts';
import { withCondition } from '../runtime/conditions.ts';

/** What a round of deletion left, and what went wrong in it. */
export interface DeletionRound {
  /** Group versions that could not be asked what they serve, with why. */
  readonly discoveryFailures: readonly string[];
  readonly contentFailures: readonly string[];
  /** `pods.` (resource, dot, group) to the number of objects that are still there. */
  readonly remaining: ReadonlyMap<string, number>;
  readonly finalizers: ReadonlyMap<string, number>;
}

interface ConditionRule {
  readonly type: string;
  readonly okReason: string;
  readonly okMessage: string;
  readonly reason: string;
  /** Undefined where there is nothing to complain of. */
  complaint(round: DeletionRound): string | undefined;
}

const rules: readonly ConditionRule[] = [
  {
    type: 'NamespaceDeletionDiscoveryFailure',
    okReason: 'ResourcesDiscovered',
    okMessage: 'All resources successfully discovered',
    reason: 'DiscoveryFailed',
    complaint: ({ discoveryFailures }) =>
      discoveryFailures.length === 0
        ? undefined
        : `Discovery failed for some groups, ${discoveryFailures.length} failing: unable to retrieve the complete list of server APIs: ${discoveryFailures.join(', ')}`,
  },
  {
    type: 'NamespaceDeletionGroupVersionParsingFailure',
    okReason: 'ParsedGroupVersions',
    okMessage: 'All legacy kube types successfully parsed',
    reason: 'GroupVersionParsingFailed',
    complaint: () => undefined,
  },
  {
    type: 'NamespaceDeletionContentFailure',
    okReason: 'ContentDeleted',
    okMessage: 'All content successfully deleted, may be waiting on finalization',
    reason: 'ContentDeletionFailed',
    complaint: ({ contentFailures }) =>
      contentFailures.length === 0
        ? undefined
        : `Failed to delete all resource types, ${contentFailures.length} remaining: ${contentFailures.toSorted().join(', ')}`,
  },
  {
    type: 'NamespaceContentRemaining',
    okReason: 'ContentRemoved',
    okMessage: 'All content successfully removed',
    reason: 'SomeResourcesRemain',
    complaint: ({ remaining }) =>
      remaining.size === 0 ? undefined : `Some resources are remaining: ${counts(remaining, (name, count) => `${name} has ${count} resource instances`)}`,
  },
  {
    type: 'NamespaceFinalizersRemaining',
    okReason: 'ContentHasNoFinalizers',
    okMessage: 'All content-preserving finalizers finished',
    reason: 'SomeFinalizersRemain',
    complaint: ({ finalizers }) =>
      finalizers.size === 0
        ? undefined
        : `Some content in the namespace has finalizers remaining: ${counts(finalizers, (name, count) => `${name} in ${count} resource instances`)}`,
  },
];

export function namespaceConditions(old: readonly NamespaceCondition[] | undefined, round: DeletionRound, nowMs: number): NamespaceCondition[] {
  let conditions: NamespaceCondition[] = [...(old ?? [])];
  for (const rule of rules) {
    const complaint = rule.complaint(round);
    const wanted =
      complaint === undefined
        ? { type: rule.type, status: 'False', reason: rule.okReason, message: rule.okMessage }
        : { type: rule.type, status: 'True', reason: rule.reason, message: complaint };
    conditions = withCondition(conditions, wanted, nowMs);
  }
  return conditions;
}

function counts(map: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string {
  return [...map]
    .map(([name, count]) => text(name, count))
    .toSorted()
    .join(', ');
}
