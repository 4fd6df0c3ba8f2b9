/** Node selectors: what a pod, a volume or a class says of the nodes it wants. */
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm } from '../../api/types/core-v1.ts';

export interface NodeLike {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export function matchesTerm(term: NodeSelectorTerm, node: NodeLike): boolean {
  const { matchExpressions, matchFields } = term;
  // A term that asks nothing selects nothing.
  if (!matchExpressions?.length && !matchFields?.length) return false;
  for (const requirement of matchExpressions ?? []) if (!meets(requirement, node.labels[requirement.key])) return false;
  for (const requirement of matchFields ?? []) if (!meets(requirement, requirement.key === 'metadata.name' ? node.name : undefined)) return false;
  return true;
}

/** Any of the terms will do. */
export function matchesSelector(selector: NodeSelector, node: NodeLike): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

function meets({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const [bound] = values;
      if (value === undefined || bound === undefined || !isInteger(value) || !isInteger(bound)) return false;
      return operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
    }
    default:
      return false;
  }
}

function isInteger(text: string): boolean {
  return /^[+-]?\d+$/.test(text);
}
