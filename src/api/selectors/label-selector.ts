/**
 * Label selectors: a conjunction of requirements on an object's labels. Made
 * from the text of a query (parse-label-selector.ts) or from the LabelSelector
 * of an object's spec; immutable, cheap to match.
 */
import type { LabelSelector as LabelSelectorSpec } from '../object.ts';
import { labelKeyProblems, labelValueProblems } from './label-syntax.ts';
import { SelectorError } from './selector-error.ts';

export type Labels = Readonly<Record<string, string>>;
export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

export class LabelSelector {
  readonly requirements: readonly LabelRequirement[];
  /** True for the selector that matches nothing at all (that of an absent LabelSelector). */
  readonly isNothing: boolean;

  constructor(requirements: readonly LabelRequirement[], isNothing = false) {
    this.requirements = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    this.isNothing = isNothing;
  }

  /** Restricts nothing. */
  get isEmpty(): boolean {
    return this.requirements.length === 0 && !this.isNothing;
  }

  matches(labels: Labels | undefined): boolean {
    if (this.isNothing) return false;
    for (const requirement of this.requirements) if (!meets(requirement, labels)) return false;
    return true;
  }

  /** The first requirement that pins a key to one value, for look-ups in an index. */
  exact(): { readonly key: string; readonly value: string } | undefined {
    for (const { key, operator, values } of this.requirements) {
      const pins = operator === '=' || operator === '==' || (operator === 'in' && values.length === 1);
      const [value] = values;
      if (pins && value !== undefined) return { key, value };
    }
    return undefined;
  }

  /** Canonical text: requirements by key, the values of sets sorted. */
  toString(): string {
    return this.requirements.map(requirementText).join(',');
  }
}

export const everyLabel = new LabelSelector([]);
const noLabel = new LabelSelector([], true);

/** Equality with every pair of `labels`, as ReplicationController and Service select; unchecked. */
export function selectorFromLabels(labels: Labels): LabelSelector {
  return new LabelSelector(
    Object.entries(labels).map(([key, value]) => ({ key, operator: '=', values: [value] })),
  );
}

const specOperators: Readonly<Record<string, LabelOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/** The selector of a LabelSelector in a spec: an absent one matches nothing, an empty one everything. */
export function labelSelectorOf(spec: LabelSelectorSpec | undefined): LabelSelector {
  if (spec === undefined) return noLabel;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(spec.matchLabels ?? {})) {
    requirements.push(checkedRequirement(key, '=', [value]));
  }
  for (const { key, operator, values } of spec.matchExpressions ?? []) {
    const known = Object.hasOwn(specOperators, operator) ? specOperators[operator] : undefined;
    if (known === undefined)
      throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`);
    requirements.push(checkedRequirement(key, known, values ?? []));
  }
  return new LabelSelector(requirements);
}

/** Whether a spec's selector takes an object with these labels; throws SelectorError for one that makes no sense. */
export function matchesLabelSelector(
  spec: LabelSelectorSpec | undefined,
  labels: Labels | undefined,
): boolean {
  return labelSelectorOf(spec).matches(labels);
}

/** A requirement whose key, number of values and values are as they must be; throws SelectorError. */
export function checkedRequirement(
  key: string,
  operator: LabelOperator,
  values: readonly string[],
): LabelRequirement {
  const problems: string[] = [];
  const quoted = JSON.stringify;
  const keyProblems = labelKeyProblems(key);
  if (keyProblems.length > 0) problems.push(`key: Invalid value: ${quoted(key)}: ${keyProblems.join('; ')}`);
  const wrongCount = countProblem(operator, values.length);
  if (wrongCount) problems.push(`values: Invalid value: ${quoted(values)}: ${wrongCount}`);
  if (operator === 'gt' || operator === 'lt') {
    values.forEach((value, index) => {
      if (parseInt64(value) !== undefined) return;
      problems.push(
        `values[${index}]: Invalid value: ${quoted(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
      );
    });
  }
  values.forEach((value, index) => {
    const wrong = labelValueProblems(value);
    if (wrong.length > 0)
      problems.push(`values[${index}][${key}]: Invalid value: ${quoted(value)}: ${wrong.join('; ')}`);
  });
  const unique = [...new Set(problems)];
  if (unique.length > 0)
    throw new SelectorError(unique.length === 1 ? (unique[0] as string) : `[${unique.join(', ')}]`);
  return { key, operator, values };
}

function countProblem(operator: LabelOperator, count: number): string | undefined {
  switch (operator) {
    case 'in':
    case 'notin':
      return count === 0 ? "for 'in', 'notin' operators, values set can't be empty" : undefined;
    case '=':
    case '==':
    case '!=':
      return count !== 1 ? 'exact-match compatibility requires one single value' : undefined;
    case 'exists':
    case '!':
      return count !== 0 ? 'values set must be empty for exists and does not exist' : undefined;
    case 'gt':
    case 'lt':
      return count !== 1 ? "for 'Gt', 'Lt' operators, exactly one value is required" : undefined;
  }
}

function meets({ key, operator, values }: LabelRequirement, labels: Labels | undefined): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case '=':
    case '==':
      return value === values[0] && value !== undefined;
    case 'in':
      return value !== undefined && values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt': {
      const has = value === undefined ? undefined : parseInt64(value);
      const than = parseInt64(values[0] ?? '');
      if (has === undefined || than === undefined) return false;
      return operator === 'gt' ? has > than : has < than;
    }
  }
}

/** As Go's ParseInt in base 10 for 64 bits; undefined where that fails. */
function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

function requirementText({ key, operator, values }: LabelRequirement): string {
  const sorted = values.length > 1 ? [...values].sort() : values;
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${sorted.join(',')})`;
    case 'gt':
      return `${key}>${sorted.join(',')}`;
    case 'lt':
      return `${key}<${sorted.join(',')}`;
    default:
      return `${key}${operator}${sorted.join(',')}`;
  }
}
