/** Node selectors: what a pod, a volume or a class says of the nodes it wants. One rule for the scheduler, the nodes and the controllers. */
import type { Node, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from './types/core-v1.ts';

export interface NodeLike {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What a pod says of its node. */
export interface NodeWishes {
  readonly nodeSelector?: Readonly<Record<string, string>> | undefined;
  readonly nodeAffinity?: NodeAffinity | undefined;
}

/** Whether the node selector and the required node affinity hold. */
export function acceptsNode({ nodeSelector, nodeAffinity }: NodeWishes, node: NodeLike): boolean {
  for (const key in nodeSelector) if (node.labels[key] !== nodeSelector[key]) return false;
  const required = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || matchesSelector(required, node);
}

export function matchesNode({ nodeSelector, affinity }: PodSpec, { metadata }: Node): boolean {
  return acceptsNode({ nodeSelector, nodeAffinity: affinity?.nodeAffinity }, { name: metadata.name ?? '', labels: metadata.labels ?? {} });
}

/** Any of the terms will do. */
export function matchesSelector(selector: NodeSelector, node: NodeLike): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

export function matchesTerm(term: NodeSelectorTerm, node: NodeLike): boolean {
  const { matchExpressions, matchFields } = term;
  // A term that asks nothing selects nothing.
  if (!matchExpressions?.length && !matchFields?.length) return false;
  for (const requirement of matchExpressions ?? []) if (!meets(requirement, node.labels[requirement.key])) return false;
  for (const requirement of matchFields ?? []) if (!meets(requirement, requirement.key === 'metadata.name' ? node.name : undefined)) return false;
  return true;
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
