/**
 * The part of jq that stages ask objects with: paths (`.a.b`, `.a["b"]`,
 * `.a[0]`), each of a list or map (`.[]`), pipes, and `select(PATH OP VALUE)`
 * with `==` and `!=`. A step into what is not there leads to nothing; all else
 * of jq is refused when the stage is read.
 */
export type Query = (object: unknown) => readonly unknown[];

type Step = (value: unknown) => readonly unknown[];

const tokenPattern = /\s*(?:(\.[A-Za-z_][\w]*)|(\.)|(\[\s*"(?:[^"\\]|\\.)*"\s*\])|(\[\s*-?\d+\s*\])|(\[\s*\])|(\|)|(select)\s*\(|(\))|(==|!=)|("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null))/y;

type Token =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'compare'; readonly negated: boolean }
  | { readonly kind: 'self' | 'each' | 'pipe' | 'select' | 'close' };

/** Throws Error for what is no jq, or more of it than is known here. */
export function parseQuery(text: string): Query {
  const tokens = tokensOf(text);
  const { steps, rest } = parsePipe(tokens, text);
  if (rest.length > 0) throw unsupported(text);
  return (object) => run(steps, object).filter((value) => value !== undefined && value !== null);
}

function unsupported(text: string): Error {
  return new Error(`the expression ${JSON.stringify(text)} is more of jq than is supported: paths, .[], pipes, and select(PATH == VALUE)`);
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  const end = text.trimEnd().length;
  while (tokenPattern.lastIndex < end) {
    const match = tokenPattern.exec(text);
    if (!match) throw unsupported(text);
    const [, field, self, key, index, each, pipe, select, close, compare, value] = match;
    if (field !== undefined) tokens.push({ kind: 'field', name: field.slice(1) });
    else if (self !== undefined) tokens.push({ kind: 'self' });
    else if (key !== undefined) tokens.push({ kind: 'field', name: JSON.parse(key.slice(1, -1).trim()) as string });
    else if (index !== undefined) tokens.push({ kind: 'index', index: Number(index.slice(1, -1)) });
    else if (each !== undefined) tokens.push({ kind: 'each' });
    else if (pipe !== undefined) tokens.push({ kind: 'pipe' });
    else if (select !== undefined) tokens.push({ kind: 'select' });
    else if (close !== undefined) tokens.push({ kind: 'close' });
    else if (compare !== undefined) tokens.push({ kind: 'compare', negated: compare === '!=' });
    else tokens.push({ kind: 'value', value: JSON.parse(value as string) as unknown });
  }
  return tokens;
}

/** Up to the end, or to what a pipe cannot hold. */
function parsePipe(tokens: readonly Token[], text: string): { steps: Step[]; rest: readonly Token[] } {
  const steps: Step[] = [];
  let rest = tokens;
  for (let token = rest[0]; token; token = rest[0]) {
    switch (token.kind) {
      case 'field': {
        const { name } = token;
        steps.push((value) => [isObject(value) ? value[name] : undefined]);
        break;
      }
      case 'index': {
        const { index } = token;
        steps.push((value) => [Array.isArray(value) ? (value as unknown[]).at(index) : undefined]);
        break;
      }
      case 'each':
        steps.push((value) => (Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []));
        break;
      case 'self':
      case 'pipe':
        break;
      case 'select': {
        const selected = parseSelect(rest.slice(1), text);
        steps.push(selected.step);
        rest = selected.rest;
        continue;
      }
      default:
        return { steps, rest };
    }
    rest = rest.slice(1);
  }
  return { steps, rest };
}

function parseSelect(tokens: readonly Token[], text: string): { step: Step; rest: readonly Token[] } {
  const { steps, rest } = parsePipe(tokens, text);
  const [compare, wanted, close] = rest;
  if (compare?.kind !== 'compare' || wanted?.kind !== 'value' || close?.kind !== 'close') throw unsupported(text);
  const step: Step = (value) => (run(steps, value).some((found) => (found ?? null) === wanted.value) !== compare.negated ? [value] : []);
  return { step, rest: rest.slice(3) };
}

function run(steps: readonly Step[], object: unknown): readonly unknown[] {
  let values: readonly unknown[] = [object];
  for (const step of steps) values = values.flatMap(step);
  return values;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
