/** Which objects a stage is for: labels, annotations, and expressions over the whole object. */
import { parseQuery } from './query.ts';

export interface SelectorSpec {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchAnnotations?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly ExpressionSpec[];
}

export interface ExpressionSpec {
  readonly key?: string;
  readonly operator?: string;
  readonly values?: readonly string[];
  readonly jq?: { readonly key?: string; readonly operator?: string; readonly values?: readonly string[] };
  readonly cel?: unknown;
}

interface Selectable {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> | undefined; readonly annotations?: Readonly<Record<string, string>> | undefined };
}

export type Selector = (object: Selectable) => boolean;

/** All terms must hold; no terms match everything. Throws Error for what is not understood. */
export function parseSelector({ matchLabels, matchAnnotations, matchExpressions }: SelectorSpec = {}): Selector {
  const labels = Object.entries(matchLabels ?? {});
  const annotations = Object.entries(matchAnnotations ?? {});
  const expressions = (matchExpressions ?? []).map(parseExpression);
  return (object) =>
    labels.every(([key, value]) => object.metadata.labels?.[key] === value) &&
    annotations.every(([key, value]) => object.metadata.annotations?.[key] === value) &&
    expressions.every((holds) => holds(object));
}

function parseExpression(spec: ExpressionSpec): (object: unknown) => boolean {
  if (spec.cel !== undefined) throw new Error('expressions in CEL are not supported');
  const { key = '', operator = '', values = [] } = spec.jq ?? spec;
  const query = parseQuery(key);
  const wanted = new Set(values);
  const isIn = (object: unknown) => query(object).some((value) => wanted.has(String(value)));
  switch (operator) {
    case 'In':
      return isIn;
    case 'NotIn':
      return (object) => !isIn(object);
    case 'Exists':
      return (object) => query(object).length > 0;
    case 'DoesNotExist':
      return (object) => query(object).length === 0;
    default:
      throw new Error(`the operator ${JSON.stringify(operator)} is not one of In, NotIn, Exists, DoesNotExist`);
  }
}
